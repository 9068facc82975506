"""``menura study probe`` and ``tasks``: what frozen encoders are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from menura.cli.engine_options import HERE, AskedEngine, with_engine
from menura.cli.output import JsonFlag, console, emit_json, on_disk, resumable
from menura.cli.run_options import WorkersOption
from menura.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from menura.studies.probe_results import ProbeResult

__all__ = ["amounts", "probe", "show", "tasks"]

METRIC_NAMES = {"accuracy": "accuracy", "uar": "UAR", "mean_average_precision": "mAP"}


@with_engine
def probe(
    data: Annotated[str, typer.Argument(help="Folder, manifest, or name of a task that is on this machine.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", callback=on_disk, help="Folder of embeddings, predictions and results.")
    ],
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="Name, file of weights, or several with + between; repeat it to compare [default: acoustic]."
        ),
    ] = None,
    probe: Annotated[
        list[str] | None,
        typer.Option(help="logistic, linear, mlp or knn; repeat it for several [default: that of the task]."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="Take folds and metric of this task: menura study tasks.")] = None,
    per_label: Annotated[
        list[str] | None, typer.Option(help="Training clips of each label, e.g. 1,5,all [default: all].")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Repetitions where clips or weights are drawn.", min=1)] = 3,
    random_weights: Annotated[
        bool, typer.Option("--random-weights", help="Add each trained encoder with weights that were never trained.")
    ] = False,
    standardise: Annotated[
        bool, typer.Option(help="Standardise embeddings by the training clips; HEAR and ARCH do not.")
    ] = True,
    workers: WorkersOption = None,
    made_by: AskedEngine = HERE,
    as_json: JsonFlag = False,
) -> None:
    """Example: menura study probe esc50 -o probes/ --encoder acoustic --encoder encoders/first/encoder.safetensors

    Asks what frozen encoders are worth: the same simple classifiers on the embeddings of each, with the same folds,
    clips and seeds. Settings are chosen on validation clips only. Run it again to go on after a stop, or to add
    encoders, probes, amounts or seeds.
    """
    from menura.studies.downstream import TASKS, load_task_data
    from menura.studies.probe import probe_encoders

    if task is None and data in TASKS and not Path(data).exists():
        task = data
    with (
        resumable(f"what is finished is kept in {out}", price=made_by.price) as progress,
        made_by.jobs(workers),
    ):
        result = probe_encoders(
            load_task_data(data, progress=progress),
            encoder or ["acoustic"],
            out=out,
            task=task,
            probes=probe or (),
            per_label=amounts(per_label or ["all"]),
            seeds=seeds,
            random_weights=random_weights,
            standardise=standardise,
            workers=workers,
            progress=progress,
        )
    if as_json:
        emit_json(result.to_json())
    else:
        show(result, wrote=out)


def tasks(as_json: JsonFlag = False) -> None:
    """Example: menura study tasks

    Lists the downstream tasks: metric, folds, whose protocol it is, licence, and whether a copy is on this machine.
    """
    from dataclasses import asdict

    from rich.table import Table

    from menura.datasets.local import find_local
    from menura.studies.downstream import TASKS

    found = {name: find_local(name) if task.is_public else None for name, task in TASKS.items()}
    if as_json:
        emit_json({"tasks": [{**asdict(t), "local": str(found[n]) if found[n] else None} for n, t in TASKS.items()]})
        return
    table = Table("name", "what", "metric", "folds", "protocol", "probe", "licence", "local copy or source")
    for name, task in TASKS.items():
        folds = {"split": "published parts", "next_group": f"one {task.group} out"}.get(task.rule, f"{task.num_folds}")
        table.add_row(
            name, task.title, METRIC_NAMES[task.metric] + (" and chroma" if task.is_pitch else ""), folds, task.harness,
            task.probe, task.licence, str(found[name] or task.url),
        )  # fmt: skip
    console().print(table)


def show(result: ProbeResult, *, wrote: Path | None = None) -> None:
    """Print a table for each probe and amount, and what is to be said about the data."""
    from rich.text import Text

    out = console()
    protocol = result.protocol
    named = f" ({result.task})" if result.task and result.task != result.dataset else ""
    facts = f": {protocol['folds_from']}, {protocol['labels']} labels, {protocol['test_clips']} test clips"
    out.print(Text.assemble((result.dataset, "bold"), named + facts))
    out.print(_table(result))
    for finding in result.findings:
        out.print(f"{finding['severity']}: {finding['message']}")
        if finding["remedy"] and finding["severity"] != "note":
            out.print(f"  {finding['remedy']}")
    where = f", written to {wrote}" if wrote is not None else ""
    out.print(f"{result.wall_s:.0f} s{where}", soft_wrap=True)


def _table(result: ProbeResult) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, caption_justify="left")
    has_chroma = any("chroma_accuracy" in row.scores for row in result.rows)
    columns = ["a label", METRIC_NAMES[result.metric], "95 %", *(["chroma"] if has_chroma else []), "gain", "95 %"]
    table.add_column("probe")
    table.add_column("encoder", overflow="fold")
    for column in columns:
        table.add_column(column, justify="right")
    last: tuple[str, int | None] | None = None
    for row in result.rows:
        is_first = (row.probe, row.per_label) != last
        last = (row.probe, row.per_label)
        gain = "" if is_first else f"{100 * row.gain:+.1f}"
        low, high = (f"{100 * bound:+.1f}" for bound in row.gain_interval)
        table.add_row(
            row.probe if is_first else "", row.encoder,
            ("all" if row.per_label is None else str(row.per_label)) if is_first else "",
            f"{100 * row.value:.1f}", f"{100 * row.interval[0]:.1f} to {100 * row.interval[1]:.1f}",
            *([f"{100 * row.scores['chroma_accuracy']:.1f}"] if has_chroma else []),
            gain, "" if is_first else f"{low} to {high}",
        )  # fmt: skip
    table.caption = f"95 %: {result.protocol['interval']}; gain over the first encoder on the same clips"
    return table


def amounts(texts: list[str]) -> tuple[int | None, ...]:
    """Numbers of clips of each label; ``all`` is None."""
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    if not names or any(name != "all" and not (name.isdecimal() and int(name)) for name in names):
        raise ConfigError(f"--per-label is {','.join(texts)!r}, expected numbers from 1 or all, e.g. 1,5,all")
    return tuple(None if name == "all" else int(name) for name in names)
