"""``menura study noise``."""

from __future__ import annotations

from typing import Annotated

import typer

from menura.cli.bench.common import Asked, bench_command, numbers
from menura.cli.run_options import RealPerLabelOption

__all__ = ["noise"]


@bench_command
def noise(
    asked: Asked,
    noises: Annotated[str, typer.Option(help="Dataset of noises, with folds: one of them stays unseen.")],
    snrs: Annotated[str, typer.Option(help="Levels of the test in dB.")] = "20,10,5",
    train_snr: Annotated[str, typer.Option(help="Range of the levels in training, in dB.")] = "3,30",
    copies: Annotated[int, typer.Option(min=1, help="Noisy copies of each training clip.")] = 4,
    real_per_label: RealPerLabelOption = None,
    noises_per_label: Annotated[
        int | None, typer.Option(min=1, help="Real noise clips of each label that are learned from [default: all].")
    ] = None,
    noise_fold: Annotated[
        str | None, typer.Option(help="Fold of the noises that stays unseen [default: the last].")
    ] = None,
) -> None:
    """Example: menura study noise FSDD --noises ESC50 -o studies/noise --folds groups --noises-per-label 4

    Trains a recogniser of DATA with noise from nowhere (none), white noise, real noise clips, clips made from those, or
    both, and tests it clean and at fixed levels, under the noises of training (fixed) and of a fold that nobody has
    heard (unseen). --arms names some of none,white,real,synthetic,real+synthetic; --recipe, --generator and --times say
    how noise is made. Run it again to go on after a stop, or to add arms, seeds, levels or folds.
    """
    from menura import datasets
    from menura.cli.bench.files import write_report
    from menura.cli.downloads import announce_downloads
    from menura.cli.output import resumable
    from menura.errors import ConfigError
    from menura.studies.bench.noise import NoiseSettings, measure_noise
    from menura.studies.bench.noise_job import ARMS
    from menura.studies.bench.noise_report import noise_report

    levels = numbers(train_snr, option="--train-snr")
    if len(levels) != 2:
        raise ConfigError(f"--train-snr is {train_snr!r}, expected two numbers, e.g. 3,30")
    generator = asked.runs.generator.with_absolute_paths()
    settings = NoiseSettings(
        asked.runs.model_copy(update={"generator": generator}),
        arms=ARMS if asked.arms is None else asked.arms,
        snrs_db=numbers(snrs, option="--snrs"),
        train_snr_db=(levels[0], levels[1]),
        copies=copies,
        noises_per_label=noises_per_label,
        noise_fold=noise_fold,
        seeds=asked.seeds,
        real_per_label=real_per_label,
        folds=asked.folds,
        test_folds=asked.test_folds,
        classifier=asked.classifier,
        steps=asked.steps,
        metric=asked.metric,
    )
    announce_downloads(asked.runs)
    with (
        resumable(f"what is finished is kept in {asked.out}", price=asked.made_by.price) as progress,
        asked.made_by.jobs(asked.workers),
    ):
        dataset, sounds = datasets.load(asked.data, progress=progress), datasets.load(noises, progress=progress)
        study = measure_noise(dataset, sounds, settings, asked.out, workers=asked.workers, progress=progress)
    write_report(asked.out, noise_report(dataset, sounds, study), json=asked.json)
