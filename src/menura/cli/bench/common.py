"""The options that all grids of evaluations share, and what they do with a finished one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from menura.cli.engine_options import HERE, AskedEngine, with_engine
from menura.cli.output import JsonFlag, on_disk, resumable
from menura.cli.run_options import (
    ClassifierOption,
    ConfigOption,
    DataArgument,
    DeltaOption,
    DomainOption,
    EncoderOption,
    FoldsOption,
    GeneratorOption,
    MetricOption,
    PreserveOption,
    RecipeOption,
    RoundsOption,
    TestFoldsOption,
    TimesOption,
    WorkersOption,
    run_settings,
)

if TYPE_CHECKING:
    from menura.config import RunSettings
    from menura.datasets.dataset import Dataset
    from menura.studies.bench.condition import Condition, Measured
    from menura.studies.bench.report import StudyReport
    from menura.studies.settings import EvaluationSettings

__all__ = ["Asked", "bench_command", "names", "numbers", "run_study"]


@dataclass(frozen=True)
class Asked:
    """What the shared options said."""

    data: str
    out: Path
    arms: tuple[str, ...] | None
    seeds: int
    folds: str | int | None
    test_folds: tuple[str, ...]
    classifier: str
    steps: int
    metric: str | None
    runs: RunSettings
    recipe_given: bool
    workers: int | None
    made_by: AskedEngine
    json: bool

    def settings(self, *, arms: Sequence[str], runs: RunSettings | None = None, **more: Any) -> EvaluationSettings:
        """The settings that the conditions vary.

        Args:
            arms: Arms of the study, unless others were asked for.
            runs: Settings of the runs; None takes those that were asked for.
            more: Further settings of the evaluation.

        Raises:
            ConfigError: A setting is impossible.
        """
        from menura.config import settings_from
        from menura.studies.settings import EvaluationSettings

        made = self.runs if runs is None else runs
        generator = made.generator.with_absolute_paths()
        values = {
            "arms": tuple(arms) if self.arms is None else self.arms, "seeds": self.seeds, "folds": self.folds,
            "classifier": self.classifier, "steps": self.steps, "metric": self.metric,
            "run": made.model_copy(update={"generator": generator}), **more,
        }  # fmt: skip
        return settings_from(EvaluationSettings, values, source="study")


@with_engine
def _shared(
    *,
    data: DataArgument,
    out: Annotated[
        Path, typer.Option("-o", "--out", callback=on_disk, help="Folder for runs, cells, plots and tables.")
    ],
    arms: Annotated[
        str | None, typer.Option(help="What to compare, with commas; see `menura list arms`. Default: of the study.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions; more may be added later.")] = 3,
    folds: FoldsOption = None,
    test_folds: TestFoldsOption = None,
    classifier: ClassifierOption = "linear",
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps of every classifier.")] = 1000,
    metric: MetricOption = None,
    times: TimesOption = None,
    recipe: RecipeOption = None,
    generator: GeneratorOption = None,
    domain: DomainOption = None,
    preserve: PreserveOption = None,
    delta: DeltaOption = None,
    encoder: EncoderOption = None,
    rounds: RoundsOption = None,
    config: ConfigOption = None,
    workers: WorkersOption = None,
    made_by: AskedEngine = HERE,
    json: JsonFlag = False,
) -> Asked:
    runs = run_settings(
        config=config, times=times, per_label=None, balance=False, recipe=recipe, generator=generator, domain=domain,
        preserve=preserve, delta=delta, encoder=encoder, seed=None, rounds=rounds,
    )  # fmt: skip
    return Asked(
        data=data,
        out=out,
        arms=None if arms is None else names(arms),
        seeds=seeds,
        folds=int(folds) if folds is not None and folds.isdecimal() else folds,
        test_folds=names(test_folds or ""),
        classifier=classifier,
        steps=steps,
        metric=metric,
        runs=runs,
        recipe_given=recipe is not None or config is not None,
        workers=workers,
        made_by=made_by,
        json=json,
    )


def bench_command(own: Callable[..., None]) -> Callable[..., None]:
    """A command with the shared options before its own.

    Args:
        own: Takes an :class:`Asked` first, then options of its own.
    """
    shared = inspect.signature(_shared).parameters
    hints = {**get_type_hints(_shared, include_extras=True), **get_type_hints(own, include_extras=True)}
    extra = list(inspect.signature(own).parameters.values())[1:]

    @wraps(own)
    def command(**given: Any) -> None:
        asked = _shared(**{name: given.pop(name) for name in shared})
        own(asked, **given)

    parameters = [
        *(parameter.replace(annotation=hints[name]) for name, parameter in shared.items()),
        *(
            parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in extra
        ),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del command.__wrapped__
    return command


def run_study(
    asked: Asked,
    plan: Callable[[Dataset], Sequence[Condition]],
    conclude: Callable[[Dataset, Sequence[Measured]], StudyReport],
    *,
    figures: Callable[[StudyReport], Mapping[str, str]] | None = None,
) -> None:
    """Reads the data, makes what is missing, and writes and prints what was found.

    Args:
        asked: The shared options.
        plan: The conditions for a dataset.
        conclude: What they found.
        figures: Draws the plots; None draws curves by point.
    """
    from menura import datasets
    from menura.cli.bench.files import write_report
    from menura.cli.downloads import announce_downloads
    from menura.studies.bench.condition import measure

    announce_downloads(asked.runs)
    with (
        resumable(f"what is finished is kept in {asked.out}", price=asked.made_by.price) as progress,
        asked.made_by.jobs(asked.workers),
    ):
        dataset = datasets.load(asked.data, progress=progress)
        measured = measure(
            dataset, plan(dataset), asked.out,
            test_folds=asked.test_folds, workers=asked.workers, progress=progress,
        )  # fmt: skip
        report = conclude(dataset, measured)
    write_report(asked.out, report, json=asked.json, figures=figures)


def numbers(text: str, *, option: str) -> tuple[float, ...]:
    """The numbers of a list with commas.

    Raises:
        ConfigError: One is none.
    """
    from menura.errors import ConfigError

    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ConfigError(f"{option} is {text!r}, expected numbers with commas, e.g. 1,2,5") from error


def names(text: str) -> tuple[str, ...]:
    """The names of a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
