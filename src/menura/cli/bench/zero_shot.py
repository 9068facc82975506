"""``menura study zero-shot``."""

from __future__ import annotations

from typing import Annotated

import typer

from menura.cli.bench.common import Asked, bench_command, names, numbers, run_study

__all__ = ["zero_shot"]


@bench_command
def zero_shot(
    asked: Asked,
    amounts: Annotated[
        str, typer.Option(help="Synthetic clips for each real one, rising; instead of --times.")
    ] = "1,2,3,5",
    generators: Annotated[
        str, typer.Option(help="Several, as GENERATOR or RECIPE=GENERATOR:PATH with commas [default: --generator].")
    ] = "",
) -> None:
    """Example: menura study zero-shot ESC50 -o studies/zero-shot --generators resynth,label_guided=audioldm2

    Train on synthetic clips alone, test on real ones, by amount: the score of a generator. Beside it the ceiling, as
    many real clips as amount 1 has synthetic ones.
    """
    from menura.studies.bench import zero_shot as study

    wanted = numbers(amounts, option="--amounts")
    base = asked.settings(arms=study.ARMS)
    run_study(
        asked,
        lambda _: study.zero_shot(base, wanted, names(generators)),
        lambda dataset, found: study.zero_shot_report(dataset, found, wanted),
    )
