"""What frozen encoders are worth: the same probes, folds and clips for each of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby, product
from pathlib import Path

import numpy as np

from menura.classify.probes import Probe, get_probe
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError, RunError
from menura.files import disk_errors, remove_leftovers, write_text
from menura.lock import locked
from menura.metrics.classification import DECISION_THRESHOLD
from menura.metrics.resampling import TestFold
from menura.studies.cells import write_json
from menura.studies.conclude import library_versions
from menura.studies.downstream import DownstreamTask, check_task, pitch_numbers, task_named
from menura.studies.embeddings import EncoderSpec, cache_places, embed_clips
from menura.studies.pool import num_workers, run_jobs
from menura.studies.probe_cells import ProbeCell, ProbeJob, run_probe_jobs, score_cell, truth_of
from menura.studies.probe_results import ProbeResult, ProbeRow, encoder_intervals
from menura.studies.protocols import ProbeSplit, draw_clips, probe_splits
from menura.studies.splits import source_of
from menura.studies.summary import FOLDS_NEEDED
from menura.types import Finding, Progress

__all__ = ["probe_encoders"]

RESULT, TABLE, EMBEDDINGS, CELLS = "probe.json", "probe.csv", "embeddings", "cells"


@dataclass(frozen=True)
class _Study:
    """All that was asked for, looked up."""

    dataset: Dataset
    task: DownstreamTask | None
    metric: str
    splits: tuple[ProbeSplit, ...]
    specs: tuple[EncoderSpec, ...]
    probes: tuple[Probe, ...]
    amounts: tuple[int | None, ...]
    seeds: int
    folder: Path

    def seeds_of(self, probe: Probe, per_label: int | None) -> int:
        """Repetitions: one where nothing is drawn, neither clips nor weights."""
        return self.seeds if probe.is_drawn or per_label is not None else 1

    def jobs(self, spec: EncoderSpec, probe: Probe, per_label: int | None) -> list[list[ProbeJob]]:
        """``[folds][seeds]``; the clips are the same for every encoder."""
        places = cache_places(spec, self.folder / EMBEDDINGS)
        return [
            [self._job(places, split, probe, per_label, seed) for seed in range(self.seeds_of(probe, per_label))]
            for split in self.splits
        ]

    def _job(
        self, places: tuple[Path, ...], split: ProbeSplit, probe: Probe, per_label: int | None, seed: int
    ) -> ProbeJob:
        train, validation = draw_clips(
            split, name=self.dataset.name, needs_validation=probe.needs_validation, per_label=per_label, seed=seed
        )
        return ProbeJob(
            folder=self.folder / CELLS, places=places, probe=probe, train=train, validation=validation,
            test=split.test, labels=self.dataset.labels, multilabel=self.dataset.is_multilabel, seed=seed,
        )  # fmt: skip


def probe_encoders(
    dataset: Dataset,
    encoders: Sequence[str],
    *,
    out: str | Path,
    task: str | None = None,
    probes: Sequence[str] = (),
    per_label: Sequence[int | None] = (None,),
    seeds: int = 3,
    random_weights: bool = False,
    standardise: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
) -> ProbeResult:
    """How well simple classifiers do on the embeddings of frozen encoders, on clips that nobody has learned from.

    Every encoder is asked with the same folds, the same training and validation clips and the same seeds, so that
    differences are paired. Settings are chosen on validation clips alone. Run it again to go on after a stop, or to
    add encoders, probes, amounts or seeds: what is on disk is not made again.

    Args:
        dataset: Labelled clips.
        encoders: Names, files of weights, or several with ``+`` between; differences are to the first one.
        out: Folder of embeddings, predictions and results.
        task: Name of a downstream task, whose folds, clip length and metric are taken; None takes the folds of the
            dataset and accuracy, or mean average precision when clips have several labels.
        probes: ``logistic``, ``linear``, ``mlp``, ``knn``; none takes that of the task, or ``logistic``.
        per_label: Training clips of each label; None takes all.
        seeds: Repetitions where clips or weights are drawn.
        random_weights: Adds each trained encoder with weights that were never trained.
        standardise: Embeddings are standardised by the training clips first; ``logistic`` always does.
        workers: Processes, or Ray actors; None takes all cores there are.
        progress: Called with the stage, how much is done, and how much there is.

    Returns:
        The result, which is also in ``out`` as ``probe.json`` and ``probe.csv``.

    Raises:
        ConfigError: A setting is impossible.
        DatasetError: The dataset has not what the task needs, or too few clips of a label.
        BackendError: An encoder cannot be loaded.
        AudioError: A clip cannot be read.
        RunError: ``out`` cannot be written, or another process works in it.

    Example:
        >>> result = probe_encoders(dataset, ["acoustic"], out="studies/probe")  # doctest: +SKIP
        >>> result.rows[0].value                                                # doctest: +SKIP
    """
    started = time.monotonic()
    known = None if task is None else task_named(task)
    _check(encoders, per_label, seeds, workers)
    different = () if known is None else check_task(dataset, known)
    specs = _specs(encoders, None if known is None else known.clip_s, random_weights)
    names = tuple(dict.fromkeys(probes)) or (known.probe if known is not None else "logistic",)
    splits, how, findings = probe_splits(
        dataset, None if known is None else known.rule, num_folds=None if known is None else known.num_folds
    )
    study = _Study(
        dataset, known, _metric(dataset, known), splits, specs,
        tuple(get_probe(name, standardise=standardise) for name in names), tuple(dict.fromkeys(per_label)), seeds,
        Path(out),
    )  # fmt: skip
    jobs = _jobs(study)  # what is impossible is refused before anything is written
    with disk_errors(str(out)):
        study.folder.mkdir(parents=True, exist_ok=True)
    with locked(study.folder):
        _fill(study, jobs, num_workers(workers), progress)
        result = _conclude(study, how, (*dataset.findings, *findings, *different), standardise=standardise)
        result = replace(result, wall_s=round(time.monotonic() - started, 3))
        write_json(study.folder / RESULT, result.to_json())
        with disk_errors(str(out)):
            write_text(study.folder / TABLE, result.to_csv())
    return result


def _check(encoders: Sequence[str], per_label: Sequence[int | None], seeds: int, workers: int | None) -> None:
    if not encoders:
        raise ConfigError("no encoder is named; `menura list encoders` shows what is installed")
    if not per_label or any(amount is not None and amount < 1 for amount in per_label):
        raise ConfigError(f"clips of each label are {list(per_label)}, expected numbers from 1, or None for all")
    if seeds < 1 or (workers is not None and workers < 1):
        raise ConfigError(f"seeds is {seeds} and workers {workers}, expected 1 or more")


def _specs(encoders: Sequence[str], clip_s: float | None, random_weights: bool) -> tuple[EncoderSpec, ...]:
    """Each encoder once; random weights stand behind the trained ones that they belong to."""
    specs: list[EncoderSpec] = []
    for name in encoders:
        spec = EncoderSpec(name, clip_s=clip_s)
        specs += [spec, replace(spec, random_weights=True)] if random_weights and spec.is_trained else [spec]
    if random_weights and not any(spec.random_weights for spec in specs):
        raise ConfigError(
            "random weights need a trained encoder to stand against, and there is neither scenes nor a file of weights "
            f"(….safetensors) among {', '.join(encoders)}"
        )
    return tuple(dict.fromkeys(specs))


def _metric(dataset: Dataset, task: DownstreamTask | None) -> str:
    if task is not None:
        return task.metric
    return "mean_average_precision" if dataset.is_multilabel else "accuracy"


def _jobs(study: _Study) -> dict[Path, ProbeJob]:
    """File of a cell to its job."""
    return {
        job.file: job
        for probe, amount, spec in product(study.probes, study.amounts, study.specs)
        for row in study.jobs(spec, probe, amount)
        for job in row
    }


def _fill(study: _Study, jobs: Mapping[Path, ProbeJob], workers: int, progress: Progress | None) -> None:
    """Compute the embeddings and cells that are missing; what is finished stays when it is interrupted."""
    with disk_errors(str(study.folder)):
        for folder in (study.folder, study.folder / CELLS):
            remove_leftovers(folder)
    missing = [job for file, job in jobs.items() if ProbeCell.read(file) is None]
    if not missing:
        return
    used = (clip for job in missing for part in (job.train, job.validation, job.test) for clip in part)
    embed_clips(study.specs, used, study.folder / EMBEDDINGS, workers=workers, progress=progress)
    done = len(jobs) - len(missing)
    for count in run_jobs(run_probe_jobs, _side_by_side(missing, workers), workers=workers):
        done += count
        if progress is not None:
            progress("probing", done, len(jobs))


def _side_by_side(jobs: Sequence[ProbeJob], workers: int) -> list[tuple[ProbeJob, ...]]:
    """Seeds of one probe, encoder and fold together, to be trained at once; one by one if that leaves workers idle."""
    groups = [tuple(group) for _, group in groupby(jobs, key=lambda job: (job.places, job.probe, id(job.test)))]
    return groups if len(groups) >= workers else [(job,) for job in jobs]


def _conclude(study: _Study, how: str, findings: Sequence[Finding], *, standardise: bool) -> ProbeResult:
    by_source = len(study.splits) < FOLDS_NEEDED
    return ProbeResult(
        dataset=study.dataset.name,
        task=None if study.task is None else study.task.name,
        metric=study.metric,
        rows=tuple(
            row for probe, amount in product(study.probes, study.amounts) for row in _rows(study, probe, amount)
        ),
        protocol={
            "folds": [split.name for split in study.splits],
            "folds_from": how,
            "harness": None if study.task is None else study.task.harness,
            "probes": [probe.name for probe in study.probes],
            "per_label": list(study.amounts),
            "seeds": study.seeds,
            "clip_s": None if study.task is None else study.task.clip_s,
            "standardise": standardise,
            "threshold": DECISION_THRESHOLD if study.dataset.is_multilabel else None,
            "labels": len(study.dataset.labels),
            "test_clips": sum(len(split.test) for split in study.splits),
            "interval": "test sources and seeds drawn again" if by_source else "folds and seeds drawn again",
        },
        findings=tuple(asdict(finding) for finding in findings),
        versions=library_versions(),
    )


def _rows(study: _Study, probe: Probe, amount: int | None) -> list[ProbeRow]:
    """One row for each encoder."""
    pitches = pitch_numbers(study.dataset.labels) if study.task is not None and study.task.is_pitch else ()
    truths = [truth_of(split.test, study.dataset.labels) for split in study.splits]
    rows, predictions = [], []
    for spec in study.specs:
        jobs = study.jobs(spec, probe, amount)
        cells = [[_read(job) for job in row] for row in jobs]
        scores = [
            [
                score_cell(truth, cell.probabilities, multilabel=study.dataset.is_multilabel, pitches=pitches)
                for cell in row
            ]
            for truth, row in zip(truths, cells, strict=True)
        ]
        values = np.array([[found[study.metric] for found in row] for row in scores])
        flat = [found for row in scores for found in row]
        sizes = [(len(job.train), len(job.validation)) for row in jobs for job in row]
        mean = float(values.mean())
        rows.append(
            ProbeRow(
                probe=probe.name, per_label=amount, encoder=spec.title, value=mean, interval=(mean, mean), gain=0.0,
                gain_interval=(0.0, 0.0),
                scores={name: float(np.mean([found[name] for found in flat])) for name in flat[0]},
                values=tuple(tuple(map(float, row)) for row in values),
                chosen=tuple(tuple(cell.chosen for cell in row) for row in cells),
                clips=float(np.mean([train for train, _ in sizes])),
                validation_clips=float(np.mean([validation for _, validation in sizes])),
            )
        )  # fmt: skip
        predictions.append(_test_folds(study, truths, cells))
    intervals, gains = encoder_intervals(study.metric, [np.array(row.values) for row in rows], predictions)
    return [
        replace(row, interval=interval, gain=row.value - rows[0].value, gain_interval=gain)
        for row, interval, gain in zip(rows, intervals, gains, strict=True)
    ]


def _read(job: ProbeJob) -> ProbeCell:
    cell = ProbeCell.read(job.file)
    if cell is None:
        raise RunError(f"{job.file} has gone; run the same command again")
    return cell


def _test_folds(study: _Study, truths: Sequence[np.ndarray], cells: Sequence[Sequence[ProbeCell]]) -> list[TestFold]:
    folds = []
    for split, truth, row in zip(study.splits, truths, cells, strict=True):
        _, sources = np.unique([source_of(clip) for clip in split.test], return_inverse=True)
        predicted = np.stack([cell.probabilities.astype(np.float64) for cell in row])
        folds.append(TestFold(truth, predicted, sources, study.dataset.is_multilabel))
    return folds
