"""Pretrained networks (AST, Whisper, wav2vec 2.0, …) with a new head, trained on clips: ``ast:PATH@SETTING``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from menura.audio import resample
from menura.backends.weights.device import choose_device
from menura.backends.windows import window_starts
from menura.classify.base import FittedClassifier, TrainingExamples, split_setting
from menura.classify.training import (
    Batch,
    TrainingSettings,
    augmented,
    classification_loss,
    cut,
    draw_order,
    optimise,
    patch,
    single_thread,
    smoothed,
)
from menura.encoders.checks import require_sound
from menura.seeding import content_hash, item_generator
from menura.types import Recording

if TYPE_CHECKING:
    from menura.backends.base import TrainableModel

__all__ = ["SETTINGS", "PretrainedClassifier", "PretrainedSettings", "load_pretrained"]

_SHORTEST_S = 0.4
_MOST_STORED = 2048


@dataclass(frozen=True, slots=True)
class PretrainedSettings:
    """How a pretrained network is trained on.

    Attributes:
        training: The loop's settings. ``dropout`` is the model's own.
        trains_encoder: Whether more than the head learns.
        mean_of_tokens: Whether AST's head sees the mean of all tokens instead of its summary tokens.
    """

    training: TrainingSettings
    trains_encoder: bool = True
    mean_of_tokens: bool = False


def _adam(
    rate: float, batch_size: int, betas: tuple[float, float], decay: float, *, constant: bool
) -> TrainingSettings:
    return TrainingSettings(
        batch_size=batch_size, peak_learning_rate=rate, weight_decay=decay, label_smoothing=0.0, dropout=0.0,
        mask_mels=24 / 128, mask_frames=96 / 512, optimiser="adam", betas=betas,
        schedule="constant" if constant else "decay",
    )  # fmt: skip


SETTINGS: Mapping[str, PretrainedSettings] = MappingProxyType(
    {
        "synthio-a": PretrainedSettings(_adam(1e-5, 48, (0.95, 0.999), 5e-7, constant=False)),
        "synthio-b": PretrainedSettings(_adam(1e-4, 24, (0.95, 0.999), 5e-7, constant=False)),
        "synthaudio": PretrainedSettings(_adam(1e-4, 32, (0.9, 0.98), 1e-4, constant=True), mean_of_tokens=True),
        "head": PretrainedSettings(
            TrainingSettings(peak_learning_rate=1e-3, mask_mels=24 / 128, mask_frames=96 / 512), trains_encoder=False
        ),
    }
)
"""Settings by name, ``synthio-a`` unless another is asked for.

The two of Synthio (arXiv:2410.02056: 1e-5 with batches of 48 in its code, 1e-4 with 24 in its text), that of SynthAudio
(arXiv:2406.08800) without its plateau, and ``head``, ours, which leaves the encoder as it is.
"""


@dataclass(frozen=True)
class FittedPretrained:
    """Network after training, and how long a stretch it hears.

    Attributes:
        model: Gives the inputs.
        network: From inputs to scores.
        num_samples: Longest stretch.
        num_labels: Scores to give.
        multilabel: Sigmoid per label instead of softmax.
    """

    model: TrainableModel
    network: nn.Module
    num_samples: int
    num_labels: int
    multilabel: bool

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Probabilities ``[clips, labels]``, from the mean score over windows that cover each clip.

        Windows go through the network one at a time: a clip is predicted alone as among others.
        """
        predicted = np.zeros((len(features), self.num_labels))
        place = next(self.network.parameters()).device
        with single_thread(), torch.inference_mode():
            for row, clip in enumerate(features):
                total = torch.zeros(self.num_labels, dtype=torch.float64)
                starts = window_starts(len(clip), self.num_samples)
                for start in starts:
                    window = _filled(clip[start : start + self.num_samples], self.num_samples, pads=self.model.pads)
                    given, heard = self.model.inputs([window])
                    total += self.network(given.to(place), heard.to(place))[0].cpu().double()
                scores = total / len(starts)
                predicted[row] = (torch.sigmoid(scores) if self.multilabel else torch.softmax(scores, 0)).numpy()
        return predicted


