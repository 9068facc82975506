"""Prototypes: each label is the mean of its clips. For a handful of clips, there is little more to learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import TrainingExamples
from menura.classify.embedded import Embedded, held_out, real_scaling, unit_vectors
from menura.classify.linear import Scaling, stacked
from menura.classify.link import Link, choose_link

__all__ = ["SCALES", "FittedPrototypes", "PrototypeClassifier", "Prototypes"]

SCALES = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0)
"""Inverse temperatures that are tried."""

_DEFAULT_SCALE = 10.0


@dataclass(frozen=True)
class Prototypes:
    """Mean directions of labels.

    Attributes:
        scaling: What embeddings go through first, from the real clips.
        having: ``[labels, dim]`` of length one; zero for a label without a clip.
        lacking: The same of the clips without the label; None where labels exclude each other.
    """

    scaling: Scaling
    having: NDArray[np.float32]
    lacking: NDArray[np.float32] | None

    @classmethod
    def of(cls, training: TrainingExamples) -> Prototypes:
        """Weighted means of the clips' directions."""
        scaling = real_scaling(training)
        directions = unit_vectors(scaling.apply(stacked(training.features)))
        weights = training.weights[:, None]
        having = _mean_directions(directions, weights * training.targets)
        if not training.is_multilabel:
            return cls(scaling, having, None)
        return cls(scaling, having, _mean_directions(directions, weights * (1 - training.targets)))

    def scores(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Cosine to each label ``[clips, labels]``, -1 for a label without clips; several labels: less that without."""
        directions = unit_vectors(self.scaling.apply(stacked(features)))
        near = _cosine(directions, self.having)
        return near if self.lacking is None else near - _cosine(directions, self.lacking)


def _mean_directions(directions: NDArray[np.float32], shares: NDArray[np.float64]) -> NDArray[np.float32]:
    return unit_vectors((shares.T @ directions).astype(np.float32))


def _cosine(directions: NDArray[np.float32], prototypes: NDArray[np.float32]) -> NDArray[np.float64]:
    found = (directions @ prototypes.T).astype(np.float64)
    return np.where(np.any(prototypes, axis=1), found, -1.0)


@dataclass(frozen=True)
class FittedPrototypes:
    """Prototypes and the way from cosine to probability."""

    prototypes: Prototypes
    link: Link

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Probabilities ``[clips, labels]``."""
        if not len(features):
            return np.zeros((0, len(self.prototypes.having)))
        return self.link.probabilities(self.prototypes.scores(features))


class PrototypeClassifier(Embedded):
    """``softmax(scale * cosine)`` to the mean direction of each label's clips.

    Several labels: each has a prototype of the clips with it and one of those without, and
    ``sigmoid(scale * (cosine to the first - cosine to the second) + offset)``. The scale and the offset have the
    smallest log loss on validation clips. Nothing is drawn but the order of equal groups, and ``steps`` means nothing.

    Source:
        Snell et al. 2017, Prototypical networks for few-shot learning, arXiv:1703.05175, with cosine instead of the
        Euclidean distance, as directions are what a frozen encoder can be trusted with.
    """

    name = "prototypes"

    def fit(
        self, training: TrainingExamples, *, validation: TrainingExamples | None, steps: int, seed: int
    ) -> FittedPrototypes:
        """The prototypes, and the scale that does best on ``validation``, or within ``training`` when it is None."""
        found = held_out(training, validation, _scores, seed=seed)
        link = Link(_DEFAULT_SCALE, 0.0, training.is_multilabel)
        if found is not None:
            link, _ = choose_link(found[0][0], found[1], SCALES, multilabel=training.is_multilabel)
        return FittedPrototypes(Prototypes.of(training), link)


def _scores(training: TrainingExamples, asked: TrainingExamples) -> NDArray[np.float64]:
    return Prototypes.of(training).scores(asked.features)[None]
