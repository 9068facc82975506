"""``menura study interpolation``."""

from __future__ import annotations

from typing import Annotated

import typer

from menura.cli.bench.common import Asked, bench_command, run_study
from menura.cli.run_options import RealPerLabelOption

__all__ = ["interpolation"]


@bench_command
def interpolation(
    asked: Asked,
    num_folds: Annotated[
        int, typer.Option(min=2, help="Folds of both splits; the published 90:10 split is one of ten.")
    ] = 5,
    real_per_label: RealPerLabelOption = None,
) -> None:
    """Example: menura study interpolation FSDD -o studies/interpolation --num-folds 5 --times 1

    Clips between two recordings of a label, measured twice: with folds drawn at random, whatever the source recording
    (as published), and with folds that keep sources together. What the random split shows more is leakage. The recipe
    is `interpolation` unless another is named; its generator is `resynth`, which morphs, or a diffusion model
    (--generator spectrogram-diffusion:PATH). Run it again to go on after a stop, or to add arms or seeds.
    """
    from menura.datasets.dataset import Dataset
    from menura.studies.bench import interpolation as study
    from menura.studies.bench.condition import Condition

    runs = asked.runs if asked.recipe_given else asked.runs.model_copy(update={"recipe": "interpolation"})
    base = asked.settings(arms=("real", "oversample", "classic", "synthetic"), real_per_label=real_per_label, runs=runs)

    def plan(dataset: Dataset) -> tuple[Condition, ...]:
        return study.interpolation(dataset, base, folds=num_folds)

    run_study(asked, plan, study.interpolation_report)
