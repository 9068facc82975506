"""How much one number differs between two sets of sounds: Cliff's delta, its interval, its p-value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.errors import DatasetError
from menura.metrics.statistics import Interval
from menura.seeding import item_generator

__all__ = ["Effect", "cliffs_delta", "size_in_words"]

_RESAMPLES = 1000
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference between two sets.

    Attributes:
        delta: Cliff's delta in [-1, 1]: above 0 where the other set has more.
        interval: 95 % bootstrap interval.
        p: Two-sided, of the Mann-Whitney test.
    """

    delta: float
    interval: Interval
    p: float


def cliffs_delta(
    reference: NDArray[np.float64], other: NDArray[np.float64], *, resamples: int = _RESAMPLES, seed: int = 0
) -> Effect:
    """``P(other > reference) - P(other < reference)`` over all pairs of sounds.

    0 for equal distributions, 1 where every sound of the other set has more than every one of the reference. It asks
    for ranks alone, so that no unit and no outlier matters; it does not see a difference of spread.

    Args:
        reference, other: Values ``[sounds]``, at least two each, finite.
        resamples: Bootstrap draws of both sets.
        seed: Of these.

    Raises:
        DatasetError: A set has fewer than two values, or one that is not finite.

    Source:
        Cliff 1993, Psychological Bulletin 114 (3).

    Example:
        >>> cliffs_delta(np.array([1.0, 2.0]), np.array([3.0, 4.0])).delta
        1.0
    """
    from scipy.stats import mannwhitneyu

    if min(len(reference), len(other)) < 2 or not (np.isfinite(reference).all() and np.isfinite(other).all()):
        raise DatasetError(f"{len(reference)} and {len(other)} values, expected at least two finite ones in each set")
    known, place = np.unique(np.concatenate([reference, other]), return_inverse=True)
    if len(known) == 1:
        return Effect(0.0, (0.0, 0.0), 1.0)
    places = place[: len(reference)], place[len(reference) :]
    generator = item_generator(seed, "cliffs delta", len(reference), len(other))
    drawn = []
    for start in range(0, resamples, _AT_ONCE):
        num = min(_AT_ONCE, resamples - start)
        drawn.append(_deltas(*(_histograms(part, generator, num, len(known)) for part in places)))
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975])
    whole = [np.bincount(part, minlength=len(known))[None].astype(np.float64) for part in places]
    p = float(mannwhitneyu(reference, other, alternative="two-sided").pvalue)
    return Effect(float(_deltas(*whole)[0]), (float(low), float(high)), p)


def size_in_words(delta: float) -> str:
    """``negligible``, ``small``, ``medium`` or ``large``.

    Source:
        Romano et al. 2006: 0.147, 0.33 and 0.474, which match Cohen's 0.2, 0.5 and 0.8 for Gaussians.
    """
    limits = ((0.147, "negligible"), (0.33, "small"), (0.474, "medium"))
    return next((word for limit, word in limits if abs(delta) < limit), "large")


def _histograms(places: NDArray[np.intp], generator: np.random.Generator, num: int, values: int) -> NDArray[np.float64]:
    """How often each value stands in each draw, ``[num, values]``."""
    drawn = places[generator.integers(len(places), size=(num, len(places)))] + values * np.arange(num)[:, None]
    return np.bincount(drawn.ravel(), minlength=num * values).reshape(num, values).astype(np.float64)


def _deltas(reference: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of histograms over the same ascending values, ``[draws, values]``."""
    below = np.cumsum(reference, axis=1) - reference
    above = reference.sum(axis=1, keepdims=True) - below - reference
    pairs = reference.sum(axis=1) * other.sum(axis=1)
    return np.asarray((other * (below - above)).sum(axis=1) / pairs)
