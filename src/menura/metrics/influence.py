"""How much each test source pulls a metric up or down: the first-order effect of counting it once more.

A metric is a function of how often each clip counts. Its derivative by these weights, summed over the clips of a
source, is the *pull* of the source. To first order a bootstrap over test sources is then one matrix product for every
metric and all arms at once; for accuracy with sources of equal size it is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.metrics.classification import clip_counts, decide
from menura.metrics.resampling import TestFold

__all__ = ["Influence", "difference", "fold_influence", "precision_pulls"]


@dataclass(frozen=True)
class Influence:
    """One arm, or the difference of two, on one test fold.

    Attributes:
        values: Metric of each seed, ``[seeds]``.
        pulls: Effect of counting a source once more, ``[seeds, sources]``; sums to about 0 over sources.
        shares: Share of the test clips that a source has, ``[sources]``; sums to 1.
        num_clips: Number of test clips.
        is_same: Whether this is the difference of two arms that gave the very same answers.
    """

    values: NDArray[np.float64]
    pulls: NDArray[np.float64]
    shares: NDArray[np.float64]
    num_clips: int
    is_same: bool = False


def difference(one: Influence, other: Influence) -> Influence:
    """The paired difference of two arms on the same clips with the same seeds."""
    values, pulls = one.values - other.values, one.pulls - other.pulls
    is_same = not values.any() and not pulls.any()
    return Influence(values, pulls, one.shares, one.num_clips, is_same)


def fold_influence(metric: str, fold: TestFold) -> Influence:
    """The metric of each seed, and the pull of each source.

    Where a metric is a mean over labels (UAR, macro-F1, mAP), a source that holds the share ``h`` of the clips of a
    label pulls as much as leaving it out would show, ``1 / sqrt(1 - h)`` of the derivative, so that variances of labels
    with few test clips are not too small. A label of one source has no spread to be measured.

    Args:
        metric: One of :data:`menura.metrics.classification.METRICS`.
        fold: Predictions of all seeds.
    """
    num_sources = int(fold.sources.max()) + 1
    shares = np.bincount(fold.sources, minlength=num_sources) / len(fold.sources)
    both = [_one_seed(metric, fold, probabilities, num_sources) for probabilities in fold.probabilities]
    values, pulls = np.array([value for value, _ in both]), np.stack([pull for _, pull in both])
    return Influence(values, pulls, shares, len(fold.sources))


def _one_seed(
    metric: str, fold: TestFold, probabilities: NDArray[np.float64], num_sources: int
) -> tuple[float, NDArray[np.float64]]:
    num_clips, num_labels = fold.truth.shape
    if metric == "mean_average_precision":
        present = np.flatnonzero(fold.truth.any(axis=0))
        each = [precision_pulls(fold.truth[:, i], probabilities[:, i]) for i in present]
        if not each:
            return 0.0, np.zeros(num_sources)
        pulls = _by_source(np.stack([pull for _, pull in each], axis=1), fold.sources, num_sources)
        true = _by_source(fold.truth[:, present].astype(np.float64), fold.sources, num_sources)
        return float(np.mean([value for value, _ in each])), (pulls * _leverage(true)).mean(axis=1)
    counts = clip_counts(fold.truth, decide(probabilities, multilabel=fold.multilabel))
    hit, said, true = (_by_source(counts[:, i], fold.sources, num_sources) for i in range(3))
    if metric == "accuracy":
        clips = np.bincount(fold.sources, minlength=num_sources).astype(np.float64)
        right = (clips * num_labels - (true + said - 2 * hit).sum(1)) / num_labels if fold.multilabel else hit.sum(1)
        value = right.sum() / num_clips
        return float(value), (right - value * clips) / num_clips
    below = true if metric == "uar" else (true + said) / 2
    totals = np.maximum(below.sum(axis=0), 1e-12)
    rates = hit.sum(axis=0) / totals
    present = np.flatnonzero(true.sum(axis=0) > 0)
    pulls = ((hit - rates * below) / totals * _leverage(true))[:, present]
    return float(rates[present].mean()), pulls.mean(axis=1)


def _by_source(counts: NDArray[np.float64], sources: NDArray[np.int64], num_sources: int) -> NDArray[np.float64]:
    """Sums ``[sources, labels]`` of ``[clips, labels]``."""
    summed = np.zeros((num_sources, counts.shape[1]))
    np.add.at(summed, sources, counts)
    return summed


def _leverage(true: NDArray[np.float64]) -> NDArray[np.float64]:
    """``1 / sqrt(1 - h)`` where ``h`` is the share of a source in the clips of a label; 1 for a label of one source."""
    held = true / np.maximum(true.sum(axis=0), 1e-12)
    return np.asarray(np.where(held < 1, 1 / np.sqrt(np.maximum(1 - held, 1e-12)), 1.0))


def precision_pulls(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Average precision of one label and its derivative by the weight of each clip.

    With the clips ranked, ``H_i`` true ones and ``S_i`` in all down to the rank of clip ``i``, and ``T`` true ones,
    ``AP = sum_i y_i H_i / S_i / T``. Counting clip ``k`` once more adds its own term, raises ``T``, and moves ``H`` and
    ``S`` of all clips at or below its rank: ``(y_k (H_k / S_k - AP) + sum_i y_i (y_k / S_i - H_i / S_i**2)) / T``.

    Args:
        truth: ``[clips]``, at least one true.
        scores: ``[clips]``; equal scores share the last of their ranks.

    Returns:
        The average precision, and ``[clips]``, which sums to 0.
    """
    order = np.argsort(-scores, kind="stable")
    hits = truth[order].astype(np.float64)
    ranked = scores[order]
    starts = np.flatnonzero(np.append(True, np.diff(ranked) != 0))
    ends = np.append(starts[1:], len(ranked)) - 1
    group = np.cumsum(np.append(False, np.diff(ranked) != 0))
    found, seen = np.cumsum(hits)[ends][group], (ends + 1.0)[group]
    total = hits.sum()
    value = float((hits * found / seen).sum() / total)
    raised = _from(hits / seen)[starts][group]
    lowered = _from(hits * found / seen**2)[starts][group]
    pulls = np.empty(len(scores))
    pulls[order] = (hits * (found / seen - value) + hits * raised - lowered) / total
    return value, pulls


def _from(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of each value and all after it."""
    return np.asarray(np.cumsum(values[::-1])[::-1])
