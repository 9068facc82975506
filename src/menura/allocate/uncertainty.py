"""How unsure a learner is of a clip, and of a label."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHRINKAGE", "Measure", "brier_scores", "label_means", "uncertainty"]

Measure: TypeAlias = Literal["entropy", "margin", "error"]

SHRINKAGE = 2.0
"""Clips of the mean label that each label is averaged with, so that a label of two clips does not run to an end."""


def uncertainty(
    probabilities: NDArray[np.float64], targets: NDArray[np.float32], *, measure: Measure, multilabel: bool
) -> NDArray[np.float64]:
    """How unsure the learner is of each clip, as it matters to each label, in [0, 1].

    - ``entropy``: ``-sum_k p_k log p_k / log K``;
    - ``margin``: ``1 - (p_first - p_second)``;
    - ``error``: one less :func:`brier_scores`: unlike the two others it asks for the truth, and so counts what the
      learner is sure of and wrong about.

    With several labels a clip each label is a question of its own, with two answers.

    Args:
        probabilities: Out of fold, ``[clips, labels]``.
        targets: ``[clips, labels]`` of zeros and ones; only ``error`` looks at them.
        measure: Which of the three.
        multilabel: Whether labels are decided one by one.

    Returns:
        ``[clips, labels]``; all columns alike where labels exclude each other.

    Source:
        Settles 2009, Active Learning Literature Survey (University of Wisconsin-Madison, TR 1648), section 3.1.
    """
    if measure == "error":
        found = 1 - brier_scores(probabilities, targets, multilabel=multilabel)
    elif multilabel:
        found = _binary_entropy(probabilities) if measure == "entropy" else 1 - np.abs(2 * probabilities - 1)
    else:
        found = _entropy(probabilities) if measure == "entropy" else _closeness(probabilities)
    if found.ndim == 1:
        found = np.repeat(found[:, None], probabilities.shape[1], axis=1)
    return np.asarray(np.clip(found, 0.0, 1.0))


def brier_scores(
    probabilities: NDArray[np.float64], targets: NDArray[np.float32], *, multilabel: bool
) -> NDArray[np.float64]:
    """How well the learner knows each clip, in [0, 1]: ``1 - sum_k (p_k - y_k)^2 / 2``.

    A proper score that a single clip cannot spoil: being sure pays off only as often as it is right, and being wrong
    about one clip costs at most one.

    Returns:
        ``[clips]``; with several labels a clip ``1 - (p_k - y_k)^2`` of each label, ``[clips, labels]``.

    Source:
        Brier 1950, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78.
    """
    squared = (probabilities - targets) ** 2
    return np.asarray(1 - squared if multilabel else 1 - squared.sum(axis=1) / 2, dtype=np.float64)


def label_means(
    values: NDArray[np.float64], targets: NDArray[np.float32], *, shrinkage: float = SHRINKAGE
) -> NDArray[np.float64]:
    """Mean of each label over the clips that carry it, drawn towards the mean of all labels.

    ``(sum_i values_i + shrinkage * overall) / (count + shrinkage)``.

    Args:
        values: ``[clips, labels]``.
        targets: ``[clips, labels]`` of zeros and ones.
        shrinkage: Clips of the overall mean that are added to each label.

    Returns:
        ``[labels]``; the overall mean for a label without clips.
    """
    counts, sums = targets.sum(axis=0), (values * targets).sum(axis=0)
    present = counts > 0
    overall = float(np.mean(sums[present] / counts[present])) if present.any() else 0.0
    weight = np.where(present, counts + shrinkage, 1.0)
    return np.asarray(np.where(present, (sums + shrinkage * overall) / weight, overall), dtype=np.float64)


def _entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    safe = np.clip(probabilities, 1e-12, 1.0)
    return np.asarray(-(probabilities * np.log(safe)).sum(axis=1) / np.log(max(2, probabilities.shape[1])))


def _binary_entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    both = np.stack([probabilities, 1 - probabilities])
    return np.asarray(-(both * np.log(np.clip(both, 1e-12, 1.0))).sum(axis=0) / np.log(2))


def _closeness(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities))
    two = np.sort(probabilities, axis=1)[:, -2:]
    return np.asarray(1 - (two[:, 1] - two[:, 0]))
