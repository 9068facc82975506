"""``menura study transfer``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from menura.cli.bench.common import Asked, bench_command, run_study
from menura.cli.run_options import RealPerLabelOption

if TYPE_CHECKING:
    from menura.studies.bench.report import StudyReport

__all__ = ["transfer"]


@bench_command
def transfer(
    asked: Asked,
    real_per_label: RealPerLabelOption = None,
) -> None:
    """Example: menura study transfer ESC50 -o studies/transfer --real-per-label 10

    Uses synthetic clips only for the labels that they serve, by inner folds of the training clips, and tests that once
    against all synthetic clips and none.
    """
    from menura.studies.bench import transfer as study

    base = asked.settings(arms=study.ARMS, real_per_label=real_per_label)
    run_study(asked, lambda _: study.transfer(base), study.transfer_report, figures=_figures)


def _figures(report: StudyReport) -> dict[str, str]:
    """A line for each arm; and one for each label, with what validation said and what the test says."""
    from menura.report.figures import IntervalPanel, intervals
    from menura.studies.bench.transfer import TransferRow
    from menura.studies.verdict import METRIC_NAMES

    rows = report.rows
    labels = [row for row in report.more["by-label"] if isinstance(row, TransferRow)]
    arms = [
        IntervalPanel(METRIC_NAMES[report.metric], [row.value for row in rows], [row.interval for row in rows]),
        IntervalPanel(
            f"over {rows[0].baseline}", [row.gain for row in rows], [row.gain_interval for row in rows], floor=0.0
        ),
    ]
    by_label = [
        IntervalPanel("used, share of folds and seeds", [row.chosen for row in labels]),
        IntervalPanel("F1 gain, validation", [row.validation for row in labels], floor=0.0),
        IntervalPanel("recall gain, test, all", [row.test for row in labels], floor=0.0),
        IntervalPanel("recall gain, test, chosen", [row.test_chosen for row in labels], floor=0.0),
    ]
    return {
        "": intervals([row.arm for row in rows], arms),
        "-labels": intervals([row.label for row in labels], by_label),
    }
