"""``menura evaluate``: the proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from menura.cli.downloads import announce_downloads, announce_listeners
from menura.cli.engine_options import HERE, AskedEngine, with_engine
from menura.cli.output import JsonFlag, console, emit_json, on_disk, resumable
from menura.cli.run_options import (
    BalanceOption,
    ClassifierOption,
    ConfigOption,
    DeltaOption,
    DomainOption,
    EncoderOption,
    FoldsOption,
    GeneratorOption,
    MetricOption,
    PerLabelOption,
    PreserveOption,
    RealPerLabelOption,
    RecipeOption,
    RoundsOption,
    TimesOption,
    run_settings,
)
from menura.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from menura.classify.results import EvaluationResult
    from menura.datasets.dataset import Dataset
    from menura.pipeline.run import Run
    from menura.types import Progress

__all__ = ["evaluate", "show"]

STYLES = {
    "error": "bold red", "warning": "yellow", "note": "cyan", "helped": "green", "hurt": "red", "undecided": "yellow",
}  # fmt: skip
ZERO_SHOT = "zero-shot"
METRIC_NAMES = {
    "accuracy": "accuracy", "macro_f1": "macro-F1", "uar": "UAR", "mean_average_precision": "mAP",
}  # fmt: skip


@with_engine
def evaluate(
    target: Annotated[str, typer.Argument(help="A run (evaluated on its own split), or a dataset (fold by fold).")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            callback=on_disk,
            help="Folder of the evaluation; needed for a dataset, resumed if it is there.",
        ),
    ] = None,
    real_per_label: RealPerLabelOption = None,
    classifier: ClassifierOption = "linear",
    seeds: Annotated[int, typer.Option(help="Repetitions.", min=1)] = 5,
    arms: Annotated[
        str,
        typer.Option(help="What to compare, separated by commas; baselines stands for many, see `menura list arms`."),
    ] = "real,oversample,classic,synthetic,synthetic+classic",
    times: TimesOption = None,
    per_label: PerLabelOption = None,
    balance: BalanceOption = False,
    recipe: RecipeOption = None,
    generator: GeneratorOption = None,
    domain: DomainOption = None,
    preserve: PreserveOption = None,
    delta: DeltaOption = None,
    encoder: EncoderOption = None,
    rounds: RoundsOption = None,
    config: ConfigOption = None,
    folds: FoldsOption = None,
    metric: MetricOption = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps, equal in all arms.", min=1)] = None,
    doses: Annotated[
        str | None, typer.Option(help="Amounts to compare, e.g. 1,3,8 synthetic clips for each real one.")
    ] = None,
    text_model: Annotated[
        str | None,
        typer.Option(help="CLAP model, a folder or owner/name: adds the arm zero-shot, which learns from no clip."),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(
            help="Recordings, labelled or not: adds the arm retrieval, with the nearest of them to each label."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes, or Ray actors [default: all cores, or all that the cluster has room for].", min=1
        ),
    ] = None,
    made_by: AskedEngine = HERE,
    as_json: JsonFlag = False,
) -> None:
    """Example: menura evaluate my_sounds/ -o proof/ --real-per-label 5

    Train classifiers on real clips alone and on real and synthetic ones, test them on real clips that nobody has
    learned from, and say whether the synthetic clips helped, by how much, and how sure that is.

    TARGET is a run of `menura augment` (its training clips, its held-out clips), or a dataset: then every fold is held
    out in turn, and each fold and seed gets a run of its own under DIR. Run it again to go on after a stop.
    """
    from menura.classify.base import split_setting
    from menura.studies.evaluate import evaluate as run_evaluation

    asked = (config, times, per_label, recipe, generator, domain, preserve, delta, encoder, rounds)
    settings = None
    if balance or any(value is not None for value in asked):
        settings = run_settings(
            config=config, times=times, per_label=per_label, balance=balance, recipe=recipe, generator=generator,
            domain=domain, preserve=preserve, delta=delta, encoder=encoder, seed=None, rounds=rounds,
        )  # fmt: skip
    if settings is not None:
        announce_downloads(settings)
    announce_listeners(split_setting(classifier)[0], text_model=text_model)
    kept = f"every finished cell is kept in {target if out is None else out}"
    with resumable(kept, price=made_by.price) as progress, made_by.jobs(workers):
        dataset, run = _target(target, progress)
        if run is not None:
            announce_listeners(run.settings.judge.encoder, text_model=None)
        result = run_evaluation(
            dataset,
            run,
            out=out,
            real_per_label=real_per_label,
            classifier=classifier,
            seeds=seeds,
            arms=_names(arms),
            settings=settings,
            steps=steps,
            metric=metric,
            folds=_folds(folds),
            doses=_numbers(doses),
            text_model=text_model,
            pool=pool,
            workers=workers,
            progress=progress,
        )
    if as_json:
        emit_json(result.to_json())
    else:
        show(result, wrote=_result_path(run, out))


def _target(target: str, progress: Progress) -> tuple[Dataset, Run | None]:
    """The dataset, and the run when the target is one."""
    from menura import datasets
    from menura.objects.address import is_address
    from menura.pipeline.identity import IDENTITY_NAME
    from menura.pipeline.run import Run

    if not is_address(target) and not (Path(target) / IDENTITY_NAME).is_file():
        return datasets.load(target, progress=progress), None
    run = Run.open(target)
    training = run.training
    if not training.root:
        raise ConfigError(f"{target} does not say which dataset it was made from; use menura.evaluate(dataset, run)")
    if not Path(training.root).exists():
        raise ConfigError(
            f"{target} was made from {training.root}, which is gone; if it has moved, run the `menura augment` of the "
            "run again with its new place, which makes nothing twice"
        )
    return datasets.load(training.root, test_fold=training.test_fold, progress=progress), run


def _folds(folds: str | None) -> str | int | None:
    return int(folds) if folds is not None and folds.isdecimal() else folds


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _numbers(text: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(name) for name in _names(text or ""))
    except ValueError:
        raise ConfigError(f"--doses is {text!r}, expected numbers separated by commas, e.g. 1,3,8") from None


def _result_path(run: Run | None, out: Path | None) -> Path:
    return (run.path if run is not None and out is None else Path(out or ".")) / "evaluation.json"


def points(fraction: float) -> str:
    """A difference in percentage points with its sign."""
    return f"{100 * fraction:+.1f}"


def span(interval: tuple[float, float]) -> str:
    """An interval in percentage points."""
    return f"{points(interval[0])} to {points(interval[1])}"


def show(result: EvaluationResult, *, wrote: Path | None = None) -> None:
    """Print tables, verdict and advice."""
    from rich.text import Text

    out = console()
    protocol = result.protocol
    folds = f"{_many(len(protocol['folds']), 'fold')} ({protocol['folds_from']})"
    facts = (
        f": {folds} x {_many(protocol['seeds'], 'seed')}, {protocol['training_clips']:.0f} real training clips, "
        f"{protocol['test_clips']} test clips, classifier {protocol['classifier']}"
    )
    out.print(Text.assemble((result.dataset, "bold"), facts))
    out.print(_arms(result))
    out.print(_differences(result))
    if result.by_classifier:
        out.print(_classifiers(result))
    out.print(_labels(result))
    if result.dose:
        out.print(_doses(result))
    for finding in result.findings:
        severity = finding["severity"]
        out.print(Text.assemble((severity, STYLES[severity]), f": {finding['message']}"))
        if finding["remedy"] and severity != "note":
            out.print(f"  {finding['remedy']}")
    out.print()
    out.print(Text(result.verdict, style=f"bold {STYLES[result.outcome]}"))
    for sentence in result.advice:
        out.print(f"- {sentence}")
    where = f", written to {wrote}" if wrote is not None else ""
    out.print(f"{result.wall_s:.0f} s{where}", soft_wrap=True)


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _arms(result: EvaluationResult) -> Table:
    table = _table("arm", "clips", "accuracy", "macro-F1", "UAR", *(["mAP"] if _is_multilabel(result) else []), "95 %")
    for arm in result.arms:
        decided = [arm.accuracy, arm.macro_f1, arm.uar]
        ranked = [arm.mean_average_precision or 0] if _is_multilabel(result) else []
        only_ranks = arm.name == ZERO_SHOT and ranked
        shown = [*(["–"] * 3 if only_ranks else _percent(decided)), *_percent(ranked)]
        chosen = f" ({', '.join(f'{n} {c}' for n, c in arm.chosen.items())})" if len(arm.chosen) > 1 else ""
        table.add_row(
            arm.name + chosen, f"{arm.clips:.0f}", *shown,
            f"{100 * arm.interval[0]:.1f} to {100 * arm.interval[1]:.1f}",
        )  # fmt: skip
    table.caption = (
        f"95 %: interval of {METRIC_NAMES[result.metric]}, {result.protocol['interval'].removeprefix('95 % ')}"
        f"{_untrained(result)}"
    )
    return table


def _percent(scores: Sequence[float]) -> list[str]:
    return [f"{100 * score:.1f}" for score in scores]


def _untrained(result: EvaluationResult) -> str:
    """A second line below the arms, where one of them has learned from no clip."""
    if all(arm.name != ZERO_SHOT for arm in result.arms):
        return ""
    is_best = any(finding["kind"] == "zero_shot_is_best" for finding in result.findings)
    best = "; it is better than every trained arm" if is_best else ""
    learned = result.protocol.get("zero_shot", {}).get("fine_tuned_on", 0)
    how = f"was fine-tuned on {learned} other clips" if learned else "has learned from none of these clips"
    return f"\n{ZERO_SHOT} {how} and takes no part in the verdict{best}"


def _differences(result: EvaluationResult) -> Table:
    table = _table("gain", "over", "points", "95 %", "p", "p corrected")
    for item in result.differences:
        table.add_row(
            item.arm, item.baseline, points(item.gain), span(item.interval), _p(item.p),
            "" if item.p_corrected is None else _p(item.p_corrected),
        )  # fmt: skip
    return table


def _classifiers(result: EvaluationResult) -> Table:
    arms = [arm.name for arm in result.arms if arm.name in result.by_classifier[0]["means"]]
    table = _table("alone", *arms, "gain", "over", "points", "95 %")
    for item in result.by_classifier:
        gain = item["difference"]
        table.add_row(
            item["classifier"], *(f"{100 * item['means'][arm]:.1f}" for arm in arms),
            gain["arm"], gain["baseline"], points(gain["gain"]), span(gain["interval"]),
        )  # fmt: skip
    table.caption = f"each classifier as if it were the only one: {METRIC_NAMES[result.metric]}"
    return table


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _labels(result: EvaluationResult) -> Table:
    table = _table("label", "recall, real", "with synthetic", "gain", "95 %", "p corrected", "keep-rate")
    for item in sorted(result.labels_gained, key=lambda label: -label.gain):
        kept = "" if item.keep_rate is None else f"{100 * item.keep_rate:.0f} %"
        table.add_row(
            item.label, f"{100 * item.real:.1f}", f"{100 * item.synthetic:.1f}", points(item.gain),
            span(item.interval), "" if item.p_corrected is None else _p(item.p_corrected), kept,
        )  # fmt: skip
    return table


def _doses(result: EvaluationResult) -> Table:
    table = _table("synthetic per real", "clips", METRIC_NAMES[result.metric], "gain", "95 %")
    for item in result.dose:
        low, high = item["gain_interval"]
        table.add_row(
            f"{item['times']:g}", f"{item['clips']:.0f}", f"{100 * item['value']:.1f}", points(item["gain"]),
            span((low, high)),
        )  # fmt: skip
    return table


def _is_multilabel(result: EvaluationResult) -> bool:
    return any(arm.mean_average_precision is not None for arm in result.arms)


def _table(first: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, caption_justify="left")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="left" if column == "over" else "right")
    return table
