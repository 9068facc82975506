"""Files and table of a grid of evaluations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from menura.cli.study_files import finish

if TYPE_CHECKING:
    from menura.studies.bench.report import StudyReport
    from menura.studies.bench.rows import ArmRow

__all__ = ["point_curves", "write_report"]


def write_report(
    out: Path, report: StudyReport, *, json: bool, figures: Callable[[StudyReport], Mapping[str, str]] | None = None
) -> None:
    """Writes plots, the tables, and all numbers with the published ones; prints the tables or the numbers.

    Args:
        out: Folder of the study.
        report: What it found.
        json: Print the numbers instead of the tables.
        figures: Draws the plots, end of the file name to SVG; None draws curves by point.
    """
    from dataclasses import asdict

    finish(
        out, report.study, (figures or point_curves)(report), report.rows, [],
        about={
            "question": report.question, "axis": report.axis, **report.about,
            "published": [asdict(cell) for cell in report.published],
        },
        notes=report.notes, json=json, shown=_shown(report), more=_more(report),
    )  # fmt: skip


def point_curves(report: StudyReport) -> dict[str, str]:
    """The metric, and the gain over the baseline, by point; a curve for each series and arm."""
    from menura.report.figures import Curve, curves
    from menura.studies.verdict import METRIC_NAMES

    places = list(dict.fromkeys(row.point for row in report.rows))
    name = METRIC_NAMES[report.metric]
    known = {(cell.series, cell.arm, cell.point): cell.value for cell in report.published}
    values, gains = [], []
    for key, rows in _by_curve(report.rows).items():
        by_point = {row.point: row for row in rows}
        found = [by_point.get(point) for point in places]
        label = " ".join(part for part in key if part)
        reference = [known.get((*key, point), float("nan")) for point in places]
        values.append(
            Curve(
                label, [float("nan") if row is None else row.value for row in found],
                [(float("nan"),) * 2 if row is None else row.interval for row in found],
                reference if any(value == value for value in reference) else (),
            )
        )  # fmt: skip
        if any(row.gain or row.p < 1 for row in rows):
            gains.append(
                Curve(
                    label, [float("nan") if row is None else row.gain for row in found],
                    [(float("nan"),) * 2 if row is None else row.gain_interval for row in found],
                )
            )  # fmt: skip
    drawn = {"": curves(values, places, x_label=report.axis, y_label=name, reference="published" if known else "")}
    if gains:
        drawn["-gain"] = curves(gains, places, x_label=report.axis, y_label=f"{name} over the baseline")
    return drawn


def _by_curve(rows: Sequence[ArmRow]) -> dict[tuple[str, str], list[ArmRow]]:
    found: dict[tuple[str, str], list[ArmRow]] = {}
    for row in rows:
        found.setdefault((row.series, row.arm), []).append(row)
    return found


def _shown(report: StudyReport) -> list[dict[str, object]]:
    """The printed table, in percent and points, with the published number where there is one."""
    from menura.studies.verdict import METRIC_NAMES, points, span

    known = {(cell.series, cell.arm, cell.point): cell.value for cell in report.published}
    has_published = any((row.series, row.arm, row.point) in known for row in report.rows)
    has_series = any(row.series for row in report.rows)
    shown: list[dict[str, object]] = []
    for row in report.rows:
        record: dict[str, object] = {"series": row.series} if has_series else {}
        record |= {
            report.axis: row.point, "arm": row.arm, "clips": f"{row.clips:.0f}",
            METRIC_NAMES[report.metric]: f"{100 * row.value:.1f} ({_range(row)})",
            "over": row.baseline if row.arm != row.baseline else "",
            "gain (95 %)": f"{points(row.gain)} ({span(row.gain_interval)})" if row.arm != row.baseline else "",
        }  # fmt: skip
        if has_published:
            published = known.get((row.series, row.arm, row.point))
            record["published"] = "" if published is None else f"{100 * published:.1f}"
        shown.append(record)
    return shown


def _more(report: StudyReport) -> dict[str, tuple[Sequence[Any], Sequence[Mapping[str, object]]]]:
    """Further tables, and what was published for methods that were not measured here, one of them a line."""
    more: dict[str, tuple[Sequence[Any], Sequence[Mapping[str, object]]]] = {
        name: (records, [dict(record.shown()) for record in records]) for name, records in report.more.items()
    }
    ours = {(row.series, row.arm, row.point) for row in report.rows}
    alone = [cell for cell in report.published if (cell.series, cell.arm, cell.point) not in ours]
    if alone:
        points = list(dict.fromkeys(cell.point for cell in alone))
        table: dict[str, dict[str, object]] = {}
        for cell in alone:
            row = table.setdefault(cell.method, {report.axis: cell.method, **dict.fromkeys(points, "")})
            row[cell.point] = f"{100 * cell.value:.1f}"
        more["published only"] = ((), list(table.values()))
    return more


def _range(row: ArmRow) -> str:
    return f"{100 * row.interval[0]:.1f}–{100 * row.interval[1]:.1f}"
