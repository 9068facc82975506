"""An evaluation before any work is done: its folds, its folder, and what decides its numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from menura import __version__
from menura.config import DEFAULT_TIMES
from menura.datasets.dataset import Dataset
from menura.errors import BackendError, ConfigError, DatasetError, RunError
from menura.seeding import content_hash
from menura.studies.arm_table import FEW_SHOT_ARMS, RETRIEVAL, arm_named
from menura.studies.cells import Cell, claim_folder
from menura.studies.doses import dosed_arm
from menura.studies.lab import LabSpec, load_lab, working_rate_for
from menura.studies.retrieval_pool import RetrievalPool, load_pool
from menura.studies.settings import ZERO_SHOT, EvaluationSettings
from menura.studies.splits import Split, dataset_splits, real_part, run_findings, run_split
from menura.studies.vanilla import check_vanilla
from menura.studies.zero_shot import ZeroShot, load_zero_shot
from menura.types import Finding

if TYPE_CHECKING:
    from menura.pipeline.run import Run

__all__ = ["Study", "open_study"]


@dataclass(frozen=True)
class Study:
    """An evaluation whose folder has been claimed.

    Attributes:
        dataset: Labelled clips.
        run: The run that is evaluated; None when each fold and seed has its own.
        settings: What is asked for, with the rate of the runs filled in.
        folder: Where cells, features and runs are.
        result_path: File of the result.
        splits: The folds.
        how: How the folds were found, in one line.
        findings: What is to be said about the folds.
        spec: Classifiers and working rate.
        zero_shot: Answers without having learned from any clip; None without a text model.
        copies_as_asked: Whether there are as many classic copies as synthetic clips were asked for, not kept.
        shared: Where the real clips at the working rate and their features are; None for ``folder``.
        cache: Where evaluations of one study find cells that learned the same from the same; None for nowhere.
        pool: Recordings of the arm ``retrieval``; None without any.
    """

    dataset: Dataset
    run: Run | None
    settings: EvaluationSettings
    folder: Path
    result_path: Path
    splits: tuple[Split, ...]
    how: str
    findings: tuple[Finding, ...]
    spec: LabSpec
    zero_shot: ZeroShot | None = None
    copies_as_asked: bool = False
    shared: Path | None = None
    cache: Path | None = None
    pool: RetrievalPool | None = None

    @property
    def trained_arms(self) -> tuple[str, ...]:
        """Arms that learn from clips, and doses."""
        dosed = (dosed_arm(self.settings.dose_arm, dose) for dose in self.settings.doses if dose != self.whole_dose)
        return (*self.settings.trained_arms, *dosed)

    @property
    def arms(self) -> tuple[str, ...]:
        """All arms, and doses."""
        return (*self.trained_arms, *([ZERO_SHOT] if self.zero_shot else []))

    def cell(self, fold: str, seed: int, arm: str) -> Cell | None:
        """The stored cell; None when it is missing or damaged."""
        cell = Cell.read(self.folder, fold, seed, self.cell_arm(arm))
        return replace(cell, arm=arm) if cell else None

    def cell_arm(self, arm: str) -> str:
        """Name that the cells of an arm have: with a fingerprint of what decides its numbers and no others."""
        if arm == ZERO_SHOT and self.zero_shot is not None:
            return self.zero_shot.cell_arm
        if arm == RETRIEVAL and self.pool is not None:
            return self.pool.cell_arm
        if arm in FEW_SHOT_ARMS:
            lab = load_lab(self.spec)
            (own,) = lab.of_arm(arm_named(arm).classifier)
            return f"{arm}@{content_hash([own.name, lab.fingerprint(own)], length=8)}"
        return arm

    def cell_at(self, fold: str, seed: int, arm: str) -> Cell:
        """The stored cell.

        Raises:
            RunError: It was removed meanwhile.
        """
        cell = self.cell(fold, seed, arm)
        if cell is None:
            raise RunError(f"the cell of fold {fold}, seed {seed}, arm {arm} is gone from {self.folder}; run it again")
        return cell

    @property
    def whole_dose(self) -> float:
        """Synthetic clips for each real one in the arms themselves."""
        return self.settings.run.amount.times or DEFAULT_TIMES

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, in the order of the columns."""
        return self.dataset.labels

    def identity(self) -> dict[str, Any]:
        """What decides the numbers of the cells, for comparison with those in the folder."""
        lab = load_lab(self.spec)
        clips = [
            [split.name, part, clip.id, sorted(clip.labels), clip.group]
            for split in self.splits
            for part, members in (("pool", split.pool), ("test", split.test))
            for clip in members
        ]
        return {
            **self.settings.identity(),
            "menura": __version__,
            "features": " ".join(lab.fingerprint(classifier) for classifier in lab.classifiers),
            "folds": self.how,
            "clips": content_hash(clips),
            "evaluated run": None if self.run is None else self.run.identity.fingerprint,
        }

    @property
    def units(self) -> list[tuple[Split, int]]:
        """Every fold and seed."""
        return [(split, seed) for seed in range(self.settings.seeds) for split in self.splits]


