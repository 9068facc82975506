"""How sure a mean is when there are one or two test folds: test sources are drawn again.

With one test fold the spread over seeds says only how much a classifier varies. What would change with other test
clips is found by drawing the sources of the test clips (recordists, speakers, …) with replacement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.metrics.classification import average_precision, clip_counts, decide, score_counts
from menura.metrics.statistics import Interval
from menura.seeding import item_generator

__all__ = ["TestFold", "interval_of", "source_draws", "weighted_metric"]

RESAMPLES = 4_000
RESAMPLES_PRECISION = 1_000
CHUNK = 500


@dataclass(frozen=True)
class TestFold:
    """Predictions of all seeds for the test clips of one fold.

    Attributes:
        truth: ``[clips, labels]``.
        probabilities: ``[seeds, clips, labels]``.
        sources: ``[clips]`` integer that names the source of each clip.
        multilabel: Whether a clip may have several labels.
    """

    __test__ = False

    truth: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    sources: NDArray[np.int64]
    multilabel: bool


def weighted_metric(metric: str, fold: TestFold, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The metric of each seed when clips count as often as the weights say.

    Args:
        metric: One of :data:`menura.metrics.classification.METRICS`.
        fold: The predictions.
        weights: ``[draws, clips]``.

    Returns:
        ``[draws, seeds]``.
    """
    columns = [_one_seed(metric, fold, probabilities, weights) for probabilities in fold.probabilities]
    return np.stack(columns, axis=1)


def _one_seed(
    metric: str, fold: TestFold, probabilities: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    num_labels = fold.truth.shape[1]
    if metric == "mean_average_precision":
        each = [average_precision(fold.truth[:, i], probabilities[:, i], weights) for i in range(num_labels)]
        known = np.isfinite(np.stack(each))
        return np.asarray(np.nansum(np.stack(each), axis=0) / np.maximum(known.sum(axis=0), 1))
    counts = clip_counts(fold.truth, decide(probabilities, multilabel=fold.multilabel))
    summed = (weights @ counts.reshape(len(counts), -1)).reshape(len(weights), 3, num_labels)
    return score_counts(metric, summed, weights.sum(axis=1), multilabel=fold.multilabel)


def source_draws(metric: str, folds: Sequence[Sequence[TestFold]], *, seed: int = 0) -> NDArray[np.float64]:
    """The mean metric of each arm when test sources and seeds are drawn with replacement, the same for all arms.

    Args:
        metric: Name of the metric.
        folds: For each arm its folds, in the same order, with the same clips and seeds.
        seed: Seed of the draws.

    Returns:
        ``[arms, draws]``.
    """
    total = _resamples(metric)
    means = np.zeros((len(folds), total))
    for number, first in enumerate(folds[0]):
        generator = item_generator(seed, "source bootstrap", number)
        for start in range(0, total, CHUNK):
            size = min(CHUNK, total - start)
            weights = _draw_sources(first.sources, size, generator)
            num_seeds = len(first.probabilities)
            picked = generator.multinomial(num_seeds, np.full(num_seeds, 1 / num_seeds), size=size) / num_seeds
            for arm, of_arm in enumerate(folds):
                values = weighted_metric(metric, of_arm[number], weights)
                means[arm, start : start + size] += (values * picked).sum(axis=1)
    return means / len(folds[0])


def interval_of(draws: NDArray[np.float64]) -> Interval:
    """95 % percentile interval of bootstrap draws."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return (float(low), float(high))


def _resamples(metric: str) -> int:
    return RESAMPLES_PRECISION if metric == "mean_average_precision" else RESAMPLES


def _draw_sources(sources: NDArray[np.int64], size: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """How often each clip counts, ``[size, clips]``, when as many sources as there are are drawn with replacement."""
    count = int(sources.max()) + 1
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=size)
    return drawn[:, sources].astype(np.float64)
