"""A condition is one evaluation of a study; a study is a plan of conditions.

Each lies in a folder of its own under ``conditions/``, in the form of any evaluation, and goes on where it stopped. The
real clips are read and described once for all of them, and a cell that learns the same from the same as one of another
condition is copied instead of trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.seeding import content_hash
from menura.studies.conclude import decisive_metric
from menura.studies.job import MakeRun, augment_run
from menura.studies.pool import num_workers
from menura.studies.settings import EvaluationSettings
from menura.studies.splits import Split
from menura.studies.study import Study, open_study
from menura.studies.summary import Table
from menura.studies.work import fill_cells
from menura.types import Progress

__all__ = ["Condition", "Measured", "chosen_folds", "measure"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One evaluation.

    Attributes:
        point: Where it stands on the axis of the study, e.g. ``50`` clips.
        settings: What is evaluated.
        series: Which curve it belongs to, e.g. a generator; empty for the only one.
        make_run: Makes its runs.
        dataset: The clips with other folds than those of the study; None takes the study's.
    """

    point: str
    settings: EvaluationSettings
    series: str = ""
    make_run: MakeRun = field(default=augment_run, compare=False)
    dataset: Dataset | None = field(default=None, compare=False)

    @property
    def folder(self) -> str:
        """Name of its folder."""
        name = "-".join(part for part in (self.series, self.point) if part)
        plain = "".join(letter if letter.isalnum() or letter in "._" else "-" for letter in name)
        return plain if plain == name and len(plain) <= 60 else f"{plain[:50]}-{content_hash(name, length=6)}"


@dataclass(frozen=True, slots=True)
class Measured:
    """A condition and what it reached.

    Attributes:
        condition: Which.
        study: Its evaluation.
        table: Its cells.
    """

    condition: Condition
    study: Study
    table: Table


def measure(
    dataset: Dataset,
    conditions: Sequence[Condition],
    out: str | Path,
    *,
    test_folds: Sequence[str] = (),
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[Measured, ...]:
    """Make every cell that is not there yet; run it again to go on, or to add conditions, arms, seeds or folds.

    Args:
        dataset: Labelled real clips.
        conditions: What is compared.
        out: Folder of the study.
        test_folds: Folds that are held out in turn; none means all. More may be added later.
        workers: Processes, or Ray actors; None takes all cores there are.
        progress: Called with the stage, how much is done, and how much there is.

    Raises:
        ConfigError: A setting is impossible, or two conditions have one name.
        BackendError: A generator or a classifier cannot be loaded.
        DatasetError: There are no such folds, or too few clips of a label.
        RunError: ``out`` holds a study with other settings, or cannot be written.
    """
    names = [condition.folder for condition in conditions]
    if len(set(names)) < len(names):
        raise ConfigError(f"two conditions have one name: {', '.join(sorted(names))}")
    folder = Path(out).absolute()
    studies = [_opened(dataset, condition, folder, test_folds) for condition in conditions]
    for number, (condition, study) in enumerate(zip(conditions, studies, strict=True), start=1):
        named = None if progress is None else _named(progress, f"{number}/{len(studies)} {condition.folder}")
        fill_cells(study, workers=num_workers(workers), progress=named, make_run=condition.make_run)
    return tuple(
        Measured(condition, study, _table(study)) for condition, study in zip(conditions, studies, strict=True)
    )


def chosen_folds(splits: tuple[Split, ...], names: Sequence[str]) -> tuple[Split, ...]:
    """The splits that are held out; all of them when none is named.

    Raises:
        ConfigError: There is no such fold.
    """
    unknown = sorted(set(names) - {split.name for split in splits})
    if unknown:
        raise ConfigError(
            f"no folds {', '.join(unknown)} to be held out; there are {', '.join(split.name for split in splits)}"
        )
    return tuple(split for split in splits if not names or split.name in names)


def _opened(dataset: Dataset, condition: Condition, out: Path, test_folds: Sequence[str]) -> Study:
    study = open_study(condition.dataset or dataset, None, condition.settings, out / "conditions" / condition.folder)
    return replace(
        study, splits=chosen_folds(study.splits, test_folds), shared=out / "real", cache=out / "cells",
        copies_as_asked=True,
    )  # fmt: skip


def _table(study: Study) -> Table:
    cells = {
        arm: [[study.cell_at(split.name, seed, arm) for seed in range(study.settings.seeds)] for split in study.splits]
        for arm in study.arms
    }
    return Table(
        cells,
        study.splits,
        study.labels,
        decisive_metric(study.dataset, study.settings.metric),
        study.dataset.is_multilabel,
    )


def _named(progress: Progress, name: str) -> Progress:
    return lambda stage, done, total: progress(f"{name}: {stage}", done, total)
