"""The page of a comparison, and its numbers as JSON and CSV beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from menura.report import words
from menura.report.charts import axis, interval_track, nice_scale
from menura.report.comparison import Comparison, Direct, Gain, compare
from menura.report.methods import methods_of
from menura.report.plots import csv_text
from menura.report.results_view import Arms, Row, gain_tone, points_axis
from menura.report.study_view import Table
from menura.report.template_text import data_uri, render
from menura.report.written import write_page

__all__ = ["render_comparison", "write_comparison"]


def write_comparison(folders: Sequence[str | Path], out: str | Path) -> tuple[Path, ...]:
    """Writes the comparison of several evaluations or studies: the page, and beside it the numbers.

    Args:
        folders: Folders with an ``evaluation.json``, or with one study; at least two.
        out: File of the page; the others have its name with ``.json`` and ``.csv``.

    Returns:
        The page, the JSON file and the CSV file.

    Raises:
        RunError: A folder holds neither, or a file cannot be written.
    """
    found = compare([Path(folder) for folder in folders])
    page = Path(out)
    numbers = json.dumps(found.to_json(), indent=2, ensure_ascii=False) + "\n"
    return (
        write_page(page, render_comparison(found)),
        write_page(page.with_suffix(".json"), numbers),
        write_page(page.with_suffix(".csv"), csv_text(found.records())),
    )


def render_comparison(found: Comparison) -> str:
    """The page as one HTML text that needs nothing else."""
    names = [side.name for side in found.sides]
    metric = words.METRIC_WORDS.get(found.sides[0].metric, found.sides[0].metric)
    return render(
        "compare.html",
        names=names,
        dataset=str(found.sides[0].stored.get("dataset", "")),
        problems=found.problems,
        remarks=found.remarks,
        metric=metric,
        sides=found.sides,
        tiles=_tiles(found),
        directs=_gains(found.directs) if found.directs else None,
        gains=[(side.name, chart) for side, chart in zip(found.sides, _gain_charts(found), strict=True) if chart],
        arms=list(zip(names, _arm_charts(found), strict=True)),
        differing=Table(("setting", *names), tuple((name, *v) for name, v in found.differing.items()), 1 + len(names)),
        keep=_keep(found),
        times=[(side.name, words.duration(side.wall_s)) for side in found.sides if side.wall_s is not None],
        methods=[(side.name, methods_of(side.stored)) for side in found.sides],
        download=data_uri(csv_text(found.records()), "text/csv"),
    )


def _tiles(found: Comparison) -> list[tuple[str, str]]:
    """The gain of each side behind its verdict."""
    return [
        (f"{side.name}: {side.gains[0].arm} − {side.gains[0].baseline}, points", words.points(side.gains[0].gain))
        for side in found.sides
        if side.gains and "study" not in side.stored
    ]


def _gain_charts(found: Comparison) -> list[Arms | None]:
    """The gains of each side, all on one scale."""
    every = [number for side in found.sides for one in side.gains for number in (one.gain, *one.interval)]
    return [_gains(side.gains, every) if side.gains else None for side in found.sides]


def _gains(items: Sequence[Gain | Direct], every: Sequence[float] = ()) -> Arms:
    scale = nice_scale([*every, *(n for one in items for n in (one.gain, *one.interval))], include=(0.0,))
    rows = []
    for one in items:
        if isinstance(one, Direct):
            name, note = f"{one.side} − {one.against}", f"{one.arm} against {one.against_arm}"
        else:
            name, note = f"{one.arm} − {one.baseline}", ""
        tone = gain_tone(one.interval)
        said = f"{name}: {words.points(one.gain)} points, {words.interval_points(one.interval)}"
        picture = interval_track(scale, one.gain, one.interval, tone=tone, description=said, zero=True)
        cells = (
            ("95 % interval", words.interval_points(one.interval)),
            ("p", words.probability(one.p)),
            ("p, corrected", "–" if one.p_corrected is None else words.probability(one.p_corrected)),
        )
        rows.append(Row(name, note, picture, words.points(one.gain), cells, tone))
    return Arms(points_axis(scale), tuple(rows))


def _arm_charts(found: Comparison) -> list[Arms]:
    """What the arms of each side reached, all on one scale."""
    every = [number for side in found.sides for arm in side.arms for number in (arm.value, *arm.interval)]
    scale = nice_scale(every, lowest=0.0)
    head = axis(scale, [f"{100 * tick:g} %" for tick in scale.ticks])
    charts = []
    for side in found.sides:
        rows = []
        for arm in side.arms:
            tone = "synthetic" if "synthetic" in arm.arm else "plain"
            between = f"{words.percent(arm.interval[0])} to {words.percent(arm.interval[1])}"
            said = f"{side.name}, {arm.arm}: {words.percent(arm.value)}, 95 % interval {between}"
            picture = interval_track(scale, arm.value, arm.interval, tone=tone, description=said)
            cells = (("95 % interval", between), ("training clips", f"{arm.clips:.0f}"))
            rows.append(Row(arm.arm, "", picture, words.percent(arm.value), cells, tone))
        charts.append(Arms(head, tuple(rows)))
    return charts


def _keep(found: Comparison) -> Table | None:
    """Keep-rates by label and side."""
    with_rates = [side for side in found.sides if side.keep]
    labels = sorted({label for side in with_rates for label in side.keep})
    if not labels:
        return None
    rows: list[Any] = [(label, *(words.percent(side.keep.get(label), 0) for side in with_rates)) for label in labels]
    return Table(("label", *(side.name for side in with_rates)), tuple(rows))
