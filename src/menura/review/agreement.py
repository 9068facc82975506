"""How far reviewers agree beyond chance: Cohen's kappa with a bootstrap interval, and what they disagree about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from menura.decisions import Ledger
from menura.seeding import item_generator

__all__ = ["Agreement", "agreements", "cohen_kappa", "disputed", "kappa_interval"]

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two reviewers over the clips that both decided.

    Attributes:
        reviewers: Who.
        clips: How many clips both decided.
        same: Of how many they say the same.
        kappa: Cohen's kappa; None where chance alone would agree always.
        interval: 95 % of it; None with kappa.
    """

    reviewers: tuple[str, str]
    clips: int
    same: int
    kappa: float | None
    interval: tuple[float, float] | None


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """``(observed - chance) / (1 - chance)``: 1 for full agreement, 0 for as much as chance gives.

    Args:
        first, second: Category that each reviewer gave to each clip, in the same order.

    Returns:
        None without clips, and where both use one category only.

    Source:
        Cohen 1960, "A coefficient of agreement for nominal scales".

    Example:
        >>> round(cohen_kappa(["yes"] * 25 + ["no"] * 25, ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15), 6)
        0.4
    """
    table = _table(first, second)
    return None if table is None else _kappa(table)


def kappa_interval(first: Sequence[str], second: Sequence[str], *, seed: int = 0) -> tuple[float, float] | None:
    """95 % percentile interval of kappa when clips are drawn with replacement; None where no draw has a kappa."""
    table = _table(first, second)
    if table is None or _kappa(table) is None:
        return None
    total = int(table.sum())
    generator = item_generator(seed, "kappa", total)
    draws = generator.multinomial(total, (table / total).ravel(), size=_RESAMPLES)
    known = [kappa for draw in draws if (kappa := _kappa(draw.reshape(table.shape))) is not None]
    if not known:
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def agreements(ledger: Ledger, *, seed: int = 0) -> list[Agreement]:
    """Every pair of reviewers that decided clips in common.

    A decision that settles a disagreement is left out: it is no second ear.
    """
    said: dict[str, dict[str, str]] = {}
    for request in ledger.requests:
        for one in ledger.opinions(request):
            if one.accepted is not None and not one.settles:
                said.setdefault(one.reviewer, {})[request] = one.category
    found = []
    for a, b in combinations(said, 2):
        common = [request for request in said[a] if request in said[b]]
        if common:
            first, second = [said[a][one] for one in common], [said[b][one] for one in common]
            same = sum(x == y for x, y in zip(first, second, strict=True))
            kappa, interval = cohen_kappa(first, second), kappa_interval(first, second, seed=seed)
            found.append(Agreement((a, b), len(common), same, kappa, interval))
    return found


def disputed(ledger: Ledger) -> dict[str, dict[str, str]]:
    """Clips that reviewers disagree about and nobody has settled: request id to what each reviewer says."""
    return {
        request: {one.reviewer: one.category for one in ledger.opinions(request) if one.accepted is not None}
        for request in ledger.requests
        if ledger.consensus(request).disputed
    }


def _table(first: Sequence[str], second: Sequence[str]) -> np.ndarray | None:
    """How often each pair of categories occurs, ``[categories, categories]``."""
    if not first:
        return None
    names = {name: k for k, name in enumerate(dict.fromkeys((*first, *second)))}
    table = np.zeros((len(names), len(names)), dtype=np.int64)
    for a, b in zip(first, second, strict=True):
        table[names[a], names[b]] += 1
    return table


def _kappa(table: np.ndarray) -> float | None:
    total = table.sum()
    observed = np.trace(table) / total
    chance = float((table.sum(axis=0) * table.sum(axis=1)).sum() / total**2)
    return None if chance >= 1 else float((observed - chance) / (1 - chance))
