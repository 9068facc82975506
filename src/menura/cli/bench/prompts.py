"""``menura study prompts``."""

from __future__ import annotations

from typing import Annotated

import typer

from menura.cli.bench.common import Asked, bench_command, numbers, run_study

__all__ = ["prompts"]


@bench_command
def prompts(
    asked: Asked,
    generators: Annotated[
        str, typer.Option(help="Text-to-audio generators with commas: NAME, or NAME:PATH with a model.")
    ],
    styles: Annotated[
        str, typer.Option(help="Styles of the prompts with commas, see docs/prompts.md.")
    ] = "label,sound_of,descriptors,mixcap",
    doses: Annotated[str, typer.Option(help="Synthetic clips for each real one, rising.")] = "1,3",
) -> None:
    """Example: menura study prompts URBANSOUND8K -o studies/prompts --generators audiogen,audioldm2 --doses 1,2,3,4

    Clips of every text-to-audio generator with every style of prompt, in rising amounts. Beside them, for UrbanSound8K,
    what Ronchini and others (arXiv:2403.17864) report. The notes tell how many candidates of each passed the judges.
    Run it again to go on after a stop, or to add generators, styles, seeds or folds.
    """
    from menura.cli.downloads import announce_downloads
    from menura.studies.bench import prompts as study

    conditions = study.prompts(
        asked.settings(arms=study.ARMS), _listed(generators), _listed(styles), numbers(doses, option="--doses")
    )
    for run in {one.series: one.settings.run for one in conditions}.values():
        announce_downloads(run)
    run_study(asked, lambda _: conditions, study.prompts_report)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
