"""Giving out a number of clips: whole numbers, within bounds, as near to the wanted shares as can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from menura.errors import ConfigError

__all__ = ["allocate", "responsive", "shares_of"]

_HALVINGS = 200


def allocate(
    budget: int,
    weights: NDArray[np.float64],
    *,
    floor: NDArray[np.int64] | None = None,
    cap: NDArray[np.int64] | None = None,
    even: NDArray[np.float64] | None = None,
    even_share: float = 0.0,
) -> NDArray[np.int64]:
    """Whole clips for each label: ``clip(scale * share, floor, cap)``, rounded by the largest remainder.

    ``share = (1 - even_share) * weights / sum(weights) + even_share * even / sum(even)``; ``scale`` is the number that
    makes the clips add up to the budget, so that what a bound takes from one label goes to the others in proportion.

    Args:
        budget: Clips to give out, >= 0.
        weights: Of each label, >= 0; equal ones where all are zero.
        floor: Least clips of each label; none when None.
        cap: Most clips of each label; the budget when None.
        even: Shares to be drawn towards; equal ones when None.
        even_share: How far, in [0, 1].

    Returns:
        ``[labels]``, sum ``min(budget, sum(cap))``. Equal remainders go to the label that comes first.

    Raises:
        ConfigError: The floors ask for more than the budget, or for more than a cap.

    Example:
        >>> allocate(10, np.array([1.0, 1.0, 3.0])).tolist()
        [2, 2, 6]
    """
    count = len(weights)
    low = np.zeros(count, np.int64) if floor is None else np.asarray(floor, dtype=np.int64)
    high = np.full(count, budget, np.int64) if cap is None else np.minimum(np.asarray(cap, dtype=np.int64), budget)
    if (low > high).any() or low.sum() > budget:
        raise ConfigError(
            f"the floors ask for {low.sum()} of {budget} clips, and for {low.max(initial=0)} of a label that may have "
            f"{high[low.argmax()] if count else 0}; lower them, or raise the budget and the caps"
        )
    if high.sum() <= budget:
        return high
    flat = np.ones(count) if even is None else even
    share = (1 - even_share) * shares_of(weights) + even_share * shares_of(flat)
    return _rounded(_scaled(share, low, high, budget), low, high, budget)


def shares_of(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that add up to one; equal ones where all are zero."""
    total = float(weights.sum())
    return np.asarray(weights / total if total > 0 else np.full(len(weights), 1 / max(1, len(weights))))


def responsive(gains: NDArray[np.float64], counts: NDArray[np.int64], *, shrinkage: float = 5.0) -> NDArray[np.float64]:
    """Factor in [0.5, 1.5] of each label: more where the clips that it got so far have helped it more than others.

    ``1 + clip(shrunk / spread, -1, 1) / 2`` with ``shrunk = count / (count + shrinkage) * (gain - mean gain)`` and
    ``spread`` the standard deviation of the gains; one for all where they do not differ.

    Args:
        gains: Gain in score of each label since the beginning.
        counts: Real clips by which each was measured.
        shrinkage: Clips for which a gain is worth half.
    """
    away = gains - gains.mean()
    spread = float(away.std())
    if spread < 1e-9:
        return np.ones(len(gains))
    shrunk = counts / (counts + shrinkage) * away
    return np.asarray(1 + np.clip(shrunk / spread, -1, 1) / 2)


def _scaled(
    share: NDArray[np.float64], low: NDArray[np.int64], high: NDArray[np.int64], budget: int
) -> NDArray[np.float64]:
    """``clip(scale * share, low, high)`` that adds up to the budget, the scale found by halving.

    Labels with a share of zero come to their caps only when all others have, so that the budget is always spent.
    """
    share = np.maximum(share, 1e-9)
    least, most = 0.0, float(high.max()) / float(share.min())
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        if np.clip(middle * share, low, high).sum() < budget:
            least = middle
        else:
            most = middle
    return np.asarray(np.clip(most * share, low, high))


def _rounded(
    quotas: NDArray[np.float64], low: NDArray[np.int64], high: NDArray[np.int64], budget: int
) -> NDArray[np.int64]:
    quotas = np.round(quotas, 9)  # equal quotas must have equal remainders
    counts = np.clip(np.floor(quotas).astype(np.int64), low, high)
    order = np.argsort(-(quotas - counts), kind="stable")
    while (left := budget - int(counts.sum())) > 0:
        open_ = [i for i in order if counts[i] < high[i]]
        counts[open_[:left]] += 1
    return counts
