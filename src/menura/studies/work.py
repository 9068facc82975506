"""Filling in the cells of an evaluation that are missing, in this process or in several."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from menura.classify.base import SIDE_BY_SIDE
from menura.files import TEMPORARY_PREFIX, disk_errors, remove_leftovers_of_the_dead
from menura.pipeline.identity import IDENTITY_NAME
from menura.studies.arm_table import RETRIEVAL, arm_named
from menura.studies.doses import dose_of
from menura.studies.job import MakeRun, UnitJob
from menura.studies.pool import run_jobs
from menura.studies.real import prepare_real
from menura.studies.retrieval_pool import HeardPool
from menura.studies.settings import ZERO_SHOT
from menura.studies.splits import Split, draw_training
from menura.studies.study import Study
from menura.studies.unit import run_unit, run_units
from menura.types import Progress

__all__ = ["fill_cells"]


def fill_cells(study: Study, *, workers: int, progress: Progress | None, make_run: MakeRun) -> None:
    """Make every cell that is not there yet; what is finished stays when it is interrupted.

    Raises:
        MenuraError: A clip cannot be read, a run cannot be made, or the disk cannot be written.
    """
    for folder in (study.folder, study.shared, study.cache):
        if folder is not None:
            _tidy(folder)
    _fill_zero_shot(study, progress)
    missing = {(split.name, seed): arms for split, seed in study.units if (arms := _missing(study, split, seed))}
    if not missing:
        return
    jobs = [job for job in _jobs(study, workers, progress, make_run) if (job.fold, job.seed) in missing]
    names = {arm: study.cell_arm(arm) for arm in study.trained_arms}
    pool = _pool(study, workers, progress) if any(RETRIEVAL in arms for arms in missing.values()) else None
    jobs = [replace(job, arms=missing[job.fold, job.seed], cell_arms=names, pool=pool) for job in jobs]
    total = len(study.units) * len(study.trained_arms)
    done = total - sum(map(len, missing.values()))
    if study.settings.classifier in SIDE_BY_SIDE:
        together = [replace(job, arms=tuple(arm for arm in job.arms if not _has_own(arm))) for job in jobs]
        together = [job for job in together if job.arms]
        grouped = _side_by_side(study, together, workers) if together else []
        done = _watched(run_jobs(run_units, grouped, workers=workers), done, total, progress)
        jobs = [replace(job, arms=arms) for job in jobs if (arms := tuple(arm for arm in job.arms if _has_own(arm)))]
    if study.run is not None or (study.settings.classifier != "linear" and len(jobs) < 2 * workers):
        jobs = _arm_by_arm(study, jobs, workers, progress)
    _watched(run_jobs(run_unit, jobs, workers=workers), done, total, progress)


def _tidy(folder: Path) -> None:
    """Deletes what killed processes left between the cells; others may be at work there. Runs do so themselves."""
    with disk_errors(str(folder)):
        for place, below, files in os.walk(folder):
            is_other = IDENTITY_NAME in files
            below[:] = [] if is_other else [name for name in below if not name.startswith(TEMPORARY_PREFIX)]
            if not is_other:
                remove_leftovers_of_the_dead(Path(place))


def _watched(finished: Iterable[int], done: int, total: int, progress: Progress | None) -> int:
    """Takes the numbers of cells as jobs end; gives the number of cells that there are now."""
    for cells in finished:
        done += cells
        if progress is not None:
            progress("making, training and testing", done, total)
    return done


def _missing(study: Study, split: Split, seed: int) -> tuple[str, ...]:
    return tuple(arm for arm in study.trained_arms if study.cell(split.name, seed, arm) is None)


def _pool(study: Study, workers: int, progress: Progress | None) -> HeardPool | None:
    """The pool of the arm ``retrieval``, heard once for all folds and seeds."""
    if study.pool is None:
        return None
    return study.pool.heard(
        study.splits, study.spec, study.shared or study.folder, workers=workers,
        progress=None if progress is None else lambda done, total: progress("reading the pool", done, total),
    )  # fmt: skip


def _fill_zero_shot(study: Study, progress: Progress | None) -> None:
    """The cells of the arm that learns from no clip, fold by fold, before hours go into the others."""
    if study.zero_shot is None:
        return
    for done, split in enumerate(study.splits):
        missing = [seed for seed in range(study.settings.seeds) if study.cell(split.name, seed, ZERO_SHOT) is None]
        if missing and progress is not None:
            progress("listening without training", done, len(study.splits))
        for cell in study.zero_shot.cells(split, missing) if missing else ():
            cell.write(study.folder)
        if missing and progress is not None:
            progress("listening without training", done + 1, len(study.splits))


def _jobs(study: Study, workers: int, progress: Progress | None, make_run: MakeRun) -> list[UnitJob]:
    """One job for each fold and seed, after the real clips have been read."""
    amount, name = study.settings.real_amount, study.dataset.name
    training = [draw_training(split, amount, name=name, seed=seed) for split, seed in study.units]
    learned = {clip.id: clip for part in training for clip in part.clips}
    tested = {clip.id: clip for split in study.splits for clip in split.test}
    real = prepare_real(
        list((learned | tested).values()), study.spec, study.shared or study.folder, to_copy=learned, workers=workers,
        progress=None if progress is None else lambda done, total: progress("reading clips", done, total),
    )  # fmt: skip
    return [
        UnitJob(
            folder=study.folder, fold=split.name, seed=seed, arms=study.trained_arms, training=part, test=split.test,
            labels=study.labels, multilabel=study.dataset.is_multilabel, lab=study.spec, settings=study.settings,
            working={clip.id: real.working[clip.id] for clip in part.clips},
            make_run=make_run, run=study.run, real_packs=real.packs, copies_as_asked=study.copies_as_asked,
            cache=study.cache,
        )
        for (split, seed), part in zip(study.units, training, strict=True)
    ]  # fmt: skip


def _side_by_side(study: Study, jobs: Sequence[UnitJob], workers: int) -> list[tuple[UnitJob, ...]]:
    """Units that are trained at once: with a run, all seeds, shared out among the workers; else each with its arms."""
    if study.run is None:
        return [(job,) for job in jobs]
    run_unit(replace(jobs[0], arms=()))  # its clips serve all seeds: describe them once
    shares = min(workers, len(jobs))
    return [tuple(jobs[start::shares]) for start in range(shares)]


def _arm_by_arm(study: Study, jobs: Sequence[UnitJob], workers: int, progress: Progress | None) -> list[UnitJob]:
    """Make and describe the clips first, so that the arms of one fold and seed can be trained side by side."""
    bare = [replace(job, arms=()) for job in jobs]
    first = bare[:1] if study.run is not None else []  # its clips serve all seeds: describe them once
    made = chain(run_jobs(run_unit, first, workers=1), run_jobs(run_unit, bare[len(first) :], workers=workers))
    for done, _ in enumerate(made, start=1):
        if progress is not None:
            progress("making clips", done, len(jobs))
    return [replace(job, arms=arms) for job in jobs for arms in _groups(job.arms)]


def _groups(arms: Sequence[str]) -> list[tuple[str, ...]]:
    """Arms one by one, but those that may be equal together, so that they are trained once."""
    same = tuple(arm for arm in arms if arm in ("real", "oversample"))
    return [group for group in (same, *((arm,) for arm in arms if arm not in same)) if group]


def _has_own(arm: str) -> bool:
    """Whether an arm has a classifier of its own."""
    return arm_named(dose_of(arm)[0]).classifier is not None
