"""The doses of one evaluation as points of a curve, each part of the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from menura.config import AmountSettings
from menura.errors import ConfigError
from menura.studies.arm_table import REAL_ARMS
from menura.studies.bench.condition import Measured
from menura.studies.doses import dosed_arm
from menura.studies.settings import EvaluationSettings

__all__ = ["by_dose", "dose_name", "with_doses"]

REAL_POINT = "0"
"""Where the arms of real clips alone stand."""


def with_doses(base: EvaluationSettings, doses: Sequence[float]) -> EvaluationSettings:
    """Settings of an evaluation that makes the largest dose, and learns from the smaller ones too.

    Args:
        base: Arms, seeds and runs; its amount is replaced.
        doses: Synthetic clips for each real one, rising.

    Raises:
        ConfigError: There is none, they do not rise, or the runs have another amount.
    """
    if base.run.amount != AmountSettings():
        raise ConfigError("the doses say how many synthetic clips there are; leave out any other amount (--times)")
    if not doses or list(doses) != sorted(set(doses)) or doses[0] <= 0:
        raise ConfigError(f"doses are {[*map(dose_name, doses)]}, expected rising numbers above 0")
    run = base.run.model_copy(update={"amount": AmountSettings(times=doses[-1])})
    return base.model_copy(update={"run": run, "doses": tuple(doses[:-1])})


def by_dose(one: Measured, doses: Sequence[float]) -> tuple[Measured, ...]:
    """A condition for the arms of real clips alone, named ``0``, and one for each dose.

    Args:
        one: A condition of :func:`with_doses`.
        doses: Of it, the largest last.
    """
    cells, arm = one.table.cells, one.study.settings.dose_arm
    real = {name: cells[name] for name in cells if name in REAL_ARMS}
    parts = [(REAL_POINT, real)]
    for dose in doses:
        if dose == one.study.whole_dose:
            parts.append((dose_name(dose), {name: cells[name] for name in one.study.settings.arms if name not in real}))
        else:
            parts.append((dose_name(dose), {arm: cells[dosed_arm(arm, dose)]}))
    return tuple(
        replace(one, condition=replace(one.condition, point=point), table=replace(one.table, cells=found))
        for point, found in parts
    )


def dose_name(dose: float) -> str:
    """A dose as it stands on the axis."""
    return f"{dose:g}"
