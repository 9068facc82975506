"""The recipe ``synthio`` against its ablations and against clips made otherwise, fold by fold and seed by seed.

Each variant is an evaluation of its own under ``variants/NAME``, by the protocol of ``menura evaluate``: the same
folds, the same training clips of a fold and seed, the same number of clips asked for and of steps of the classifier.
The arms of real clips alone lie with the whole method. Classic copies are as many as the clips that were asked for: a
method that keeps few clips must not have a weaker rival for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from menura.config import DEFAULT_TIMES, RunSettings, settings_from
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.arm_table import REAL_ARMS
from menura.studies.bench.condition import chosen_folds
from menura.studies.cells import Cell
from menura.studies.conclude import decisive_metric
from menura.studies.pool import num_workers
from menura.studies.settings import DEFAULT_STEPS, EvaluationSettings
from menura.studies.study import Study, open_study
from menura.studies.summary import Table
from menura.studies.synthio_facts import VariantFacts, facts_of
from menura.studies.synthio_runs import VariantRuns, variant_folder
from menura.studies.synthio_variants import FULL, VARIANTS, known_variants, variant_settings
from menura.studies.work import fill_cells
from menura.types import Progress

__all__ = ["Grid", "GridSettings", "synthio_grid"]

_ARM = "synthetic"


@dataclass(frozen=True, slots=True)
class GridSettings:
    """What is compared, and on how much.

    Attributes:
        run: Settings of the runs of the whole method.
        variants: Of :data:`menura.studies.synthio_variants.VARIANTS`, ``synthio`` among them; more may be added later.
        baselines: Arms of real clips alone, of :data:`menura.studies.arm_table.REAL_ARMS`.
        seeds: Repetitions; more may be added later.
        real_per_label: Real training clips of each label; None takes all.
        folds: ``official``, ``groups`` or a number; None takes what the dataset offers.
        test_folds: Which of them are held out in turn; none means all. More may be added later.
        classifier, steps, metric: As for :func:`menura.evaluate`.
    """

    run: RunSettings
    variants: tuple[str, ...] = VARIANTS
    baselines: tuple[str, ...] = ("real", "oversample", "classic")
    seeds: int = 3
    real_per_label: int | None = 5
    folds: str | int | None = None
    test_folds: tuple[str, ...] = ()
    classifier: str = "linear"
    steps: int = DEFAULT_STEPS
    metric: str | None = None

    def evaluation(self, variant: str) -> EvaluationSettings:
        """Settings of the evaluation of one variant.

        Raises:
            ConfigError: One is impossible.
        """
        unknown = [arm for arm in self.baselines if arm not in REAL_ARMS]
        if unknown or not self.baselines:
            raise ConfigError(
                f"baselines are {', '.join(self.baselines) or 'none'}, expected of {', '.join(REAL_ARMS)}"
            )
        values = {
            "arms": (*self.baselines, _ARM), "seeds": self.seeds, "real_per_label": self.real_per_label,
            "folds": self.folds, "classifier": self.classifier, "steps": self.steps, "metric": self.metric,
            "run": variant_settings(self.run, variant),
        }  # fmt: skip
        found = settings_from(EvaluationSettings, values, source="study synthio")
        return found if variant == FULL else found.model_copy(update={"arms": (_ARM,)})


@dataclass(frozen=True, slots=True)
class Grid:
    """What the study found.

    Attributes:
        table: The cells of all arms of real clips alone, and of all variants by their names.
        facts: Variant to what became of its clips.
        variants: In order.
        times: Synthetic clips that were asked for, for each real one; None where the amount is told otherwise.
        how: How the folds were found.
        classifier, steps: Of every arm.
        warnings: What is to be said about the folds, such as sources that may stand on both sides.
    """

    table: Table
    facts: Mapping[str, VariantFacts]
    variants: tuple[str, ...]
    times: float | None
    how: str
    classifier: str
    steps: int
    warnings: tuple[str, ...] = ()


def synthio_grid(
    dataset: Dataset,
    settings: GridSettings,
    out: str | Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Grid:
    """Makes every cell that is not there yet; run it again to go on, or to add variants, seeds or folds.

    Args:
        dataset: Labelled real clips.
        settings: What is compared.
        out: Folder: ``variants/NAME`` (evaluations with their runs), ``adapters`` and ``real``, which they share.
        workers: Processes, or Ray actors; None takes all cores there are.
        progress: Called with the stage, how much is done, and how much there is.

    Raises:
        ConfigError: A setting is impossible, or two of them contradict each other.
        BackendError: A generator or a classifier cannot be loaded, or the generator cannot be trained.
        DatasetError: There are no such folds, or too few clips of a label.
        RunError: ``out`` holds a study with other settings, or cannot be written.
    """
    folder = Path(out).absolute()
    names = known_variants(settings.variants)
    asked = {name: settings.evaluation(name) for name in names}  # all that can be wrong, before anything is made
    studies = {name: _opened(dataset, one, folder, name, settings.test_folds) for name, one in asked.items()}
    base = settings.run.model_copy(update={"sample_rate": studies[FULL].spec.working_rate})
    runs = {name: VariantRuns(name, folder, base) for name in names}
    for name, study in studies.items():
        fill_cells(study, workers=num_workers(workers), progress=_named(progress, name), make_run=runs[name])
    first = studies[FULL]
    return Grid(
        _table(studies),
        {name: facts_of(study, runs[name]) for name, study in studies.items()},
        names,
        _times(settings.run),
        first.how,
        settings.classifier,
        settings.steps,
        tuple(finding.message for finding in first.findings),
    )


def _opened(dataset: Dataset, settings: EvaluationSettings, out: Path, name: str, test_folds: tuple[str, ...]) -> Study:
    study = open_study(dataset, None, settings, variant_folder(out, name))
    return replace(study, splits=chosen_folds(study.splits, test_folds), copies_as_asked=True, shared=out / "real")


def _named(progress: Progress | None, name: str) -> Progress | None:
    if progress is None:
        return None
    return lambda stage, done, total: progress(f"{name}: {stage}", done, total)


def _times(settings: RunSettings) -> float | None:
    amount = settings.amount
    if amount.per_label is not None or amount.balance or amount.by_label is not None:
        return None
    return DEFAULT_TIMES if amount.times is None else amount.times


def _table(studies: Mapping[str, Study]) -> Table:
    first = studies[FULL]
    real = {arm: _cells(first, arm, arm) for arm in first.arms if arm != _ARM}
    made = {name: _cells(study, _ARM, name) for name, study in studies.items()}
    return Table(
        {**real, **made},
        first.splits,
        first.labels,
        decisive_metric(first.dataset, first.settings.metric),
        first.dataset.is_multilabel,
    )


def _cells(study: Study, arm: str, name: str) -> list[list[Cell]]:
    return [[replace(study.cell_at(split.name, seed, arm), arm=name) for seed in range(study.settings.seeds)]
            for split in study.splits]  # fmt: skip
