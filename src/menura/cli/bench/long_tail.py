"""``menura study long-tail``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from menura.cli.bench.common import Asked, bench_command, run_study

if TYPE_CHECKING:
    from menura.studies.bench.report import StudyReport

__all__ = ["long_tail"]


@bench_command
def long_tail(
    asked: Asked,
    largest: Annotated[
        int | None, typer.Option(min=1, help="Draw a tail: real training clips of the largest label.")
    ] = None,
    tail_ratio: Annotated[
        float | None, typer.Option(min=1, help="Draw a tail: size of the largest label over that of the smallest.")
    ] = None,
) -> None:
    """Example: menura study long-tail donateacry -o studies/long-tail

    Every label before and after, the largest first: recall with the real clips, with the best they allow, and with
    synthetic ones that top labels up to the size of the largest (or --times). Draws a tail where there is none:
    --largest 20 --tail-ratio 10.
    """
    from menura.studies.bench import long_tail as study

    base = asked.settings(arms=study.ARMS)
    run_study(
        asked,
        lambda dataset: study.long_tail(base, dataset, largest=largest, ratio=tail_ratio),
        study.long_tail_report,
        figures=_figures,
    )


def _figures(report: StudyReport) -> dict[str, str]:
    """A line for each label, the largest at the top: its clips, its recalls, and its gain."""
    from menura.report.figures import IntervalPanel, intervals
    from menura.studies.bench.label_rows import LabelRow

    rows = [row for row in report.more["by-label"] if isinstance(row, LabelRow)]
    panels = [
        IntervalPanel("real training clips", [row.clips for row in rows]),
        IntervalPanel("recall, real", [row.real for row in rows]),
        IntervalPanel("recall, best of real", [row.baseline for row in rows]),
        IntervalPanel("recall, synthetic", [row.synthetic for row in rows]),
        IntervalPanel("gain over best of real", [row.gain for row in rows], [row.interval for row in rows], floor=0.0),
    ]
    return {"": intervals([row.label for row in rows], panels)}
