"""Courses of a learning rate over a training run: numbers in, a number out."""

from __future__ import annotations

__all__ = ["linear_decay"]


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
