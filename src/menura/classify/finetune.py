"""The network of a trained encoder and a head for the labels: the head alone, then both, and what they agree on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from menura.classify.base import FittedClassifier, TrainingExamples
from menura.classify.linear import FittedLinear, Scaling, fit_logistic
from menura.classify.logistic import LogisticWeights
from menura.classify.training import TrainingSettings, cut, single_thread, train
from menura.encoders.learned import LearnedEncoder
from menura.encoders.readout import statistics
from menura.errors import BackendError
from menura.seeding import content_hash, item_generator
from menura.types import Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["SETTINGS", "FinetuneClassifier", "FinetuneNetwork", "trained_part"]

_LONGEST_CROP_S, _SHORTEST_CROP_S = 5.0, 0.4
_TEST_CROPS = 3
_TINY = 1e-300
SETTINGS = TrainingSettings(peak_learning_rate=5e-4, mask_mels=0.2)
"""How it trains on unless told otherwise."""


class FinetuneNetwork(nn.Module):
    """The network, the statistics that are its embedding, and a linear head.

    Args:
        encoder: Where the network, its weights and its readout come from.
        head: Logistic regression on the embeddings, from which training starts; None starts from random weights of
            network and head, to see what the training before was worth.
        num_labels: Scores to give.
        scaling: Of the embeddings.
        dropout: Before the head.

    Source:
        Kumar et al. 2022, "Fine-tuning can distort pretrained features", arXiv:2202.10054: first the head alone, then
        all. Normalisation keeps the statistics of the training before, so that the second begins where the first ended.
    """

    def __init__(
        self,
        encoder: LearnedEncoder,
        head: LogisticWeights | None,
        num_labels: int,
        *,
        scaling: Scaling,
        dropout: float,
    ) -> None:
        super().__init__()
        self.network = encoder.new_network(random_weights=head is None)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(len(scaling.mean), num_labels)
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.from_numpy(scaling.mean))
        self.register_buffer("deviation", torch.from_numpy(scaling.deviation))
        self._readout, self._front_end, self._is_tuned = encoder.readout, encoder.front_end, head is not None
        if head is not None:
            with torch.no_grad():
                self.head.weight.copy_(torch.from_numpy(head.slope.T))
                self.head.bias.copy_(torch.from_numpy(head.bias))

    def train(self, mode: bool = True) -> FinetuneNetwork:
        """Training or evaluation mode; norms that come with an encoder stay as they are."""
        super().train(mode)
        if self._is_tuned:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, batch: Tensor) -> Tensor:
        """Scores ``[items, labels]`` of levels above the floor, ``[items, mels, frames]``."""
        embeddings = self._embeddings(batch + self._front_end.floor).float()
        scaled = 2 * torch.tanh((embeddings - self.mean) / (2 * self.deviation))
        scores: Tensor = self.head(self.dropout(scaled))
        return scores

    def _embeddings(self, levels: Tensor) -> Tensor:
        """As :meth:`LearnedEncoder.embed_levels` has them, ``[items, dim]``."""
        if not self._readout.stages:
            output: Tensor = self.network(levels)
            return output
        heard = self._readout.heard(levels, self._front_end.unit_db)
        maps = self.network.maps(levels, 1 + max(self._readout.stages))
        return torch.cat(
            [statistics(self._readout.banded(maps[stage].float()), heard) for stage in self._readout.stages], dim=1
        )


@dataclass(frozen=True)
class FittedFinetune:
    """Network after training, what it expects, and what it started from.

    Attributes:
        network: After training.
        num_frames: Of one crop.
        floor: Of the front-end.
        multilabel: Sigmoid per label instead of softmax.
        num_labels: Scores to give.
        start: Gives the probabilities of the logistic regression that training started from; None where it started
            from random weights.
    """

    network: nn.Module
    num_frames: int
    floor: float
    multilabel: bool
    num_labels: int
    start: Callable[[Sequence[NDArray[np.float32]]], NDArray[np.float64]] | None = None

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Probabilities ``[clips, labels]``: the geometric mean of the network's and of those that it started from.

        The network's own come from its mean score over crops of each clip. On development clips it was better than its
        start about as often as worse, and both together better than either (docs/benchmarks.md).

        Source:
            Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", arXiv:2109.01903, in the space of outputs.
        """
        tuned = self._of_network(features)
        if self.start is None:
            return tuned
        begun = self.start(features)
        agreed = np.sqrt(tuned * begun)
        if self.multilabel:
            return np.asarray(agreed / (agreed + np.sqrt((1 - tuned) * (1 - begun)) + _TINY))
        return np.asarray(agreed / (agreed.sum(axis=1, keepdims=True) + _TINY))

    def _of_network(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        predicted = np.zeros((len(features), self.num_labels))
        with single_thread(), torch.inference_mode():
            for row, clip in enumerate(features):
                levels = np.asarray(clip, np.float32) - self.floor
                crops = np.stack([cut(levels, at / _TEST_CROPS, self.num_frames) for at in range(_TEST_CROPS)])
                scores = self.network(torch.from_numpy(crops)).double().mean(dim=0)
                predicted[row] = (torch.sigmoid(scores) if self.multilabel else torch.softmax(scores, 0)).numpy()
        return predicted


class FinetuneClassifier:
    """Fine-tunes the network of a trained encoder on random crops, for a fixed number of steps.

    It begins as ``linear`` on the encoder, trains on from there, and says what both agree on. Weights say how often an
    example is drawn. ``validation`` chooses the strength of the logistic regression; training does not stop early.

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
        self._settings = settings or SETTINGS
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
        """Logistic regression on the embeddings, then network and head for ``steps`` optimiser steps."""
        clips = [np.asarray(clip, np.float32) for clip in training.features]
        hop_s, floor = self._encoder.front_end.hop_s, self._encoder.front_end.floor
        usual_s = hop_s * float(np.quantile([clip.shape[1] for clip in clips], 0.75))
        num_frames = round(min(max(usual_s, _SHORTEST_CROP_S), _LONGEST_CROP_S) / hop_s)
        head = self._head(training, validation, seed=seed)
        network = train(
            lambda: FinetuneNetwork(
                self._encoder, None if self._from_scratch else head.weights, training.num_labels,
                scaling=head.scaling, dropout=self._settings.dropout,
            ),
            [clip - floor for clip in clips],
            training.targets,
            training.weights,
            num_frames=num_frames,
            augment=training.augment,
            multilabel=training.is_multilabel,
            steps=steps,
            generator=item_generator(seed, "finetune"),
            settings=self._settings,
        )  # fmt: skip
        return FittedFinetune(
            network, num_frames, floor, training.is_multilabel, training.num_labels,
            start=None if self._from_scratch else lambda clips: head.predict(self._embedded(clips)),
        )  # fmt: skip

    def _embedded(self, clips: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Embeddings of levels by the encoder as it is."""
        levels = (torch.from_numpy(np.asarray(clip, np.float32)) for clip in clips)
        with single_thread():
            return [self._encoder.embed_levels(clip).numpy() for clip in levels]

    def _head(self, training: TrainingExamples, validation: TrainingExamples | None, *, seed: int) -> FittedLinear:
        """Logistic regression on the embeddings of the encoder as it is."""

        def embedded(examples: TrainingExamples) -> TrainingExamples:
            return replace(examples, features=self._embedded(examples.features))

        with single_thread():
            held_out = None if validation is None else embedded(validation)
            return fit_logistic(embedded(training), validation=held_out, seed=seed)


def trained_part(encoder: Encoder) -> LearnedEncoder:
    """The encoder itself, or the first of several that has a network to train on.

    Raises:
        BackendError: There is none.
    """
    for part in getattr(encoder, "parts", (encoder,)):
        if isinstance(part, LearnedEncoder):
            return part
    raise BackendError(f"finetune needs an encoder with a network, {encoder.name} has none; name a trained one")
