"""From scores to probabilities: one factor and one offset, chosen on clips that were not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.classify.logistic import log_loss

__all__ = ["Link", "choose_link"]

_FURTHEST = 60.0
"""Offset beyond which no probability changes any more."""


@dataclass(frozen=True, slots=True)
class Link:
    """``softmax(base + scale * scores)``, or ``sigmoid(base + scale * scores + offset)`` of each label.

    Attributes:
        scale: Inverse temperature, > 0.
        offset: How likely a label is that nothing speaks for or against; 0 where labels exclude each other.
        multilabel: Which of the two.
    """

    scale: float
    offset: float
    multilabel: bool

    def probabilities(
        self, scores: NDArray[np.floating], base: NDArray[np.floating] | float = 0.0
    ) -> NDArray[np.float64]:
        """Probabilities ``[clips, labels]`` of scores ``[clips, labels]``."""
        values = np.asarray(base + self.scale * scores.astype(np.float64) + self.offset)
        if self.multilabel:
            return np.asarray(0.5 * (1 + np.tanh(0.5 * values)))
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def choose_link(
    scores: NDArray[np.floating],
    targets: NDArray[np.float32],
    scales: Sequence[float],
    *,
    multilabel: bool,
    base: NDArray[np.floating] | float = 0.0,
) -> tuple[Link, float]:
    """The link with the smallest log loss, and that loss; with each scale goes its best offset.

    At the best offset as many labels are expected as there are: ``sum p = sum y``.

    Args:
        scores: ``[clips, labels]`` of clips that were not learned from.
        targets: ``[clips, labels]`` of zeros and ones.
        scales: What is tried; of equal ones the first.
        multilabel: Sigmoid per label instead of softmax.
        base: Added to the scaled scores.
    """
    best: tuple[Link, float] | None = None
    for scale in scales:
        link = Link(scale, 0.0, multilabel)
        if multilabel:
            link = _balanced(link, scores, targets, base)
        loss = log_loss(link.probabilities(scores, base), targets, multilabel=multilabel)
        if best is None or loss < best[1]:
            best = link, loss
    assert best is not None  # there is a scale
    return best


def _balanced(
    link: Link, scores: NDArray[np.floating], targets: NDArray[np.float32], base: NDArray[np.floating] | float
) -> Link:
    """The link with the offset at which probabilities sum to the targets, by halving."""
    low, high = -_FURTHEST, _FURTHEST
    wanted = float(targets.sum())
    for _ in range(40):
        middle = 0.5 * (low + high)
        link = Link(link.scale, middle, link.multilabel)
        if float(link.probabilities(scores, base).sum()) < wanted:
            low = middle
        else:
            high = middle
    return link
