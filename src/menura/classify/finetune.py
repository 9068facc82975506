"""The network of a trained encoder with a head for the labels, trained on for a fixed number of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from menura.classify.base import FittedClassifier, TrainingExamples
from menura.classify.training import TrainingSettings, cut, single_thread, train
from menura.encoders.learned import LearnedEncoder
from menura.errors import BackendError
from menura.seeding import content_hash, item_generator
from menura.types import Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["FinetuneClassifier", "FinetuneNetwork", "trained_part"]

_LONGEST_CROP_S, _SHORTEST_CROP_S = 5.0, 0.4
_TEST_CROPS = 3
_SETTINGS = TrainingSettings(peak_learning_rate=2e-3, mask_mels=0.2, mask_frames=0.2)


class FinetuneNetwork(nn.Module):
    """The network, and a linear head on mean and maximum of its last maps.

    Args:
        encoder: Where the network and its weights come from.
        num_labels: Scores to give.
        dropout: Before the head.
        mean, deviation: Of the levels that come in standardised.
        from_scratch: Leave the weights random, to see what the training before was worth.
    """

    def __init__(
        self,
        encoder: LearnedEncoder,
        num_labels: int,
        *,
        dropout: float,
        mean: float,
        deviation: float,
        from_scratch: bool = False,
    ) -> None:
        super().__init__()
        self.network = encoder.new_network(random_weights=from_scratch)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.shape.dim, num_labels)
        self._mean, self._deviation = mean, deviation

    def forward(self, batch: Tensor) -> Tensor:
        """Scores ``[items, labels]`` of standardised levels ``[items, mels, frames]``."""
        scores: Tensor = self.head(self.dropout(self.network(batch * self._deviation + self._mean)))
        return scores


@dataclass(frozen=True)
class FittedFinetune:
    """Network after training, and what it expects."""

    network: nn.Module
    num_frames: int
    mean: float
    deviation: float
    multilabel: bool
    num_labels: int

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Probabilities ``[clips, labels]``, from the mean score over crops of each clip."""
        predicted = np.zeros((len(features), self.num_labels))
        with single_thread(), torch.inference_mode():
            for row, clip in enumerate(features):
                levels = (np.asarray(clip, np.float32) - self.mean) / self.deviation
                crops = np.stack([cut(levels, at / _TEST_CROPS, self.num_frames) for at in range(_TEST_CROPS)])
                scores = self.network(torch.from_numpy(crops)).double().mean(dim=0)
                predicted[row] = (torch.sigmoid(scores) if self.multilabel else torch.softmax(scores, 0)).numpy()
        return predicted


class FinetuneClassifier:
    """Fine-tunes the network of a trained encoder on random crops, for a fixed number of steps.

    Weights say how often an example is drawn. ``validation`` is not looked at: nothing is chosen and training does not
    stop early. It wants more clips and steps than ``linear``, which reads the encoder without changing it.

    Args:
        encoder: The trained encoder to start from.
        settings: How to train.
        from_scratch: Start from random weights instead.
    """

    name = "finetune"

    def __init__(
        self, encoder: LearnedEncoder, settings: TrainingSettings | None = None, *, from_scratch: bool = False
    ) -> None:
        self._encoder, self._from_scratch = encoder, from_scratch
        self._settings = settings or _SETTINGS
        self.feature_fingerprint = f"finetune:{content_hash(['levels', 1, encoder.front_end])}"

    def features(self, recording: Recording) -> NDArray[np.float32]:
        """Levels ``[mels, frames]``, see :meth:`menura.encoders.network.FrontEnd.levels`.

        Raises:
            AudioError: The recording holds no samples, or samples that are no numbers.
        """
        return self._encoder.levels(recording).numpy()

    def fit(
        self, training: TrainingExamples, *, validation: TrainingExamples | None, steps: int, seed: int
    ) -> FittedClassifier:
        """The network after ``steps`` optimiser steps."""
        levels = np.concatenate([np.asarray(clip, np.float32).ravel() for clip in training.features])
        mean, deviation = float(levels.mean()), max(float(levels.std()), 1e-3)
        usual_s = (
            float(np.quantile([clip.shape[1] for clip in training.features], 0.75)) * self._encoder.front_end.hop_s
        )
        crop_s = min(max(usual_s, _SHORTEST_CROP_S), _LONGEST_CROP_S)
        num_frames = round(crop_s / self._encoder.front_end.hop_s)
        network = train(
            lambda: FinetuneNetwork(
                self._encoder, training.num_labels,
                dropout=self._settings.dropout, mean=mean, deviation=deviation, from_scratch=self._from_scratch,
            ),
            [(np.asarray(clip, np.float32) - mean) / deviation for clip in training.features],
            training.targets,
            training.weights,
            num_frames=num_frames,
            augment=training.augment,
            multilabel=training.is_multilabel,
            steps=steps,
            generator=item_generator(seed, "finetune"),
            settings=self._settings,
        )  # fmt: skip
        return FittedFinetune(network, num_frames, mean, deviation, training.is_multilabel, training.num_labels)


def trained_part(encoder: Encoder) -> LearnedEncoder:
    """The encoder itself, or the first of several that has a network to train on.

    Raises:
        BackendError: There is none.
    """
    for part in getattr(encoder, "parts", (encoder,)):
        if isinstance(part, LearnedEncoder):
            return part
    raise BackendError(f"finetune needs an encoder with a network, {encoder.name} has none; name a trained one")
