"""The page: every section's content in the order in which people ask, then one HTML text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from markupsafe import Markup

from menura.report import words
from menura.report.charts import stacked_bar
from menura.report.embedding_map import LabelColour, draw_map, label_colours
from menura.report.listening import Listening, Studio
from menura.report.material import KeepRow, Material, RunFacts
from menura.report.methods import methods_of
from menura.report.results_view import (
    arms_view,
    classifiers_view,
    confusions,
    decisive_p,
    differences_view,
    dose_view,
    labels_view,
    verdict_view,
)
from menura.report.template_text import render

__all__ = ["render_page"]

_ELSEWHERE = ("keep_rates", "run_settings", "run")
"""Parts of the protocol that have a place of their own on the page, or are a path of somebody's machine."""


@dataclass(frozen=True, slots=True)
class KeepView:
    """One row of the keep-rate table."""

    label: str
    colour: str
    row: KeepRow
    picture: Markup
    rate: str
    is_empty: bool


@dataclass(frozen=True, slots=True)
class RejectView:
    """One reason with its count and examples."""

    reason: str
    count: int
    share: str
    labels: str
    picture: Markup
    listening: Listening


def render_page(material: Material) -> str:
    """The report as one HTML text that needs nothing else."""
    return render("page.html", **_context(material))


def _context(material: Material) -> dict[str, Any]:
    evaluation, run = material.evaluation, material.run
    names = evaluation.labels if evaluation else tuple(row.label for row in run.keep_rows) if run else ()
    colours = label_colours(sorted({*names, *(row.label for row in (run.keep_rows if run else ()))}))
    studio = Studio(colours)
    listening = studio.listening(run.children) if run else None
    rejects = _rejects(run, studio) if run else ()
    return {
        "title": material.dataset or material.source,
        "source": material.source,
        "evaluation": evaluation,
        "run": run,
        "metric": words.METRIC_WORDS.get(evaluation.metric, evaluation.metric) if evaluation else "",
        "verdict": verdict_view(evaluation) if evaluation else None,
        "tiles": _tiles(material),
        "arms": arms_view(evaluation) if evaluation and evaluation.arms else None,
        "differences": differences_view(evaluation) if evaluation and evaluation.differences else None,
        "classifiers": classifiers_view(evaluation) if evaluation and evaluation.by_classifier else None,
        "labels": labels_view(evaluation, colours) if evaluation and evaluation.labels_gained else None,
        "dose": dose_view(evaluation) if evaluation else None,
        "confusions": confusions(evaluation) if evaluation else (),
        "keeps": _keeps(run, colours) if run else (),
        "keep_total": _total(run) if run else None,
        "listening": listening,
        "not_shown": run.num_kept - len(listening.families) if run and listening else 0,
        "map": draw_map(run.embedded, colours, frozenset(studio.anchors)) if run and run.embedded else None,
        "colours": list(colours.values()),
        "rejects": rejects,
        "findings": material.findings,
        "protocol": words.flatten(_without(evaluation.protocol, _ELSEWHERE)) if evaluation else {},
        "facts": _identity(run, has_versions=bool(evaluation and evaluation.versions)) if run else {},
        "versions": words.flatten(evaluation.versions) if evaluation else {},
        "unreadable": studio.unreadable,
        "methods": methods_of(evaluation.to_json()) if evaluation else None,
    }


def _identity(run: RunFacts, *, has_versions: bool) -> dict[str, str]:
    """Facts of the run; without its versions where those of the evaluation stand beside them."""
    return {name: text for name, text in run.facts.items() if not (has_versions and name.startswith("versions."))}


def _without(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _tiles(material: Material) -> list[tuple[str, str]]:
    """The numbers that people look for first."""
    tiles = []
    run, evaluation = material.run, material.evaluation
    if evaluation and evaluation.differences:
        tiles.append(("p-value, paired test", words.probability(decisive_p(evaluation.differences[0]))))
    if evaluation and evaluation.cells:
        folds, seeds = ({str(cell.get(key)) for cell in evaluation.cells} for key in ("fold", "seed"))
        tiles.append(("folds × seeds of every arm", f"{len(folds)} × {len(seeds)}"))
    if run:
        tiles.append(("labels", str(len(run.keep_rows))))
        tiles.append(("synthetic clips kept", f"{words.whole(run.num_kept)} of {words.whole(run.num_made)}"))
    if evaluation and evaluation.wall_s:
        tiles.append(("wall time of the evaluation", words.duration(evaluation.wall_s)))
    return tiles


def _keeps(run: RunFacts, colours: Mapping[str, LabelColour]) -> tuple[KeepView, ...]:
    views = []
    for row in run.keep_rows:
        rate = words.percent(row.rate, 0)
        most = max(1, row.made)
        said = f"{row.label}: {row.kept} kept, {row.passed - row.kept} more passed, {row.made - row.passed} rejected"
        shares = [(row.kept / most, "kept"), ((row.passed - row.kept) / most, "spare")]
        shares.append(((row.made - row.passed) / most, "lost"))
        picture = stacked_bar(shares, description=said)
        colour = colours[row.label].colour if row.label in colours else ""
        views.append(KeepView(row.label, colour, row, picture, rate, row.kept == 0))
    return tuple(views)


def _total(run: RunFacts) -> KeepRow:
    names = [field.name for field in fields(KeepRow) if field.name != "label"]
    return KeepRow(label="all labels", **{name: sum(getattr(row, name) for row in run.keep_rows) for name in names})


def _rejects(run: RunFacts, studio: Studio) -> tuple[RejectView, ...]:
    total = max(1, sum(group.count for group in run.rejects))
    views = []
    for group in run.rejects:
        share = group.count / total
        listed = list(group.labels.items())
        labels = ", ".join(f"{label} {count}" for label, count in listed[:8])
        if len(listed) > 8:
            labels += f" and {len(listed) - 8} more labels"
        picture = stacked_bar(
            [(share, "lost")], description=f"{group.reason}: {words.percent(share, 0)} of all rejects"
        )
        listening = studio.listening(group.examples)
        views.append(RejectView(group.reason, group.count, words.percent(share, 0), labels, picture, listening))
    return tuple(views)
