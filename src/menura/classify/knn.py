"""The nearest training clips vote: nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import TrainingExamples
from menura.classify.embedded import Embedded, held_out, real_scaling
from menura.classify.inner import validation_score
from menura.classify.linear import Scaling, stacked
from menura.classify.neighbours import NEIGHBOURS, Neighbours

__all__ = ["FittedKnn", "KnnClassifier"]

_DEFAULT_COUNT = 5


@dataclass(frozen=True)
class FittedKnn:
    """The training clips and how many of them vote.

    Attributes:
        scaling: From the real training clips.
        neighbours: All training clips.
        count: How many vote.
    """

    scaling: Scaling
    neighbours: Neighbours
    count: int

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Share of the votes ``[clips, labels]``."""
        if not len(features):
            return np.zeros((0, self.neighbours.targets.shape[1]))
        return np.asarray(self.neighbours.votes(self.scaling.apply(stacked(features)), [self.count])[0])


class KnnClassifier(Embedded):
    """The k nearest training clips by cosine vote with ``weight / distance``.

    k is the best one on validation clips, by the score of :func:`menura.classify.inner.validation_score`; of equal ones
    the smallest. Several labels: the share of the votes for each, so that 0.5 is a majority. Nothing is drawn but the
    order of equal groups, and ``steps`` means nothing.
    """

    name = "knn"

    def fit(
        self, training: TrainingExamples, *, validation: TrainingExamples | None, steps: int, seed: int
    ) -> FittedKnn:
        """The training clips, and the k that does best on ``validation``, or within ``training`` when it is None."""
        found = held_out(training, validation, _votes, seed=seed)
        count = _DEFAULT_COUNT
        if found is not None:
            predicted, targets = found
            scores = [validation_score(one, targets, multilabel=training.is_multilabel) for one in predicted]
            count = NEIGHBOURS[int(np.argmax(scores))]
        scaling = real_scaling(training)
        return FittedKnn(scaling, _neighbours(training, scaling), count)


def _votes(training: TrainingExamples, asked: TrainingExamples) -> NDArray[np.float64]:
    scaling = real_scaling(training)
    return _neighbours(training, scaling).votes(scaling.apply(stacked(asked.features)), NEIGHBOURS)


def _neighbours(training: TrainingExamples, scaling: Scaling) -> Neighbours:
    return Neighbours.of(scaling.apply(stacked(training.features)), training.targets, training.weights)
