"""Does a recogniser stand noise better when it was trained with synthetic noise?

Training clips get noise at 3 to 30 dB from nowhere, from white noise, from real noise clips, from clips made of those,
or from both. The recogniser is tested on held-out clips, clean and at fixed levels, under the very noises of training
(fixed) and under those of a fold that nobody has learned from or made clips of (unseen).

Source:
    Feng et al. 2024 (SynthAudio), arXiv:2406.08800, noise augmentation; its figure has no recoverable numbers. White
    noise, unseen noises, seeds and intervals are added here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from menura import __version__
from menura.config import RunSettings
from menura.datasets.dataset import Dataset, TrainingPart
from menura.errors import ConfigError, DatasetError, RunError
from menura.seeding import content_hash
from menura.studies.bench.condition import chosen_folds
from menura.studies.bench.noise_job import (
    ARMS,
    Place,
    TestJob,
    TrainJob,
    run_test_job,
    run_train_job,
    train_sources,
)
from menura.studies.cells import Cell, claim_folder
from menura.studies.conclude import decisive_metric
from menura.studies.job import MakeRun, augment_run
from menura.studies.lab import LabSpec, working_rate_for
from menura.studies.pool import num_workers, run_jobs
from menura.studies.real_amount import RealAmount
from menura.studies.settings import DEFAULT_STEPS
from menura.studies.splits import Split, dataset_splits, draw_training
from menura.studies.summary import Table
from menura.types import Clip, Progress

__all__ = ["FIXED", "UNSEEN", "NoiseSettings", "NoiseStudy", "measure_noise"]

FIXED, UNSEEN = "fixed noises", "unseen noises"
MADE = ("synthetic", "real+synthetic")


@dataclass(frozen=True, slots=True)
class NoiseSettings:
    """What is compared.

    Attributes:
        run: How noise clips are made from the real ones.
        arms: Where the noise of training clips comes from, of :data:`menura.studies.bench.noise_job.ARMS`.
        snrs_db: Levels of the test, see :class:`menura.studies.bench.in_noise.Noise`.
        train_snr_db: Range of the levels in training.
        copies: Noisy copies of each training clip, which is learned from as it is, too.
        noises_per_label: Real noise clips of each label that are learned from; None takes all.
        noise_fold: Fold of the noise dataset that is unseen; None takes the last.
        seeds, real_per_label, folds, test_folds, classifier, steps, metric: As for any evaluation.
    """

    run: RunSettings
    arms: tuple[str, ...] = ARMS
    snrs_db: tuple[float, ...] = (20.0, 10.0, 5.0)
    train_snr_db: tuple[float, float] = (3.0, 30.0)
    copies: int = 4
    noises_per_label: int | None = None
    noise_fold: str | None = None
    seeds: int = 3
    real_per_label: int | None = None
    folds: str | int | None = None
    test_folds: tuple[str, ...] = ()
    classifier: str = "linear"
    steps: int = DEFAULT_STEPS
    metric: str | None = None

    def __post_init__(self) -> None:
        """Refuses what cannot be.

        Raises:
            ConfigError: An arm is unknown, ``none`` is missing, or a number is impossible.
        """
        unknown = sorted(set(self.arms) - set(ARMS))
        if unknown or "none" not in self.arms:
            raise ConfigError(f"arms are {', '.join(self.arms)}, expected none and others of {', '.join(ARMS[1:])}")
        if self.copies < 1 or not self.snrs_db or self.train_snr_db[0] > self.train_snr_db[1]:
            raise ConfigError(
                f"copies is {self.copies}, levels are {list(self.snrs_db)} dB in the test and "
                f"{list(self.train_snr_db)} dB in training; expected at least one copy and level, and a rising range"
            )

    @property
    def places(self) -> tuple[Place, ...]:
        """Clean, then both sets of noises at each level."""
        noisy = [Place(series, level) for series in (FIXED, UNSEEN) for level in self.snrs_db]
        return (Place("", None), *noisy)

    def identity(self) -> dict[str, Any]:
        """What decides the numbers; more arms, seeds, levels or folds add cells and change none."""
        kept = asdict(self) | {"run": self.run.model_dump(mode="json", exclude={"seed"})}
        return {name: value for name, value in kept.items() if name not in _ADDS}


_ADDS = ("arms", "seeds", "snrs_db", "test_folds", "metric")


@dataclass(frozen=True, slots=True)
class NoiseStudy:
    """What the study found.

    Attributes:
        settings: What was asked for.
        tables: For each place its cells.
        noises: Noise clips: ``real``, ``synthetic`` (mean over seeds) and ``unseen``.
        how: How the folds were found.
        warnings: What is to be said about the folds.
    """

    settings: NoiseSettings
    tables: Mapping[Place, Table]
    noises: Mapping[str, float]
    how: str
    warnings: tuple[str, ...]


def measure_noise(
    dataset: Dataset,
    noises: Dataset,
    settings: NoiseSettings,
    out: str | Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    make_run: MakeRun = augment_run,
) -> NoiseStudy:
    """Make every cell that is not there yet; run it again to go on, or to add arms, seeds, levels or folds.

    Args:
        dataset: What is to be recognised.
        noises: Noise clips with folds.
        settings: What is compared.
        out: Folder of the study.
        workers: Processes, or Ray actors; None takes all cores there are.
        progress: Called with the stage, how much is done, and how much there is.
        make_run: Makes the noise clips.

    Raises:
        ConfigError: A setting is impossible.
        DatasetError: There are no such folds, or too few clips.
        RunError: ``out`` holds a study with other settings, or no noise clip was kept.
    """
    folder, cores = Path(out).absolute(), num_workers(workers)
    splits, how, findings = dataset_splits(dataset, settings.folds)
    splits = chosen_folds(splits, settings.test_folds)
    pool, unseen = _noise_parts(noises, settings.noise_fold)
    encoder = settings.run.judge.encoder
    rate = working_rate_for(settings.classifier, encoder, [clip.sample_rate for clip in dataset.clips])
    lab = LabSpec(settings.classifier, encoder, rate)
    claim_folder(folder, settings.identity() | _identity(dataset, noises, lab))
    real = RealAmount(settings.noises_per_label).draw(pool, seed=0)
    made = _made(TrainingPart(noises.name, real), settings, folder, make_run, progress)
    tests = _tests(splits, settings, folder, lab, fixed=real, unseen=unseen)
    _run(run_test_job, [job for jobs in tests.values() for job in jobs], cores, progress, "listening in noise")
    jobs = _missing(dataset, splits, settings, folder, lab, tests, real, made)
    _run(run_train_job, jobs, cores, progress, "training and testing")
    counts = {
        "real": len(real),
        "synthetic": float(np.mean([len(one) for one in made.values()] or [0])),
        "unseen": len(unseen),
    }
    cells = folder / "conditions"
    tables = {place: _table(dataset, splits, settings, cells / place.folder) for place in settings.places}
    return NoiseStudy(settings, tables, counts, how, tuple(finding.message for finding in findings))


def _noise_parts(noises: Dataset, fold: str | None) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Noise clips to learn from, and those of the fold that stays unseen."""
    splits, _, _ = dataset_splits(noises)
    if len(splits) == 1 and fold is None:
        return splits[0].pool, splits[0].test
    names = [split.name for split in splits]
    if fold is not None and fold not in names:
        raise DatasetError(f"{noises.name} has no fold {fold!r} to keep unseen; its folds are: {', '.join(names)}")
    split = splits[-1] if fold is None else splits[names.index(fold)]
    return split.pool, split.test


