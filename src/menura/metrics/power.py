"""What a test could have shown: the smallest gain seen four times in five, and what would show a smaller one.

The variance of a mean difference is what folds, seeds and test clips add to it. Each shrinks with its own number, so
the numbers that a gain asks for follow from one measured evaluation. They are estimates from that very evaluation, as
rough as its variances: good for "three times as many", not for "seven more".
"""

from __future__ import annotations

import math

from menura.metrics.hierarchy import FOLDS_NEEDED, Components

__all__ = ["ALPHA", "POWER", "more_clips", "more_folds", "more_seeds", "seen_gain"]

ALPHA = 0.05
POWER = 0.8


def seen_gain(parts: Components, *, comparisons: int = 1) -> float:
    """The gain that would be seen with a power of 80 %: ``(t_(1 - alpha / 2) + t_0.8) sqrt(variance)``.

    Args:
        parts: Variance of the mean difference.
        comparisons: Number of arms whose p-values are corrected together; the first of them has to be below
            ``0.05 / comparisons``.
    """
    return _reach(parts, comparisons) * math.sqrt(parts.variance)


def more_clips(parts: Components, gain: float, *, num_clips: int, comparisons: int = 1) -> int | None:
    """How many more test clips would show a gain, in the same folds with the same seeds; None if none would."""
    fixed = parts.folds + parts.seeds
    return _more(parts.clips, fixed, num_clips, _allowed(parts, gain, comparisons))


def more_seeds(parts: Components, gain: float, *, num_seeds: int, comparisons: int = 1) -> int | None:
    """How many more seeds would show a gain on the same clips; None if none would, or one seed tells nothing of it."""
    if num_seeds < 2:
        return None
    fixed = parts.folds + parts.clips - parts.mixed
    return _more(parts.seeds + parts.mixed, fixed, num_seeds, _allowed(parts, gain, comparisons))


def more_folds(parts: Components, gain: float, *, num_folds: int, comparisons: int = 1) -> int | None:
    """How many more folds with as many clips and seeds each would show a gain; None with fewer than three folds."""
    if num_folds < FOLDS_NEEDED:
        return None
    return _more(parts.variance, 0.0, num_folds, _allowed(parts, gain, comparisons))


def _reach(parts: Components, comparisons: int) -> float:
    from scipy.special import ndtri, stdtrit

    upper = 1 - ALPHA / 2 / comparisons
    if not math.isfinite(parts.degrees):
        return float(ndtri(upper) + ndtri(POWER))
    return float(stdtrit(parts.degrees, upper) + stdtrit(parts.degrees, POWER))


def _allowed(parts: Components, gain: float, comparisons: int) -> float:
    """The variance at which a gain is just seen."""
    return (gain / _reach(parts, comparisons)) ** 2


def _more(shrinking: float, fixed: float, count: int, allowed: float) -> int | None:
    """How many more, where ``shrinking * count / (count + more) + fixed`` is to be ``allowed``."""
    if shrinking + fixed <= allowed:
        return 0
    if allowed <= fixed:
        return None
    return math.ceil(count * (shrinking / (allowed - fixed) - 1))
