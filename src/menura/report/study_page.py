"""The page of a study: question, what was found, plots, table, protocol, and a paragraph for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from menura.report import words
from menura.report.done import Done, shown_path
from menura.report.methods import Methods, methods_of
from menura.report.study import StudyFiles, read_study
from menura.report.study_view import arm_groups, further_tables, published_only, table_of
from menura.report.template_text import data_uri, render
from menura.report.written import write_files, write_page

__all__ = ["render_study", "write_study_figures", "write_study_report"]

_QUESTIONS = {
    "alignment": "Does alignment move a generator where it should?",
    "distance": "How far do synthetic sounds lie from real ones?",
    "pair-similarity": "How similar are the two sounds of a doppelganger pair?",
    "spectra": "What do the spectra of synthetic sounds lack?",
    "sweep": "Which strength and which voice teach an encoder most?",
    "synthio": "What is each part of the recipe synthio worth?",
    "uncertainty": "How clear is the cause of a synthetic sound?",
}
"""Of studies whose files do not tell it."""
_ELSEWHERE = (
    "axis",
    "rows",
    "notes",
    "published",
    "cells",
    "conditions",
    "versions",
    "question",
    "study",
    "rounds",
    "tables",
)
"""Parts of the file that have a place of their own on the page, or are too long for one."""


def write_study_report(study: str | Path, out: str | Path | None = None) -> Path:
    """Writes the page of a study and returns its path. It opens offline and loads nothing from anywhere.

    Args:
        study: The JSON file that the study left.
        out: Where to write; None writes ``NAME.html`` beside it.

    Raises:
        RunError: The file is none of a study, or the page cannot be written.

    Example:
        >>> write_study_report("studies/low-resource/low-resource.json")  # doctest: +SKIP
        PosixPath('studies/low-resource/low-resource.html')
    """
    path = Path(study)
    target = Path(out) if out is not None else path.with_suffix(".html")
    return write_page(target, render_study(read_study(path)))


def write_study_figures(study: str | Path, folder: str | Path | None) -> tuple[Methods, tuple[Path, ...]]:
    """What a paper says of a study; its plots and tables copied into a folder, with the paragraph and its references.

    Args:
        study: The JSON file that the study left.
        folder: Where to; None writes nothing.
    """
    found = read_study(Path(study))
    methods = methods_of(found.stored)
    if folder is None:
        return methods, ()
    return methods, write_files(Path(folder), {**found.figures, **found.tables, **methods.files})


def render_study(study: StudyFiles) -> str:
    """The page as one HTML text that needs nothing else."""
    stored = study.stored
    done = Done(stored)
    elsewhere = (*_ELSEWHERE, *(stored.get("tables") or ()))
    told = _shown(words.flatten({name: value for name, value in stored.items() if name not in elsewhere}))
    return render(
        "study.html",
        study=study.name,
        question=stored.get("question") or _QUESTIONS.get(study.name, f"The study {study.name}"),
        dataset=shown_path(stored.get("dataset") or stored.get("data") or ""),
        tiles=_tiles(study, done),
        notes=stored.get("notes") or (),
        groups=arm_groups(study) if study.has_arms else (),
        metric=words.METRIC_WORDS.get(str(stored.get("metric")), str(stored.get("metric") or "")),
        plots=[(name, data_uri(svg, "image/svg+xml")) for name, svg in study.figures.items()],
        table=table_of(study),
        downloads=[(name, data_uri(text, "text/csv")) for name, text in study.tables.items()],
        further=further_tables(study),
        published=published_only(study),
        protocol={name: text for name, text in told.items() if "." not in name},
        conditions=_shown({name: ", ".join(map(str, values)) for name, values in done.varied.items()}),
        settings={name: text for name, text in told.items() if "." in name} | _shown(words.flatten(_common(done))),
        versions=words.flatten(stored.get("versions") or {}),
        methods=methods_of(stored),
    )


def _tiles(study: StudyFiles, done: Done) -> list[tuple[str, str]]:
    """The numbers that people look for first."""
    tiles = []
    folds, seeds = done.get("folds"), done.get("seeds")
    if isinstance(folds, list) and isinstance(seeds, int):
        tiles.append(("folds × seeds of every arm", f"{len(folds)} × {seeds}"))
    if done.get("test_clips"):
        tiles.append(("real test clips", str(done.get("test_clips"))))
    if study.has_arms:
        tiles.append(("conditions", str(len({(row["series"], row["point"]) for row in study.rows}))))
        tiles.append(("arms", str(len(done.arms))))
    if isinstance(done.get("classifier"), str):
        tiles.append(("classifier", done.get("classifier")))
    return tiles


def _common(done: Done) -> dict[str, Any]:
    """Settings that all conditions share and the protocol does not name."""
    names = done.common.keys() - done.stored.keys()
    return {name: done.common[name] for name in sorted(names)}


def _shown(values: Mapping[str, str]) -> dict[str, str]:
    """Without folders of the machine that it was made on."""
    return {name: _without_folders(text) for name, text in values.items()}


def _without_folders(text: str) -> str:
    parts = text.split(", ")
    named = (part.partition(":") for part in parts)
    return ", ".join(f"{kind}:{shown_path(path)}" if colon and len(kind) > 1 else shown_path(kind + colon + path)
                     for kind, colon, path in named)  # fmt: skip
