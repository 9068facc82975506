"""How much synthetic sound is enough: the gain by the number of synthetic clips for each real one.

The doses of one evaluation: a smaller one is part of a larger one, with children of all sources. The curve is called
flat from the smallest dose on from which no doubling gains anything that can be told from zero (95 % interval of the
paired difference). That is what these folds and seeds could show, not a proof: the upper end of the interval is what
may have been missed.

Source:
    Ghosh et al. 2025 (Synthio), arXiv:2410.02056, factors 1 to 5; Ronchini et al. 2024, arXiv:2403.17864, 100 to
    400 %. The factor is not chosen on test clips here: the whole curve is shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.bench.by_dose import by_dose, dose_name, with_doses
from menura.studies.bench.compare import Comparison, Side, comparisons
from menura.studies.bench.condition import Condition, Measured
from menura.studies.bench.report import StudyReport, report_of
from menura.studies.bench.ronchini import ronchini_cells
from menura.studies.settings import EvaluationSettings
from menura.studies.verdict import points, span

__all__ = ["ARMS", "DOSES", "dose", "dose_report", "flat_from"]

DOSES = (1.0, 2.0, 4.0, 5.0, 10.0, 20.0)
ARMS = ("real", "oversample", "classic", "synthetic")


def dose(base: EvaluationSettings, doses: Sequence[float] = DOSES) -> tuple[Condition, ...]:
    """One evaluation with all doses.

    Args:
        base: Arms, seeds and runs; the amount of the runs is the largest dose.
        doses: Synthetic clips for each real one, rising.

    Raises:
        ConfigError: There are fewer than two doses, they do not rise, or no arm can have them.
    """
    if len(doses) < 2:
        raise ConfigError(f"doses are {[*map(dose_name, doses)]}, expected two or more: a curve needs two points")
    return (Condition("doses", with_doses(base, doses)),)


def dose_report(dataset: Dataset, measured: Sequence[Measured], doses: Sequence[float] = DOSES) -> StudyReport:
    """Rows by dose against the best that real clips alone allow, and each dose against its half."""
    one = measured[0]
    parts = by_dose(one, doses)
    doubled = doublings(one, dict(zip(doses, parts[1:], strict=True)))
    copies = ["classic copies are as many as the largest dose"] if "classic" in one.table.cells else []
    return report_of(
        "dose", parts, question="How does the gain grow with the number of synthetic clips?",
        axis="synthetic clips for each real one", of=parts[0],
        published=ronchini_cells(dataset.name, "augmentation", lambda percent: f"{int(percent) / 100:g}"),
        notes=[*_flatness(doubled), *copies], more={"doublings": doubled},
    )  # fmt: skip


def doublings(one: Measured, parts: dict[float, Measured]) -> tuple[Comparison, ...]:
    """Every dose against half of it, where that was measured."""
    arm = one.study.settings.dose_arm
    pairs = [(dose, dose / 2) for dose in parts if dose / 2 in parts]
    return comparisons(
        [(Side(dose_name(d), parts[d], arm), Side(dose_name(half), parts[half], arm)) for d, half in pairs]
    )


def flat_from(doubled: Sequence[Comparison]) -> Comparison | None:
    """The first doubling from which on none gains anything that can be told from zero; None when the last one does."""
    flat = None
    for one in reversed(doubled):
        if one.interval[0] > 0:
            break
        flat = one
    return flat


def _flatness(doubled: Sequence[Comparison]) -> list[str]:
    if not doubled:
        return ["no dose has its half beside it, so that nothing is said of where the curve flattens"]
    flat = flat_from(doubled)
    if flat is None:
        last = doubled[-1]
        return [
            f"the curve still rises: {last.name} for each real clip gain {points(last.gain)} points over {last.than}"
        ]
    said = (
        f"flat from {flat.than} synthetic clips for each real one: {flat.name} change {points(flat.gain)} points "
        f"({span(flat.interval)}), and no later doubling gains what can be told from zero; up to "
        f"{points(flat.interval[1])} points may have been missed"
    )
    return [said]
