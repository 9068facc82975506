"""``menura study dose``."""

from __future__ import annotations

from typing import Annotated

import typer

from menura.cli.bench.common import Asked, bench_command, numbers, run_study
from menura.cli.run_options import RealPerLabelOption

__all__ = ["dose"]


@bench_command
def dose(
    asked: Asked,
    doses: Annotated[
        str, typer.Option(help="Synthetic clips for each real one, rising; instead of --times.")
    ] = "1,2,4,5,10,20",
    real_per_label: RealPerLabelOption = None,
) -> None:
    """Example: menura study dose ESC50 -o studies/dose --doses 1,2,4,8 --real-per-label 5

    The gain by the number of synthetic clips for each real one. Smaller doses are parts of larger ones, so that one run
    for each fold and seed serves them all. Says from where on doubling gains nothing that can be told from zero.
    """
    from menura.studies.bench import dose as study

    wanted = numbers(doses, option="--doses")
    base = asked.settings(arms=study.ARMS, real_per_label=real_per_label)
    run_study(
        asked, lambda _: study.dose(base, wanted), lambda dataset, found: study.dose_report(dataset, found, wanted)
    )
