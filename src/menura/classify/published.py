"""The classifiers of published augmentation studies: their networks on their front ends, trained by our protocol.

What is theirs: the layers, the mel spectrogram, how much of a clip is heard, the optimiser. What is not: equal steps in
every arm instead of epochs, no epoch picked on test clips (or on validation clips), and no part of a clip left to
chance when it is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from menura.audio import resample
from menura.audio.mel import stft_power
from menura.backends.weights.device import choose_device
from menura.classify.base import FittedClassifier, TrainingExamples
from menura.classify.published_networks import Crnn, SalamonNetwork, ThreeConvNetwork
from menura.classify.training import TrainingSettings, patch, single_thread, train
from menura.encoders.checks import require_sound
from menura.errors import BackendError
from menura.seeding import content_hash, item_generator
from menura.types import Recording

__all__ = ["PUBLISHED", "MelFrontEnd", "PublishedClassifier", "PublishedSetup", "htk_filterbank"]

_NUM_MELS, _WINDOW, _HOP = 64, 1024, 512


@dataclass(frozen=True, slots=True)
class MelFrontEnd:
    """What is computed of a clip and stored: the natural logarithm of the mel power.

    Attributes:
        sample_rate: In Hz.
        duration_s: What is heard of a clip: its beginning.
        repeats: Whether a shorter clip is repeated up to that; else silence follows.
        offset: Added to the power before the logarithm.
    """

    sample_rate: int
    duration_s: float
    repeats: bool
    offset: float

    def log_mel(self, recording: Recording) -> NDArray[np.float32]:
        """Log-mel ``[64, frames]``, window 1024 and step 512 samples, HTK filters up to half of the rate.

        Raises:
            AudioError: The recording holds no samples, or samples that are no numbers.
        """
        require_sound(recording)
        mono = recording.waveform.mean(axis=0, keepdims=True, dtype=np.float32)
        heard = resample(mono, recording.sample_rate, self.sample_rate)[0]
        count = round(self.duration_s * self.sample_rate)
        if self.repeats and len(heard) < count:
            heard = np.resize(heard, count)
        waveform = np.zeros(count, np.float32)
        waveform[: min(count, len(heard))] = heard[:count]
        with single_thread():
            power = stft_power(torch.from_numpy(waveform), n_fft=_WINDOW, hop=_HOP).numpy()
        return np.asarray(np.log(htk_filterbank(self.sample_rate) @ power + self.offset), dtype=np.float32)


@dataclass(frozen=True)
class PublishedSetup:
    """One network of a paper and all around it.

    Attributes:
        build: Makes the network for a number of labels.
        front_end: What is computed of a clip.
        prepare: From the stored log-mel to what the network sees.
        num_frames: Of one crop; a crop never runs over the end of its clip.
        test_crops: Evenly spaced crops of a test clip, whose scores are averaged.
        settings: How it is trained.
    """

    build: Callable[[int], nn.Module]
    front_end: MelFrontEnd
    prepare: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    num_frames: int
    test_crops: int
    settings: TrainingSettings


def _power(log_mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mel power without a logarithm; it is stored with one, because half precision ends at 65,504."""
    return np.exp(np.asarray(log_mel, np.float32))


