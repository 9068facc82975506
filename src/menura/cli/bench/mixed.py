"""``menura study mixed``."""

from __future__ import annotations

from typing import Annotated

import typer

from menura.cli.bench.common import Asked, bench_command, numbers, run_study

__all__ = ["mixed"]


@bench_command
def mixed(
    asked: Asked,
    percents: Annotated[
        str, typer.Option(help="Shares of the real clips in percent, rising to 100; 0 is synthetic clips alone.")
    ] = "0,10,25,50,75,100",
) -> None:
    """Example: menura study mixed ESC50 -o studies/mixed --percents 0,10,50,100 --times 2

    A share of the real clips, and as many synthetic ones at every share: --times (1) for each clip of the full real
    set. How many real clips are saved, and what synthetic ones are worth at each share.
    """
    from menura.studies.bench import mixed as study

    base = asked.settings(arms=study.ARMS)
    wanted = numbers(percents, option="--percents")
    run_study(asked, lambda _: study.mixed(base, wanted), study.mixed_report)
