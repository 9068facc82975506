"""The table of a study: each arm of each condition against the best that real clips alone allow there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from menura.metrics.statistics import Interval, holm
from menura.studies.arm_table import SYNTHETIC_ARMS
from menura.studies.bench.condition import Measured
from menura.studies.doses import dose_of
from menura.studies.summary import Table

__all__ = ["ArmRow", "arm_row", "arm_rows", "corrected"]


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One arm of one condition. Rates and differences are fractions; differences are paired by fold and seed.

    Attributes:
        series, point: Of the condition.
        arm: Which arm.
        clips: Training clips, mean over folds and seeds.
        value, interval: Metric that decides, and its 95 % interval.
        baseline: What it is compared with: the best arm of real clips alone of the condition, or that of another one.
        gain, gain_interval, p: Over the baseline; 0 and 1 for itself.
        p_corrected: After Holm over all arms with synthetic clips of the study; None for the others.
    """

    series: str
    point: str
    arm: str
    clips: float
    value: float
    interval: Interval
    baseline: str
    gain: float
    gain_interval: Interval
    p: float
    p_corrected: float | None = None


def arm_rows(
    measured: Sequence[Measured], *, baseline: str | None = None, of: Measured | None = None
) -> tuple[ArmRow, ...]:
    """A row for each arm of each condition, in their order.

    Args:
        measured: Conditions and their cells.
        baseline: The arm that the others are compared with; None takes the best arm of real clips alone.
        of: The condition whose arm that is, for all; None takes each condition's own. Folds and seeds must be the same.
    """
    rows = []
    for one in measured:
        table, name = _with_baseline(one, baseline, of)
        rows += [arm_row(one.condition.series, one.condition.point, table, arm, name) for arm in one.table.cells]
    return corrected(rows, SYNTHETIC_ARMS)


def corrected(rows: Sequence[ArmRow], arms: Collection[str]) -> tuple[ArmRow, ...]:
    """The rows, the p-values of these arms corrected together after Holm; doses of an arm count as the arm."""
    tested = [n for n, row in enumerate(rows) if dose_of(row.arm)[0] in arms and row.arm != row.baseline]
    found = dict(zip(tested, holm([rows[number].p for number in tested]), strict=True))
    return tuple(replace(row, p_corrected=found.get(number)) for number, row in enumerate(rows))


def _with_baseline(one: Measured, baseline: str | None, of: Measured | None) -> tuple[Table, str]:
    """The table of a condition with the arm that its arms are compared with, and the name of that arm there."""
    if of is None or of.condition == one.condition:
        return one.table, baseline or one.table.best_baseline
    arm = baseline or of.table.best_baseline
    name = f"{arm} ({of.condition.point})"
    return replace(one.table, cells={**one.table.cells, name: of.table.cells[arm]}), name


def arm_row(series: str, point: str, table: Table, arm: str, baseline: str) -> ArmRow:
    """The row of one arm under one condition."""
    is_baseline = arm == baseline
    return ArmRow(
        series=series,
        point=point,
        arm=arm,
        clips=float(np.mean([sum(cell.clips.values()) for row in table.cells[arm] for cell in row])),
        value=table.mean(arm),
        interval=table.interval(arm),
        baseline=baseline,
        gain=table.mean(arm) - table.mean(baseline),
        gain_interval=(0.0, 0.0) if is_baseline else table.gain_interval(arm, baseline),
        p=1.0 if is_baseline else table.p_value(arm, baseline),
    )
