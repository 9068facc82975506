"""``menura study ablation``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from menura.cli.bench.common import Asked, bench_command, run_study
from menura.cli.run_options import RealPerLabelOption

if TYPE_CHECKING:
    from menura.studies.bench.report import StudyReport

__all__ = ["ablation"]


@bench_command
def ablation(
    asked: Asked,
    change: Annotated[
        list[str] | None,
        typer.Option(help="NAME:key=value,…, may be given often [default: what is built in for the recipe]."),
    ] = None,
    real_per_label: RealPerLabelOption = None,
) -> None:
    """Example: menura study ablation ESC50 -o studies/ablation --change plain:rounds=0,judge.surplus=1

    The method against itself with one setting changed at a time, fold by fold and seed by seed. Keys are those of a
    settings file. The recipe synthio has a study of its own: menura study synthio.
    """
    from menura.studies.bench import ablation as study

    base = asked.settings(arms=study.ARMS, real_per_label=real_per_label)
    changes = study.parse_changes(change) if change else None
    run_study(asked, lambda _: study.ablation(base, changes), study.ablation_report, figures=_figures)


def _figures(report: StudyReport) -> dict[str, str]:
    """A line for each method: what it reaches, and its difference to the best of real clips and to the full method."""
    from menura.report.figures import IntervalPanel, intervals
    from menura.studies.bench.compare import Comparison
    from menura.studies.verdict import METRIC_NAMES

    rows = [row for row in report.rows if row.arm == "synthetic" or row.point == "full"]
    names = [row.point if row.arm == "synthetic" else row.arm for row in rows]
    of_full = {one.name: one for one in report.more["parts"] if isinstance(one, Comparison)}
    nowhere = (float("nan"), float("nan"))
    panels = [
        IntervalPanel(METRIC_NAMES[report.metric], [row.value for row in rows], [row.interval for row in rows]),
        IntervalPanel(
            "over the best of real clips", [row.gain for row in rows], [row.gain_interval for row in rows], floor=0.0
        ),
        IntervalPanel(
            "over the full method",
            [of_full[name].gain if name in of_full else nowhere[0] for name in names],
            [of_full[name].interval if name in of_full else nowhere for name in names], floor=0.0,
        ),
    ]  # fmt: skip
    return {"": intervals(names, panels)}