def _by_variance(log_mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without its mean, by its variance (not its deviation), over the whole spectrogram."""
    values = np.asarray(log_mel, np.float32)
    return np.asarray((values - values.mean()) / max(float(values.var()), 1e-6), np.float32)


_ADAM = TrainingSettings(
    batch_size=128, peak_learning_rate=1e-3, weight_decay=0.0, label_smoothing=0.0, dropout=0.0, optimiser="adam",
    schedule="constant",
)  # fmt: skip
_RONCHINI_FRONT_END = MelFrontEnd(sample_rate=16_000, duration_s=4.0, repeats=True, offset=1e-3)
_RONCHINI = TrainingSettings(
    batch_size=128, peak_learning_rate=1e-3, weight_decay=1e-3, label_smoothing=0.0, dropout=0.5, optimiser="adam",
    epsilon=1e-7, schedule="constant",
)  # fmt: skip

PUBLISHED: Mapping[str, PublishedSetup] = MappingProxyType(
    {
        "cnn-3conv": PublishedSetup(
            ThreeConvNetwork, MelFrontEnd(22_050, 1.0, repeats=False, offset=1e-10), _power, 44, 1, _ADAM
        ),
        "cnn-ronchini": PublishedSetup(SalamonNetwork, _RONCHINI_FRONT_END, _by_variance, 45, 4, _RONCHINI),
        "crnn": PublishedSetup(Crnn, _RONCHINI_FRONT_END, _by_variance, 45, 4, _RONCHINI),
    }
)
"""The networks by the names of their classifiers."""


@dataclass(frozen=True)
class FittedPublished:
    """Network after training, and what it expects."""

    setup: PublishedSetup
    network: nn.Module
    num_labels: int
    multilabel: bool

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Probabilities ``[clips, labels]``, from the mean score over the crops of each clip."""
        predicted = np.zeros((len(features), self.num_labels))
        place = next(self.network.parameters()).device
        with single_thread(), torch.inference_mode():
            for row, clip in enumerate(features):
                crops = torch.from_numpy(self._crops(clip))
                scores = self.network(crops.to(place)).cpu().double().mean(dim=0)
                predicted[row] = (torch.sigmoid(scores) if self.multilabel else torch.softmax(scores, 0)).numpy()
        return predicted

    def _crops(self, clip: NDArray[np.float32]) -> NDArray[np.float32]:
        seen, count = self.setup.prepare(clip), self.setup.test_crops
        starts = (np.arange(count) + 0.5) / count
        return np.stack([patch(seen, start, self.setup.num_frames) for start in starts])


class PublishedClassifier:
    """The network of a paper, trained from scratch for a fixed number of steps.

    Weights say how often an example is drawn. ``validation`` is not looked at. SpecAugment and mixup work as in
    ``cnn``; a mask is the mean of the spectrogram, and silence in ``cnn-3conv``, which has no logarithm.

    Args:
        name: ``cnn-3conv``, ``cnn-ronchini`` or ``crnn``.
        settings: How to train; None takes the paper's.
        device: ``cpu``, ``cuda``, …; ``auto`` takes a graphics card where there is one.

    Raises:
        BackendError: There is no such network, or no such device.
    """

    def __init__(self, name: str, settings: TrainingSettings | None = None, *, device: str = "auto") -> None:
        if name not in PUBLISHED:
            raise BackendError(f"no published network {name!r}; known: {', '.join(PUBLISHED)}")
        self.name, self._setup = name, PUBLISHED[name]
        self._settings = settings or self._setup.settings
        self._device = choose_device(device)
        self.feature_fingerprint = f"{name}:{content_hash(['published log-mel', 1, self._setup.front_end])}"

    def features(self, recording: Recording) -> NDArray[np.float32]:
        """Log-mel ``[64, frames]``."""
        return self._setup.front_end.log_mel(recording)

    def fit(
        self, training: TrainingExamples, *, validation: TrainingExamples | None, steps: int, seed: int
    ) -> FittedClassifier:
        """The network after ``steps`` optimiser steps."""
        network = train(
            lambda: self._setup.build(training.num_labels),
            [self._setup.prepare(clip) for clip in training.features],
            training.targets,
            training.weights,
            num_frames=self._setup.num_frames,
            augment=training.augment,
            multilabel=training.is_multilabel,
            steps=steps,
            generator=item_generator(seed, self.name),
            settings=self._settings,
            loop=False,
            device=self._device,
        )
        return FittedPublished(self._setup, network, training.num_labels, training.is_multilabel)


@lru_cache(maxsize=4)
def htk_filterbank(sample_rate: int) -> NDArray[np.float32]:
    """Triangles of height 1 on the scale ``2595 log10(1 + f / 700)``, ``[64, 513]``; common in torch code.

    Without a logarithm behind it the height of the filters matters, so that Slaney's of equal area would not do.
    """
    top = 2595 * np.log10(1 + sample_rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, _NUM_MELS + 2) / 2595) - 1)
    bins = np.linspace(0, sample_rate / 2, _WINDOW // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    bank = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    bank.setflags(write=False)
    return bank
