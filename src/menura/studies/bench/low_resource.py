"""How much does each method help with 50, 100, 200, 500 real clips?

The clips are drawn with the labels in proportion, at least one of each, and smaller sets are part of larger ones. In
the paper they are one draw; here each fold and seed draws its own.

Source:
    Ghosh et al. 2025 (Synthio), arXiv:2410.02056, table 1. Model choice on the test set is not repeated.
"""

from __future__ import annotations

from collections.abc import Sequence

from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.bench.condition import Condition, Measured
from menura.studies.bench.report import StudyReport, report_of
from menura.studies.bench.tables import synthio_cells
from menura.studies.settings import EvaluationSettings

__all__ = ["SIZES", "low_resource", "low_resource_report"]

SIZES = (50, 100, 200, 500)
"""Of the paper."""


def low_resource(base: EvaluationSettings, sizes: Sequence[int] = SIZES) -> tuple[Condition, ...]:
    """A condition for each number of real clips.

    Args:
        base: Arms, seeds and runs.
        sizes: Numbers of real training clips, rising.

    Raises:
        ConfigError: There is no size, or they do not rise.
    """
    if not sizes or list(sizes) != sorted(set(sizes)) or sizes[0] < 1:
        raise ConfigError(f"sizes are {list(sizes)}, expected rising numbers above 0")
    return tuple(
        Condition(str(size), base.model_copy(update={"real_total": size, "real_per_label": None})) for size in sizes
    )


def low_resource_report(dataset: Dataset, measured: Sequence[Measured]) -> StudyReport:
    """Rows by size and arm, with every cell that Synthio reports for the dataset beside them."""
    published = synthio_cells(dataset.name)
    sizes = {one.condition.point for one in measured}
    ours = {arm for one in measured for arm in one.table.cells}
    shown = tuple(cell for cell in published if cell.point in sizes)
    missing = sorted({cell.method for cell in shown if cell.arm not in ours})
    notes = [f"not measured here, published only: {', '.join(missing)}"] if missing else []
    return report_of(
        "low-resource", measured,
        question="How much does each method help, by the number of real clips?", axis="real clips", published=shown,
        notes=notes,
    )  # fmt: skip
