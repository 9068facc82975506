"""Averaged weights: how much of them a step leaves."""

from __future__ import annotations

__all__ = ["kept_share"]


def kept_share(ema: float, steps: int) -> float:
    """Share of the averaged weights that a step leaves; less at the beginning, where the first ones say nothing.

    Args:
        ema: The share later on, in [0, 1); 0 for no average.
        steps: How many were made.
    """
    return min(ema, (1 + steps) / (10 + steps)) if ema else 0.0
