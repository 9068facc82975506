"""How sure a difference is: bootstrap intervals over folds and seeds, sign-flip tests, and corrections.

Values come as ``[folds, seeds]``: seeds are nested in folds, because each fold draws its own training clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from menura.seeding import item_generator

__all__ = ["Interval", "draw_cells", "holm", "mean_interval", "mean_intervals", "sign_flip_p"]

Interval: TypeAlias = tuple[float, float]
RESAMPLES = 10_000
LEVEL = 0.95
EXACT_UP_TO = 16


def draw_cells(num_folds: int, num_seeds: int, *, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.float64]:
    """How often each cell is drawn: folds with replacement, then seeds with replacement within each drawn fold.

    Returns:
        ``[resamples, folds, seeds]``; each resample sums to ``folds * seeds``.
    """
    generator = item_generator(seed, "bootstrap", num_folds, num_seeds)
    folds = generator.integers(num_folds, size=(resamples, num_folds))
    seeds = generator.integers(num_seeds, size=(resamples, num_folds, num_seeds))
    cells = (np.arange(resamples)[:, None, None] * num_folds + folds[:, :, None]) * num_seeds + seeds
    counted = np.bincount(cells.ravel(), minlength=resamples * num_folds * num_seeds)
    return counted.reshape(resamples, num_folds, num_seeds).astype(np.float64)


def mean_interval(values: NDArray[np.float64], *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """95 % interval of the mean over folds and seeds, see :func:`mean_intervals`."""
    return mean_intervals(values[:, :, None], resamples=resamples, seed=seed)[0]


def mean_intervals(values: NDArray[np.float64], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Interval]:
    """95 % hierarchical bootstrap interval of the mean over folds and seeds, one for each column.

    Folds are drawn first and seeds within them, so that what is common to a fold (its test clips) counts as one draw.
    With five folds plain percentiles are too narrow: 86 % instead of 95 % where the folds differ much. They are taken
    further out, at ``Phi(-sqrt(n / (n - 1)) t)`` with ``n - 1`` degrees of freedom after Satterthwaite from the
    variances between and within folds. In simulation that covers 92 to 98 %.

    Args:
        values: ``[folds, seeds, columns]``; NaN where a label does not occur in a fold.
        resamples: Number of bootstrap draws.
        seed: Seed of the draws.

    Returns:
        For each column (low, high); (NaN, NaN) for a column without a value.

    Source:
        Davison & Hinkley 1997, section 3.8 (hierarchical data); Hesterberg 2015, arXiv:1411.5279 (expanded
        percentile interval).
    """
    num_folds, num_seeds, num_columns = values.shape
    drawn = draw_cells(num_folds, num_seeds, resamples=resamples, seed=seed).reshape(resamples, -1)
    flat = values.reshape(-1, num_columns)
    known = np.isfinite(flat)
    weight = drawn @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(weight > 0, (drawn @ np.where(known, flat, 0.0)) / weight, np.nan)
    return [_interval(means[:, i], values[:, :, i]) for i in range(num_columns)]


def _interval(means: NDArray[np.float64], values: NDArray[np.float64]) -> Interval:
    means = means[np.isfinite(means)]
    if not len(means):
        return (float("nan"), float("nan"))
    tail = _expanded_tail(_degrees_of_freedom(values))
    low, high = np.quantile(means, [tail, 1 - tail])
    return (float(low), float(high))


def _degrees_of_freedom(values: NDArray[np.float64]) -> float:
    """Degrees of freedom of the bootstrap variance of the mean, after Satterthwaite; infinite without variance."""
    rows = [row[np.isfinite(row)] for row in values]
    rows = [row for row in rows if len(row)]
    num_folds, num_seeds = len(rows), max(len(row) for row in rows)
    between = float(np.var([row.mean() for row in rows])) / num_folds
    within = float(np.mean([row.var() for row in rows])) / (num_folds * num_seeds)
    if between + within <= 0:
        return float("inf")
    spread = between**2 / max(num_folds - 1, 1) + within**2 / max(num_folds * (num_seeds - 1), 1)
    return max(1.0, (between + within) ** 2 / spread)


def _expanded_tail(degrees: float) -> float:
    """Tail probability of the expanded percentile interval: 0.025 for many draws, less for few."""
    from scipy.special import ndtr, stdtrit

    if not np.isfinite(degrees):
        return (1 - LEVEL) / 2
    count = degrees + 1
    return float(ndtr(-np.sqrt(count / (count - 1)) * stdtrit(degrees, (1 + LEVEL) / 2)))


def sign_flip_p(differences: NDArray[np.float64], *, draws: int = 100_000, seed: int = 0) -> float:
    """Two-sided p-value of the paired sign-flip permutation test of a mean difference of zero.

    Assumes that under the null each difference is as likely to have the other sign, independently of the others. Cells
    of one fold share their test clips and are not quite independent, so a small p alone proves nothing: a verdict asks
    for the interval as well.

    Args:
        differences: Paired differences, any shape; NaN is left out.
        draws: Random sign vectors when there are too many to try all.
        seed: Seed of the draws.

    Returns:
        Share of sign vectors whose mean is at least as far from zero; exact for up to 16 differences, else
        ``(1 + hits) / (1 + draws)``.
    """
    flat = differences[np.isfinite(differences)].ravel()
    if not len(flat) or not flat.any():
        return 1.0
    limit = abs(flat.sum()) * (1 - 1e-9)
    if len(flat) <= EXACT_UP_TO:
        signs = 1 - 2.0 * ((np.arange(2 ** len(flat))[:, None] >> np.arange(len(flat))) & 1)
        return float((np.abs(signs @ flat) >= limit).mean())
    generator = item_generator(seed, "sign flips", len(flat))
    hits, step = 0, 10_000
    for start in range(0, draws, step):
        signs = 1 - 2.0 * generator.integers(2, size=(min(step, draws - start), len(flat)))
        hits += int((np.abs(signs @ flat) >= limit).sum())
    return (1 + hits) / (1 + draws)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for having looked at several, after Holm 1979; in the order given.

    Example:
        >>> holm([0.01, 0.04])
        [0.02, 0.04]
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected
