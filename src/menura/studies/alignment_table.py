"""The table of the alignment study: means over seeds, and paired differences to the generator as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.metrics.statistics import Interval, mean_interval
from menura.studies.alignment import UNALIGNED, Cell

__all__ = ["MEASURES", "AlignmentRow", "Measure", "alignment_rows", "verdict"]

_LEAST_KAD, _MOST_AGREEMENT, _MOST_VENDI = -0.30, -0.02, -0.10


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of generated clips.

    Attributes:
        name: Attribute of :class:`menura.studies.generations.Generations`.
        title: For tables and figures.
        is_relative: Whether a change is told as a share of the unaligned value, rather than as a difference.
        better: 1 when more is better, -1 when less is.
    """

    name: str
    title: str
    is_relative: bool
    better: int


MEASURES = (
    Measure("kad", "KAD", True, -1),
    Measure("kad_second", "KAD, second encoder", True, -1),
    Measure("descriptor_distance", "descriptor distance", True, -1),
    Measure("agreement", "label agreement", False, 1),
    Measure("vendi", "Vendi", True, 1),
    Measure("near_share", "near training clips", False, -1),
    Measure("copied_share", "copied training clips", False, -1),
    Measure("accuracy", "accuracy, real + generated", False, 1),
    Measure("accuracy_real", "accuracy, real alone", False, 1),
)


@dataclass(frozen=True, slots=True)
class AlignmentRow:
    """One measure of one method.

    Attributes:
        method: Which.
        measure: Name of the measure.
        seeds: Worlds that it was measured on.
        value: Mean over them.
        interval: Its 95 % interval over seeds.
        change: Mean over seeds of the paired change against the unaligned generator: a share of its value for
            distances and diversity, else a difference.
        change_interval: Its 95 % interval.
    """

    method: str
    measure: str
    seeds: int
    value: float
    interval: Interval
    change: float
    change_interval: Interval


def alignment_rows(cells: Sequence[Cell]) -> tuple[AlignmentRow, ...]:
    """Rows by method, then by measure. Where an unaligned value is 0, a change relative to it is told as 0.

    Args:
        cells: Of all methods and seeds, the unaligned method among them.
    """
    methods = list(dict.fromkeys(cell.method for cell in cells))
    rows = []
    for method in methods:
        for measure in MEASURES:
            values, before = (_of(cells, name, measure) for name in (method, UNALIGNED))
            change = values - before
            if measure.is_relative:
                change = np.divide(change, np.abs(before), out=np.zeros_like(change), where=np.abs(before) > 1e-9)
            rows.append(
                AlignmentRow(
                    method, measure.name, len(values), float(values.mean()), _interval(values),
                    float(change.mean()), _interval(change),
                )
            )  # fmt: skip
    return tuple(rows)


def verdict(cells: Sequence[Cell], *, method: str = "dpo", rival: str = "sft") -> tuple[str, ...]:
    """What the numbers say of the goals of alignment, in plain sentences; empty without the method.

    The goals: KAD at least 30 % lower than unaligned, label agreement not worse by more than 2 points, Vendi not by
    more than 10 %; ahead of the rival in two of KAD, Vendi and accuracy.
    """
    rows = {(row.method, row.measure): row for row in alignment_rows(cells)}
    if (method, "kad") not in rows:
        return ()
    kad, agreement, vendi = (rows[method, name] for name in ("kad", "agreement", "vendi"))
    found = [
        _goal(f"{method}: KAD {_percent(kad)}, goal -30 % or lower", kad.change <= _LEAST_KAD),
        _goal(
            f"{method}: label agreement {100 * agreement.change:+.1f} points ({_ends(agreement)}), goal -2 or higher",
            agreement.change >= _MOST_AGREEMENT,
        ),
        _goal(f"{method}: Vendi {_percent(vendi)}, goal -10 % or higher", vendi.change >= _MOST_VENDI),
    ]
    if (rival, "kad") in rows:
        ahead = [
            measure.title
            for measure in MEASURES
            if measure.name in ("kad", "vendi", "accuracy")
            and measure.better * (rows[method, measure.name].value - rows[rival, measure.name].value) > 0
        ]
        where = ", ".join(ahead) or "nothing"
        found.append(_goal(f"{method} is ahead of {rival} in {where}, goal two of three", len(ahead) >= 2))
    copying = sorted({cell.method for cell in cells if cell.measured.is_near_training})
    if copying:
        found.append(f"clips lie nearer to training clips than luck explains: {', '.join(copying)}")
    return tuple(found)


def _of(cells: Sequence[Cell], method: str, measure: Measure) -> NDArray[np.float64]:
    ordered = sorted((cell for cell in cells if cell.method == method), key=lambda cell: cell.seed)
    return np.array([getattr(cell.measured, measure.name) for cell in ordered], dtype=np.float64)


def _interval(values: NDArray[np.float64]) -> Interval:
    """Seeds are worlds of their own, so each counts as a fold."""
    return mean_interval(values[:, None])


def _percent(row: AlignmentRow) -> str:
    low, high = row.change_interval
    return f"{100 * row.change:+.0f} % ({100 * low:+.0f} to {100 * high:+.0f})"


def _ends(row: AlignmentRow) -> str:
    return " to ".join(f"{100 * end:+.1f}" for end in row.change_interval)


def _goal(text: str, reached: bool) -> str:
    return f"{text}: {'reached' if reached else 'not reached'}"