def open_study(dataset: Dataset, run: Run | None, settings: EvaluationSettings, out: str | Path | None) -> Study:
    """Find the folds, fix the working rate, and claim the folder.

    Raises:
        ConfigError: Settings contradict each other, there is no folder, or the text model has learned from test clips.
        BackendError: The classic arms are asked for without audiomentations, or the text model cannot be loaded.
        DatasetError: There are no such folds, no such pool, no recordings, or there is nothing to tell apart.
        RunError: The folder is that of the recordings, or holds an evaluation with other settings.
    """
    _check_doses(settings)
    _check_classic(settings)
    dataset, left_out = real_part(dataset)
    _check_labels(dataset)
    _check_metric(dataset, settings)
    _check_folder(dataset, out)
    check_vanilla(settings.run, settings.arms)
    zero_shot = load_zero_shot(dataset, settings)
    pool = load_pool(dataset, settings, None if zero_shot is None else zero_shot.scorer)
    if run is not None:
        study = _of_run(dataset, run, settings, out)
    elif out is None:
        raise ConfigError("evaluating a dataset makes runs; give a folder for them (out=..., or -o DIR)")
    else:
        study = _of_dataset(dataset, settings, Path(out).absolute())
    if zero_shot is not None:
        zero_shot.check_unseen(study.splits)
    claim_folder(study.folder, study.identity())
    return replace(study, zero_shot=zero_shot, pool=pool, findings=(*left_out, *study.findings))


def _check_doses(settings: EvaluationSettings) -> None:
    amount = settings.run.amount
    if not settings.doses:
        return
    if amount.per_label is not None or amount.balance:
        raise ConfigError("doses are synthetic clips for each real one; they need an amount given as times")
    whole = amount.times or DEFAULT_TIMES
    if max(settings.doses) > whole:
        raise ConfigError(
            f"the largest dose is {max(settings.doses):g}, but there are only {whole:g} synthetic clips for each real "
            "one; make a larger run, or ask for smaller doses"
        )


def _check_labels(dataset: Dataset) -> None:
    """One label is always answered rightly, which says nothing of the clips."""
    if len(dataset.labels) < 2:
        found = ", ".join(repr(label) for label in dataset.labels) or "none"
        raise DatasetError(
            f"{dataset.name} has one label ({found}), expected at least two to tell apart; add clips of what it is not"
        )


def _check_metric(dataset: Dataset, settings: EvaluationSettings) -> None:
    """Where each clip has one label, cells hold no average precision."""
    if settings.metric == "mean_average_precision" and not dataset.is_multilabel:
        raise ConfigError(
            f"clips of {dataset.name} have one label each, and mean_average_precision ranks clips that may have "
            "several; take --metric accuracy, macro_f1 or uar"
        )


def _check_folder(dataset: Dataset, out: str | Path | None) -> None:
    """Refuse to write beside recordings, where the next reading would find what is made."""
    if out is not None and dataset.root and Path(out).absolute() == Path(dataset.root).absolute():
        raise RunError(f"{out} is the folder of the recordings; choose another one for the evaluation (-o)")


def _check_classic(settings: EvaluationSettings) -> None:
    """Better now than after the first run has been made."""
    from menura.augmentation.classic import classic_is_available
    from menura.studies.copy_families import needs_library

    asked = settings.trained_arms
    needing = [arm for arm in asked if any(map(needs_library, arm_named(arm).families))]
    if needing and not classic_is_available():
        rest = [arm for arm in asked if arm not in needing]
        raise BackendError(
            f"the arms {', '.join(needing)} need audiomentations, which is not installed: pip install "
            f"'menura[classic]', or leave them out: --arms {','.join(rest) or 'real,oversample,synthetic'}"
        )


def _of_run(dataset: Dataset, run: Run, settings: EvaluationSettings, out: str | Path | None) -> Study:
    split = run_split(dataset, run.training)
    spec = _spec(settings, [run.identity.sample_rate])
    folder = Path(out).absolute() if out is not None else run.path / "evaluation"
    result_path = run.path / "evaluation.json" if out is None else folder / "evaluation.json"
    how = "the held-out clips of the run"
    findings = (*_left_out(dataset), *run_findings(dataset, split), *run.findings)
    study = Study(dataset, run, settings, folder, result_path, (split,), how, findings, spec)
    if out is not None:
        return study
    return replace(study, folder=folder / content_hash(study.identity(), length=8))


def _of_dataset(dataset: Dataset, settings: EvaluationSettings, folder: Path) -> Study:
    splits, how, findings = dataset_splits(dataset, settings.folds)
    spec = _spec(settings, [clip.sample_rate for clip in dataset.clips])
    runs = settings.run.model_copy(update={"sample_rate": spec.working_rate})
    settings = settings.model_copy(update={"run": runs})
    return Study(
        dataset, None, settings, folder, folder / "evaluation.json", splits, how, (*_left_out(dataset), *findings), spec
    )


def _left_out(dataset: Dataset) -> tuple[Finding, ...]:
    """What reading the dataset left out or did not understand; notes are for the audit."""
    return tuple(finding for finding in dataset.findings if finding.severity != "note")


def _spec(settings: EvaluationSettings, rates: list[int]) -> LabSpec:
    encoder = settings.run.judge.encoder
    own = {classifier for arm in settings.trained_arms if (classifier := arm_named(arm).classifier) is not None}
    extra = tuple(sorted(own | ({"linear"} if RETRIEVAL in settings.arms else set())))
    return LabSpec(settings.classifier, encoder, working_rate_for(settings.classifier, encoder, rates), extra)
