"""How right a classifier is: accuracy, recall, F1 and average precision, from counts that can be weighted.

All measures but average precision are functions of three counts per label (true positives, predicted, true), which
add up over clips. So a bootstrap over test clips is one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.errors import ConfigError

__all__ = [
    "DECISION_THRESHOLD",
    "METRICS",
    "Scores",
    "average_precision",
    "clip_counts",
    "confusion_counts",
    "decide",
    "headline_metric",
    "mean_average_precision",
    "score_counts",
    "score_predictions",
]

METRICS = ("accuracy", "macro_f1", "uar", "mean_average_precision")
DECISION_THRESHOLD = 0.5
"""Probability from which a label counts as decided where clips may have several; macro-F1, UAR and accuracy use it."""
IMBALANCE = 3.0
"""Labels whose largest and smallest counts differ by more than this factor are called imbalanced."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What one classifier reached on one set of test clips. Rates are fractions in [0, 1].

    Attributes:
        accuracy: Share of clips labelled rightly; multi-label: share of (clip, label) decisions that are right.
        macro_f1: Mean F1 over the labels that occur in the test clips.
        uar: Mean recall over the labels that occur in the test clips.
        mean_average_precision: Mean over occurring labels; None unless multi-label.
        recall: ``[labels]``, NaN for a label that does not occur.
        confusion: ``[labels, labels]`` counts of true by predicted; None when multi-label.
    """

    accuracy: float
    macro_f1: float
    uar: float
    mean_average_precision: float | None
    recall: NDArray[np.float64]
    confusion: NDArray[np.int64] | None


def headline_metric(label_counts: NDArray[np.int64], *, multilabel: bool) -> str:
    """The metric that answers for a dataset: mAP if multi-label, macro-F1 if imbalanced, else accuracy."""
    if multilabel:
        return "mean_average_precision"
    present = label_counts[label_counts > 0]
    imbalanced = len(present) > 0 and present.max() > IMBALANCE * present.min()
    return "macro_f1" if imbalanced else "accuracy"


def clip_counts(truth: NDArray[np.bool_], decided: NDArray[np.bool_]) -> NDArray[np.float64]:
    """True positives, predicted and true of each clip and label, ``[clips, 3, labels]``; they add up over clips.

    Args:
        truth: ``[clips, labels]``.
        decided: ``[clips, labels]``, one true entry a row when single-label.
    """
    return np.stack([truth & decided, decided, truth], axis=1).astype(np.float64)


def score_counts(
    metric: str, counts: NDArray[np.float64], num_clips: NDArray[np.float64] | float, *, multilabel: bool
) -> NDArray[np.float64]:
    """The metric from summed counts ``[..., 3, labels]``; labels that do not occur are left out of means.

    Args:
        metric: ``accuracy``, ``macro_f1`` or ``uar``.
        counts: Sums of :func:`clip_counts`, possibly weighted.
        num_clips: Sum of the weights of the clips, ``[...]``.
        multilabel: Whether a clip may have several labels.

    Raises:
        ConfigError: The metric is unknown or no function of counts.
    """
    hit, predicted, true = counts[..., 0, :], counts[..., 1, :], counts[..., 2, :]
    if metric == "accuracy":
        if not multilabel:
            return np.asarray(hit.sum(axis=-1) / np.maximum(num_clips, 1e-12))
        wrong = (true + predicted - 2 * hit).sum(axis=-1)
        return np.asarray(1.0 - wrong / np.maximum(num_clips * counts.shape[-1], 1e-12))
    if metric == "uar":
        return _mean_over_present(hit / np.maximum(true, 1e-12), true)
    if metric == "macro_f1":
        return _mean_over_present(2 * hit / np.maximum(true + predicted, 1e-12), true)
    raise ConfigError(f"metric {metric!r} is not a function of counts; expected accuracy, macro_f1 or uar")


def _mean_over_present(values: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    present = true > 0
    return np.asarray((values * present).sum(axis=-1) / np.maximum(present.sum(axis=-1), 1))


def average_precision(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Average precision of one label: mean precision at the rank of each true clip. NaN without a true clip.

    Clips with equal scores share one rank (the last of them), so that the order of the clips does not matter.

    Args:
        truth: ``[clips]``.
        scores: ``[clips]``, higher means more likely.
        weights: ``[..., clips]`` how often each clip counts; None counts each once.

    Returns:
        ``[...]``.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    weight = np.ones(len(scores)) if weights is None else weights[..., order]
    hits = np.cumsum(weight * truth[order], axis=-1)
    seen = np.cumsum(weight, axis=-1)
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    gained = np.diff(hits[..., last], axis=-1, prepend=0.0)
    precision = hits[..., last] / np.maximum(seen[..., last], 1e-12)
    total = hits[..., -1]
    return np.asarray(np.where(total > 0, (gained * precision).sum(axis=-1) / np.maximum(total, 1e-12), np.nan))


def mean_average_precision(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Mean of :func:`average_precision` over the labels that occur; 0 when none does.

    Args:
        truth: ``[clips, labels]``.
        scores: ``[clips, labels]``.
    """
    each = [average_precision(truth[:, i], scores[:, i]) for i in range(truth.shape[1]) if truth[:, i].any()]
    return float(np.mean(each)) if each else 0.0


def confusion_counts(truth: NDArray[np.int64], predicted: NDArray[np.int64], num_labels: int) -> NDArray[np.int64]:
    """Counts ``[true, predicted]``."""
    flat = np.bincount(truth * num_labels + predicted, minlength=num_labels**2)
    return flat.reshape(num_labels, num_labels).astype(np.int64)


def decide(probabilities: NDArray[np.float64], *, multilabel: bool) -> NDArray[np.bool_]:
    """The labels decided for: the most probable one, or all from :data:`DECISION_THRESHOLD` on when multi-label."""
    if multilabel:
        return probabilities >= DECISION_THRESHOLD
    return np.asarray(np.arange(probabilities.shape[1]) == probabilities.argmax(axis=1)[:, None])


def score_predictions(truth: NDArray[np.bool_], probabilities: NDArray[np.float64], *, multilabel: bool) -> Scores:
    """All measures of one set of predictions.

    Args:
        truth: ``[clips, labels]``.
        probabilities: ``[clips, labels]``.
        multilabel: Whether a clip may have several labels.
    """
    decided = decide(probabilities, multilabel=multilabel)
    counts = clip_counts(truth, decided).sum(axis=0)
    clips = float(len(truth))
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = np.where(counts[2] > 0, counts[0] / counts[2], np.nan)
    precision = None
    if multilabel:
        precision = mean_average_precision(truth, probabilities)
    num_labels = truth.shape[1]
    confusion = None if multilabel else confusion_counts(truth.argmax(1), decided.argmax(1), num_labels)
    return Scores(
        accuracy=float(score_counts("accuracy", counts, clips, multilabel=multilabel)),
        macro_f1=float(score_counts("macro_f1", counts, clips, multilabel=multilabel)),
        uar=float(score_counts("uar", counts, clips, multilabel=multilabel)),
        mean_average_precision=precision,
        recall=recall,
        confusion=confusion,
    )
