"""Courses of a learning rate over a training run: numbers in, a number out."""

from __future__ import annotations

import math

__all__ = ["cosine_decay", "linear_decay"]


def cosine_decay(step: int, steps: int, *, peak: float, warm_share: float) -> float:
    """Learning rate of a step: a straight rise to ``peak`` over the first steps, then half a cosine down to zero.

    Args:
        step: Number of the step, from 0.
        steps: Number of steps in all, at least 1.
        peak: The highest rate.
        warm_share: Share of the steps in [0, 1] that the rise takes; at least one step.

    Example:
        >>> [round(cosine_decay(step, 5, peak=1.0, warm_share=0.2), 2) for step in range(6)]
        [1.0, 1.0, 0.85, 0.5, 0.15, 0.0]
    """
    warm = max(1, round(warm_share * steps))
    down = min(max(0.0, (step - warm) / max(1, steps - warm)), 1.0)
    return peak * min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * down))


def linear_decay(step: int, steps: int, *, peak: float, warm_share: float) -> float:
    """Learning rate of a step: a straight rise to ``peak`` over the first steps, then a straight fall towards zero.

    Args:
        step: Number of the step, from 0.
        steps: Number of steps in all, at least 1.
        peak: The highest rate.
        warm_share: Share of the steps in [0, 1] that the rise takes.

    Example:
        >>> [round(linear_decay(step, 5, peak=1.0, warm_share=0.4), 2) for step in range(5)]
        [0.5, 1.0, 1.0, 0.67, 0.33]
    """
    warm = round(warm_share * steps)
    if step < warm:
        return peak * (step + 1) / warm
    return peak * (steps - step) / max(1, steps - warm)
