"""Whether more synthetic clips still help."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["gain_of", "has_flattened"]


_ERRORS = 2.0


def gain_of(before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[float, float]:
    """Mean gain over the same clips, and its standard error."""
    gain = after - before
    error = float(gain.std(ddof=1)) / np.sqrt(len(gain)) if len(gain) > 1 else float("inf")
    return float(gain.mean()), float(error)


def has_flattened(history: Sequence[NDArray[np.float64]], *, least: float = 0.005, patience: int = 2) -> bool:
    """Whether the last rounds together gained less than ``least``, and that is sure to two standard errors.

    ``mean(gain) + 2 standard errors < least``, the gain paired clip by clip. What is not known to be flat counts as
    still rising: with few clips the error is large, and giving up early would cost more than a round too many.

    Args:
        history: Score of each real clip, out of fold, after each amount, none first; always the same clips.
        least: Gain that is worth ``patience`` rounds.
        patience: Rounds over which the gain is taken.

    Example:
        >>> rising, flat = np.array([0.5, 0.6, 0.7]), np.array([0.9, 0.9, 0.9])
        >>> has_flattened([rising, flat, flat, flat]), has_flattened([rising, flat])
        (True, False)
    """
    if len(history) <= patience:
        return False
    gain, error = gain_of(np.asarray(history[-1 - patience]), np.asarray(history[-1]))
    return gain + _ERRORS * error < least