def _identity(dataset: Dataset, noises: Dataset, lab: LabSpec) -> dict[str, Any]:
    return {
        "menura": __version__,
        "clips": content_hash(sorted((clip.id, *clip.labels) for clip in dataset.clips)),
        "noises": content_hash(sorted((clip.id, str(clip.fold)) for clip in noises.clips)),
        "encoder": lab.encoder,
        "rate": lab.working_rate,
    }


def _made(
    training: TrainingPart, settings: NoiseSettings, folder: Path, make_run: MakeRun, progress: Progress | None
) -> dict[int, tuple[Clip, ...]]:
    """Seed to the clips that were made from the real noise clips; none when no arm wants them."""
    if not set(settings.arms) & set(MADE):
        return {}
    found = {}
    for seed in range(settings.seeds):
        if progress is not None:
            progress("making noise clips", seed, settings.seeds)
        place = folder / "noise" / f"seed-{seed}"
        found[seed] = make_run(training, place, settings.run.model_copy(update={"seed": seed})).kept()
        if not found[seed]:
            raise RunError(f"no noise clip was kept in {place}; the reasons are there")
    return found


def _tests(
    splits: Sequence[Split],
    settings: NoiseSettings,
    folder: Path,
    lab: LabSpec,
    *,
    fixed: Sequence[Clip],
    unseen: Sequence[Clip],
) -> dict[str, tuple[TestJob, ...]]:
    """Fold to its test clips at each place."""
    sounding = {"": {}, FIXED: {clip.id: clip for clip in fixed}, UNSEEN: {clip.id: clip for clip in unseen}}
    return {
        split.name: tuple(TestJob(folder, split, place, sounding[place.series], lab) for place in settings.places)
        for split in splits
    }


