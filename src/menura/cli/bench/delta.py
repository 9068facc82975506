"""``menura study delta``."""

from __future__ import annotations

from typing import Annotated

import typer

from menura.cli.bench.common import Asked, bench_command, numbers, run_study
from menura.cli.run_options import RealPerLabelOption

__all__ = ["delta"]


@bench_command
def delta(
    asked: Asked,
    deltas: Annotated[
        str, typer.Option(help="Strengths in [0, 1], rising; instead of --delta.")
    ] = "0,0.1,0.25,0.5,0.75,1",
    real_per_label: RealPerLabelOption = None,
) -> None:
    """Example: menura study delta ESC50 -o studies/delta --deltas 0,0.25,0.5,1 --real-per-label 5

    The strength of the generator, swept: gain, what the judges let pass, and how far the kept clips lie from held-out
    ones. Choosing the best strength from it chooses on test clips.
    """
    from menura.studies.bench import delta as study

    base = asked.settings(arms=study.ARMS, real_per_label=real_per_label)
    wanted = numbers(deltas, option="--deltas")
    run_study(asked, lambda _: study.delta(base, wanted), study.delta_report)