class PretrainedClassifier:
    """Trains a pretrained network on clips for a fixed number of steps.

    Weights say how often an example is drawn. ``validation`` is not looked at: nothing is chosen and training does not
    stop early. A clip that is longer than the model hears at once is heard at a random place in each step; a shorter
    one is padded by the model's own feature extractor, or repeated where the model takes any length. SpecAugment and
    mixup work on what the feature extractor gives; a model of waveforms has mixup alone.

    Args:
        model: What to train on.
        settings: How.
        device: ``cpu``, ``cuda``, …; ``auto`` takes a graphics card where there is one.
    """

    def __init__(self, model: TrainableModel, settings: PretrainedSettings, *, device: str = "auto") -> None:
        self.name = model.name.partition(":")[0]
        self._model, self._settings, self._device = model, settings, choose_device(device)
        self.feature_fingerprint = f"{self.name}:{content_hash(['waveform', 1, model.fingerprint, settings])}"

    @property
    def sample_rate(self) -> int:
        """Rate of the model in Hz."""
        return self._model.sample_rate

    def features(self, recording: Recording) -> NDArray[np.float32]:
        """The mean over channels at the rate of the model, ``[samples]``; very short clips are repeated up to 0.4 s.

        Raises:
            AudioError: The recording holds no samples, or samples that are no numbers.
        """
        require_sound(recording)
        mono = recording.waveform.mean(axis=0, keepdims=True, dtype=np.float32)
        waveform = resample(mono, recording.sample_rate, self.sample_rate)[0]
        return np.asarray(np.resize(waveform, max(len(waveform), self._samples(_SHORTEST_S))), dtype=np.float32)

    def fit(
        self, training: TrainingExamples, *, validation: TrainingExamples | None, steps: int, seed: int
    ) -> FittedClassifier:
        """The network after ``steps`` optimiser steps."""
        generator = item_generator(seed, self.name)
        num_samples = self._samples(self._model.window_s)
        if not self._model.pads:
            usual = int(np.quantile([len(clip) for clip in training.features], 0.75))
            num_samples = min(num_samples, usual)
        network = optimise(
            lambda: self._model.new_network(training.num_labels),
            self._batches(training, num_samples, steps, generator),
            classification_loss(multilabel=training.is_multilabel),
            steps=steps, generator=generator, settings=self._settings.training, device=self._device,
        )  # fmt: skip
        return FittedPretrained(self._model, network, num_samples, training.num_labels, training.is_multilabel)

    def _samples(self, duration_s: float) -> int:
        return round(duration_s * self.sample_rate)

    def _batches(
        self, training: TrainingExamples, num_samples: int, steps: int, generator: np.random.Generator
    ) -> Iterator[Batch]:
        settings = self._settings.training
        order = draw_order(training.weights, steps * settings.batch_size, generator)
        smoothing = 0.0 if training.is_multilabel else settings.label_smoothing
        stored: dict[int, tuple[Tensor, Tensor]] = {}
        for chosen in order.reshape(steps, settings.batch_size):
            starts = generator.random(len(chosen))
            heard = [
                self._heard(training, int(i), at, num_samples, stored) for i, at in zip(chosen, starts, strict=True)
            ]
            batch, share = torch.cat([given for given, _ in heard]), torch.cat([one for _, one in heard])
            wanted = torch.from_numpy(smoothed(training.targets[chosen], smoothing))
            if training.augment:
                batch, share, wanted = _augmented(batch, share, wanted, generator, settings)
            yield (batch, share), wanted

    def _heard(
        self, training: TrainingExamples, i: int, at: float, num_samples: int, stored: dict[int, tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """Input of one clip; that of a padded clip is always the same, and worked out once while there is room."""
        clip = np.asarray(training.features[i], np.float32)
        if i in stored:
            return stored[i]
        whole = self._model.pads and len(clip) <= num_samples
        if self._model.pads:
            window = clip if whole else patch(clip[None], at, num_samples)[0]
        else:
            window = cut(clip[None], at, num_samples)[0]
        given = self._model.inputs([np.ascontiguousarray(window)])
        if whole and len(stored) < _MOST_STORED:
            stored[i] = given
        return given


def load_pretrained(name: str, *, device: str = "auto") -> PretrainedClassifier:
    """The classifier of ``ast:PATH``, ``transformers:PATH``, or either with ``@SETTING`` behind it.

    Raises:
        BackendError: The model cannot be loaded.
    """
    from menura.backends.registry import load_trainable

    path, setting = split_setting(name)
    settings = SETTINGS[setting]
    model = load_trainable(path, mean_of_tokens=settings.mean_of_tokens, trains_encoder=settings.trains_encoder)
    return PretrainedClassifier(model, settings, device=device)


def _augmented(
    batch: Tensor, share: Tensor, wanted: Tensor, generator: np.random.Generator, settings: TrainingSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch, share that is no padding (a mixture has the mixture of both), and targets, augmented."""
    beside = torch.cat([wanted, share[:, None]], dim=1)
    if batch.ndim == 2:
        # one "band" that no mask may hide: a waveform is mixed only
        whole = replace(settings, mask_mels=0.0, mask_frames=0.0)
        mixed, beside = augmented(batch[:, None], beside, generator, whole)
        return mixed[:, 0], beside[:, -1], beside[:, :-1]
    mixed, beside = augmented(batch, beside, generator, settings)
    return mixed, beside[:, -1], beside[:, :-1]


def _filled(window: NDArray[np.float32], num_samples: int, *, pads: bool) -> NDArray[np.float32]:
    """A short window repeated up to the stretch, unless the model pads it itself."""
    window = np.ascontiguousarray(window, dtype=np.float32)
    return window if pads or len(window) >= num_samples else np.resize(window, num_samples)