def _missing(
    dataset: Dataset,
    splits: Sequence[Split],
    settings: NoiseSettings,
    folder: Path,
    lab: LabSpec,
    tests: Mapping[str, tuple[TestJob, ...]],
    real: Sequence[Clip],
    made: Mapping[int, tuple[Clip, ...]],
) -> list[TrainJob]:
    """A job for each fold, seed and arm that lacks a cell at some place."""
    jobs = []
    for seed in range(settings.seeds):
        synthetic = made.get(seed, ())
        sources = train_sources([clip.id for clip in real], [clip.id for clip in synthetic or real])
        known = {clip.id: clip for clip in (*real, *synthetic)}
        for split in splits:
            arms = tuple(
                arm
                for arm in settings.arms
                if any(_cell(folder, place, split.name, seed, arm) is None for place in settings.places)
            )
            if arms:
                part = draw_training(split, RealAmount(settings.real_per_label), name=dataset.name, seed=seed)
                jobs.append(
                    TrainJob(
                        folder, split, seed, arms, part.clips, sources, known, tests[split.name], settings.copies,
                        settings.train_snr_db, dataset.labels, dataset.is_multilabel, lab, settings.steps,
                    )
                )  # fmt: skip
    return jobs


def _cell(folder: Path, place: Place, fold: str, seed: int, arm: str) -> Cell | None:
    return Cell.read(folder / "conditions" / place.folder, fold, seed, arm)


def _table(dataset: Dataset, splits: tuple[Split, ...], settings: NoiseSettings, folder: Path) -> Table:
    def cell(fold: str, seed: int, arm: str) -> Cell:
        found = Cell.read(folder, fold, seed, arm)
        if found is None:
            raise RunError(f"the cell of fold {fold}, seed {seed}, arm {arm} is gone from {folder}; run it again")
        return found

    cells = {
        arm: [[cell(split.name, seed, arm) for seed in range(settings.seeds)] for split in splits]
        for arm in settings.arms
    }
    return Table(cells, splits, dataset.labels, decisive_metric(dataset, settings.metric), dataset.is_multilabel)


def _run(function: Any, jobs: Sequence[Any], workers: int, progress: Progress | None, stage: str) -> None:
    for done, _ in enumerate(run_jobs(function, jobs, workers=workers), start=1):
        if progress is not None:
            progress(stage, done, len(jobs))
