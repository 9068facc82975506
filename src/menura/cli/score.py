"""``menura score``: distance, overlap, variety and copies of two sets of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from menura.cli.output import JsonFlag, console, emit_json, on_disk, progress_bar
from menura.cli.study_files import as_csv

if TYPE_CHECKING:
    from menura.config import Domain
    from menura.datasets.dataset import Dataset
    from menura.pipeline.run import Run
    from menura.studies.score import ScoreResult
    from menura.studies.score_values import ScoreRow
    from menura.types import Progress

__all__ = ["score"]

_MOST_SHOWN = 8
_BETTER = {
    "KAD": "low", "FAD": "low", "FAD limit": "low", "precision": "high", "recall": "high", "density": "near floor",
    "coverage": "high", "Vendi score": "high",
}  # fmt: skip


def score(
    a: Annotated[str, typer.Argument(metavar="A", help="Real clips: a dataset; or a run, for its kept clips.")],
    b: Annotated[
        str | None,
        typer.Argument(metavar="[B]", help="Clips in question, likewise; left out: A is a run, against what it saw."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", callback=on_disk, help="Folder for score.json, tables (CSV) and plots (SVG)."),
    ] = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(help="An encoder, a file of a trained one, or several with +; repeat it [default: acoustic]."),
    ] = None,
    metrics: Annotated[
        str, typer.Option(help="Of kad, fad, overlap, vendi, descriptors, copies, texts, with commas between.")
    ] = "kad,fad,overlap,vendi,descriptors,copies,texts",
    text_model: Annotated[str | None, typer.Option(help="CLAP model, folder or owner/name: adds CLAP scores.")] = None,
    per_label: Annotated[bool, typer.Option("--per-label", help="Compare each label by itself, too.")] = False,
    test: Annotated[str | None, typer.Option(metavar="DATA", help="Held-out clips to look for copies in.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Leave embeddings as they are, as published figures do.")] = False,
    limit: Annotated[int | None, typer.Option(help="Most clips of each set, evenly over labels.", min=1)] = None,
    domain: Annotated[str, typer.Option(help="environment, animal, music, speech or machine: for label texts.")] = (
        "environment"
    ),
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.")] = 0,
    workers: Annotated[int | None, typer.Option(help="Processes [default: all cores].", min=1)] = None,
    json: JsonFlag = False,
) -> None:
    """Example: menura score my_sounds/ generated/ -o score/ --per-label

    Says how near B is to A, how varied it is, in which descriptors it differs, and whether it copies. Each figure
    stands beside its floor: one half of A against the other, which is what no difference looks like. `menura score
    RUN` compares the kept clips of a run with its real training clips.
    """
    from menura.datasets import load
    from menura.studies.score import score as compare

    with progress_bar() as progress:
        result = compare(
            _source(a, progress),
            None if b is None else _source(b, progress),
            encoders=encoder or ["acoustic"],
            measures=[name.strip() for name in metrics.split(",") if name.strip()],
            text_model=text_model,
            per_label=per_label,
            test=None if test is None else load(test, progress=progress),
            standardise=not raw,
            limit=limit,
            domain=_domain(domain),
            seed=seed,
            workers=workers,
            progress=progress,
        )
    files = [] if out is None else _write(result, out)
    if json:
        emit_json(result.to_json() | {"files": files})
        return
    _show(result)
    if files:
        console().print(f"wrote {', '.join(files)}", markup=False, soft_wrap=True)


def _source(text: str, progress: Progress) -> Dataset | Run:
    """A run if the folder holds one, else a dataset."""
    from menura.datasets import load
    from menura.objects.address import is_address
    from menura.pipeline.run import Run

    is_run = is_address(text) or (Path(text) / "run.json").is_file()
    return Run.open(text) if is_run else load(text, progress=progress)


def _domain(text: str) -> Domain:
    from typing import get_args

    from menura.config import Domain
    from menura.errors import ConfigError

    if text not in get_args(Domain):
        raise ConfigError(f"domain is {text!r}, expected one of {', '.join(get_args(Domain))}")
    return cast("Domain", text)


def _write(result: ScoreResult, out: Path) -> list[str]:
    """Writes all numbers, a table each, and the plots; gives the paths."""
    from dataclasses import asdict

    from menura.files import disk_errors, remove_leftovers_of_the_dead, write_text
    from menura.seeding import canonical_json

    texts = {"score.json": canonical_json(result.to_json()) + "\n"}
    tables: dict[str, Sequence[Mapping[str, Any]]] = {
        "score.csv": [asdict(row) for row in result.rows],
        "score-descriptors.csv": [asdict(row) for row in result.descriptors],
        "score-nearest.csv": [asdict(row) for check in result.copies for row in check.rows],
    }
    texts |= {name: as_csv(records) for name, records in tables.items() if records}
    texts |= _figures(result)
    with disk_errors(str(out)):
        out.mkdir(parents=True, exist_ok=True)
        remove_leftovers_of_the_dead(out)
        for name, text in texts.items():
            write_text(out / name, text)
    return [str(out / name) for name in texts]


def _figures(result: ScoreResult) -> dict[str, str]:
    from menura.audio.clip_descriptors import DESCRIPTORS
    from menura.report.figures import IntervalPanel, boxes, intervals

    figures = {}
    overall = [row for row in result.descriptors if not row.label]
    if overall:
        sets = dict(zip(("real: A", "B"), result.measured, strict=True))
        panels = {
            f"{feature.name} ({feature.unit})": {name: part.descriptors[:, column] for name, part in sets.items()}
            for column, feature in enumerate(DESCRIPTORS)
        }
        figures["score-descriptors.svg"] = boxes(panels)
        panel = IntervalPanel("Cliff's delta, B over A", [row.delta for row in overall],
                              [row.interval for row in overall], 0.0)  # fmt: skip
        figures["score-effects.svg"] = intervals([row.descriptor for row in overall], [panel])
    first = result.settings["encoders"][0]
    by_label = [row for row in result.rows if row.label and row.heard_by == first and row.measure == "KAD"]
    if by_label:
        panel = IntervalPanel(
            f"KAD ({first})", [row.value for row in by_label], [row.interval for row in by_label], 0.0
        )
        figures["score-labels.svg"] = intervals([row.label for row in by_label], [panel])
    return figures


def _show(result: ScoreResult) -> None:
    from rich.text import Text

    out = console()
    out.print(
        Text.assemble(
            ("A", "bold"), f" {result.reference}: {result.clips} clips   ", ("B", "bold"),
            f" {result.other}: {result.other_clips} clips   {len(result.labels)} labels in common",
        )
    )  # fmt: skip
    if result.rows:
        _print_table(
            [
                {"measure": row.measure, "B": _number(row.value), "floor": _number(row.floor),
                 "95 %": _interval(row.interval), "p": _number(row.p), "good": _BETTER[row.measure],
                 "clips": str(row.clips), "heard by": row.heard_by}
                for row in result.rows if not row.label
            ],
            caption="floor: one half of A beside the other half, as B is; what no difference looks like",
        )  # fmt: skip
        _print_labels(result)
    _print_descriptors(result)
    for check in result.copies:
        of = "A" if check.against == "reference" else "test clips"
        out.print(
            f"copies of {of}: {check.copies} of {check.clips} ({check.own_copies:.0%} of A's own clips pass for copies "
            f"of each other); nearer than 95 % of A's clips are to each other: {check.near_share:.0%} by "
            f"{result.settings['encoders'][0]}, {check.mel_near_share:.0%} by mel picture (by chance 5 %)",
            markup=False,
        )
    _print_texts(result)
    for note in result.notes:
        out.print(f"note: {note}", markup=False)


def _print_labels(result: ScoreResult) -> None:
    """One row for each label, by the first encoder."""
    first = result.settings["encoders"][0]
    by_label: dict[str, dict[str, ScoreRow]] = {}
    for row in result.rows:
        if row.label and row.heard_by == first:
            by_label.setdefault(row.label, {})[row.measure] = row
    if not by_label:
        return
    shown = ["KAD", "precision", "recall", "density", "coverage", "Vendi score"]
    there = [name for name in shown if any(name in rows for rows in by_label.values())]
    _print_table(
        [
            {"label": label}
            | {name: _beside_floor(rows[name]) for name in there if name in rows}
            | ({"p of KAD": _number(rows["KAD"].p)} if "KAD" in rows else {})
            for label, rows in by_label.items()
        ],
        caption="in brackets: the floor; p is corrected over labels",
    )  # fmt: skip


def _print_descriptors(result: ScoreResult) -> None:
    """The descriptors that differ most, overall."""
    overall = [row for row in result.descriptors if not row.label]
    if not overall:
        return
    differ = sorted((row for row in overall if row.p < 0.05), key=lambda row: -abs(row.delta))
    if not differ:
        console().print(f"none of {len(overall)} descriptors differs (p >= 0.05, corrected)")
        return
    _print_table(
        [
            {"descriptor": row.descriptor, "A": _number(row.median), "B": _number(row.other_median), "unit": row.unit,
             "Cliff's delta": _number(row.delta), "95 %": _interval(row.interval), "effect": row.effect,
             "p": _number(row.p)}
            for row in differ[:_MOST_SHOWN]
        ],
        caption=f"{len(differ)} of {len(overall)} descriptors differ (p < 0.05, corrected after Holm)",
    )  # fmt: skip


def _print_texts(result: ScoreResult) -> None:
    rows = []
    for side, name in (("reference", "A"), ("other", "B")):
        row: dict[str, str] = {"set": name}
        if side in result.texts:
            found = result.texts[side]
            row |= {
                "CLAP score, label": f"{found.label_text.mean:.3f} ({_interval(found.label_text.interval)})",
                "own label first": f"{found.first:.0%}",
                "CLAP score, caption": "-" if found.caption is None else f"{found.caption.mean:.3f}",
            }
        variety = result.variety.get(side)
        if variety is not None:
            row |= {
                "captions": str(variety.words.num_texts), "distinct-2": f"{variety.words.distinct_2:.2f}",
                "self-BLEU": f"{variety.words.self_bleu:.2f}",
                "effective scenes": f"{variety.scenes.effective_combinations:.1f}",
            }  # fmt: skip
        if len(row) > 1:
            rows.append(row)
    if rows:
        _print_table(rows)


def _print_table(records: Sequence[Mapping[str, str]], *, caption: str | None = None) -> None:
    from rich.table import Table

    names = list(dict.fromkeys(name for record in records for name in record))
    table = Table(*names, box=None, header_style="bold", pad_edge=False, caption=caption, caption_justify="left")
    for record in records:
        table.add_row(*(record.get(name, "-") for name in names))
    console().print(table)


def _beside_floor(row: ScoreRow) -> str:
    return f"{_number(row.value)} ({_number(row.floor)})"


def _number(value: float) -> str:
    if value != value:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _interval(interval: tuple[float, float]) -> str:
    return "-" if interval[0] != interval[0] else f"{_number(interval[0])} to {_number(interval[1])}"
