"""``menura study replace``."""

from __future__ import annotations

from typing import Annotated

import typer

from menura.cli.bench.common import Asked, bench_command, numbers, run_study

__all__ = ["replace_folds"]


@bench_command
def replace_folds(
    asked: Asked,
    replaced: Annotated[
        str, typer.Option(help="How many training folds are replaced [default: each number that is possible].")
    ] = "",
) -> None:
    """Example: menura study replace URBANSOUND8K -o studies/replace --replaced 0,2,4,6

    Whole real training folds are replaced by as many synthetic clips; beside it what those folds are worth with nothing
    in their place. With all folds replaced no real clip is left: that needs the recipe label_guided.
    """
    from menura.studies.bench import replace_folds as study

    base = asked.settings(arms=study.ARMS)
    wanted = [int(number) for number in numbers(replaced, option="--replaced")] or None
    run_study(
        asked,
        lambda dataset: study.replace_folds(base, study.num_training_folds(dataset, base.folds), wanted),
        lambda dataset, found: study.replace_report(dataset, found, study.num_training_folds(dataset, base.folds)),
    )
