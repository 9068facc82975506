"""``menura study low-resource``."""

from __future__ import annotations

from typing import Annotated

import typer

from menura.cli.bench.common import Asked, bench_command, numbers, run_study

__all__ = ["low_resource"]


@bench_command
def low_resource(
    asked: Asked,
    sizes: Annotated[str, typer.Option(help="Numbers of real training clips, rising.")] = "50,100,200,500",
) -> None:
    """Example: menura study low-resource ESC50 -o studies/low-resource --sizes 50,100,200

    Every arm with few real clips and with more, drawn with the labels in proportion, at least one of each; each fold
    and seed draws its own. Beside them what Synthio (arXiv:2410.02056, table 1) reports for the same dataset. Run it
    again to go on after a stop, or to add sizes, arms, seeds or folds.
    """
    from menura.studies.arm_table import DEFAULT_ARMS
    from menura.studies.bench import low_resource as study

    base = asked.settings(arms=DEFAULT_ARMS)
    wanted = tuple(int(size) for size in numbers(sizes, option="--sizes"))
    run_study(asked, lambda _: study.low_resource(base, wanted), study.low_resource_report)
