"""Rows of a study as charts and as a table for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from menura.report import words
from menura.report.charts import axis, interval_track, nice_scale
from menura.report.results_view import Arms, Row, gain_tone, points_axis
from menura.report.study import StudyFiles

__all__ = ["Group", "Table", "arm_groups", "further_tables", "published_only", "table_of"]


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text.

    Attributes:
        columns: Heads.
        rows: Cells of each row, as many as columns.
        texts: How many columns from the left are names, not numbers.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    """The arms of one condition: what they reached, and what that is over the baseline."""

    title: str
    values: Arms
    gains: Arms | None


def arm_groups(study: StudyFiles) -> tuple[Group, ...]:
    """A chart of the metric and one of the gains for each condition, all on the same two scales."""
    levels = [number for row in study.rows for number in (row["value"], *row["interval"])]
    scale = nice_scale(_numbers(levels), lowest=0.0)
    gains = [row for row in study.rows if row["arm"] != row["baseline"]]
    gain_scale = nice_scale(_numbers([n for r in gains for n in (r["gain"], *r["gain_interval"])]), include=(0.0,))
    known = _published(study)
    groups = []
    for key in dict.fromkeys((row["series"], row["point"]) for row in study.rows):
        found = [row for row in study.rows if (row["series"], row["point"]) == key]
        compared = [row for row in found if row["arm"] != row["baseline"]]
        axis_name = study.stored.get("axis")
        title = " · ".join(part for part in (str(key[0]), f"{axis_name}: {key[1]}" if axis_name else key[1]) if part)
        groups.append(
            Group(
                title,
                Arms(
                    axis(scale, [f"{100 * tick:g} %" for tick in scale.ticks]),
                    tuple(_value_row(row, scale, known) for row in found),
                ),
                Arms(points_axis(gain_scale), tuple(_gain_row(row, gain_scale) for row in compared))
                if compared
                else None,
            )
        )
    return tuple(groups)


def table_of(study: StudyFiles) -> Table:
    """The table of a study; one of arms in percent and points, with the published numbers beside."""
    if not study.rows:
        return Table((), ())
    if study.has_arms:
        return _arm_table(study)
    order = {name: place for place, name in enumerate(study.columns)}
    columns = tuple(sorted(study.rows[0], key=lambda name: order.get(name, order.get(f"{name}_low", len(order)))))
    texts = next((n for n, name in enumerate(columns) if not isinstance(study.rows[0][name], str)), len(columns))
    heads = tuple(name.replace("_", " ") for name in columns)
    return Table(heads, tuple(tuple(_plain(row.get(name)) for name in columns) for row in study.rows), max(1, texts))


def further_tables(study: StudyFiles) -> dict[str, Table]:
    """Tables beside the main one as they were printed, e.g. one of every label."""
    return {
        str(name): Table(tuple(found["columns"]), tuple(tuple(row) for row in found["rows"]))
        for name, found in (study.stored.get("tables") or {}).items()
    }


def published_only(study: StudyFiles) -> Table:
    """Numbers of papers that stand beside no row: what was not measured here."""
    rows = {(row.get("series"), row.get("arm"), row.get("point")) for row in study.rows}
    cells = [
        cell
        for cell in study.stored.get("published") or ()
        if (cell["series"], cell["arm"], cell["point"]) not in rows
    ]  # fmt: skip
    has_series = any(cell["series"] for cell in cells)
    return Table(
        ("method", *(("series",) if has_series else ()), str(study.stored.get("axis", "at")), "published", "source"),
        tuple(
            (cell["method"], *((cell["series"],) if has_series else ()), cell["point"], words.percent(cell["value"]),
             cell["source"])
            for cell in cells
        ),
        texts=1,
    )  # fmt: skip


def _arm_table(study: StudyFiles) -> Table:
    known = _published(study)
    has_series = any(row["series"] for row in study.rows)
    metric = words.METRIC_WORDS.get(str(study.stored.get("metric")), "value")
    columns = [
        *(["series"] if has_series else []), str(study.stored.get("axis", "condition")), "arm", metric, "95 % interval",
        "over", "gain, points", "95 % interval", "p", "p, corrected", "training clips",
        *(["published"] if known else []),
    ]  # fmt: skip
    rows = []
    for row in study.rows:
        is_baseline = row["arm"] == row["baseline"]
        low, high = row["interval"]
        between = f"{words.percent(low)} to {words.percent(high)}" if None not in (low, high) else "–"
        gain = (
            ("", "", "", "", "")
            if is_baseline
            else (
                row["baseline"],
                words.points(_finite(row["gain"])),
                words.interval_points((_finite(row["gain_interval"][0]), _finite(row["gain_interval"][1]))),
                words.probability(_finite(row["p"])),
                "–" if row.get("p_corrected") is None else words.probability(row["p_corrected"]),
            )
        )
        cells = [row["point"], row["arm"], words.percent(row["value"]), between, *gain, f"{_finite(row['clips']):.0f}"]
        beside = [words.percent(known.get(_key(row)))] if known else []
        rows.append(tuple(map(str, [*([row["series"]] if has_series else []), *cells, *beside])))
    return Table(tuple(columns), tuple(rows), texts=2 + has_series)


def _value_row(row: Mapping[str, Any], scale: Any, known: Mapping[Any, float]) -> Row:
    interval = (_finite(row["interval"][0]), _finite(row["interval"][1]))
    synthetic = "synthetic" in row["arm"]
    published = known.get(_key(row))
    said = f"{row['arm']}: {words.percent(row['value'])}, 95 % interval {words.percent(interval[0])} to "
    note = "" if published is None else f"published: {words.percent(published)}"
    picture = interval_track(
        scale, _finite(row["value"]), interval, tone="synthetic" if synthetic else "plain",
        description=said + words.percent(interval[1]),
    )  # fmt: skip
    return Row(row["arm"], note, picture, words.percent(row["value"]), tone="synthetic" if synthetic else "plain")


def _gain_row(row: Mapping[str, Any], scale: Any) -> Row:
    interval = (_finite(row["gain_interval"][0]), _finite(row["gain_interval"][1]))
    gain, name = _finite(row["gain"]), f"{row['arm']} − {row['baseline']}"
    tone = gain_tone(interval)
    said = f"{name}: {words.points(gain)} points, {words.interval_points(interval)}"
    picture = interval_track(scale, gain, interval, tone=tone, description=said, zero=True)
    return Row(name, "", picture, words.points(gain), tone=tone)


def _published(study: StudyFiles) -> dict[Any, float]:
    """What papers report, by the row that it stands beside."""
    rows = {_key(row) for row in study.rows}
    found = {(c["series"], c["arm"], c["point"]): float(c["value"]) for c in study.stored.get("published") or ()}
    return {key: value for key, value in found.items() if key in rows}


def _key(row: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return row.get("series"), row.get("arm"), row.get("point")


def _numbers(values: Sequence[Any]) -> list[float]:
    return [_finite(value) for value in values]


def _finite(value: Any) -> float:
    """A stored number; JSON holds what is not finite as null."""
    return float("nan") if value is None else float(value)


def _plain(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        between = " to " if len(value) == 2 and all(isinstance(one, int | float) for one in value) else ", "
        return between.join(map(_plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    if isinstance(value, float):
        return "–" if not math.isfinite(value) else f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
