"""What a study found: rows, the numbers of the papers beside them, and what they say in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from menura.classify.results import Difference
from menura.studies.arm_table import SYNTHETIC_ARMS
from menura.studies.bench.condition import Measured
from menura.studies.bench.rows import ArmRow, arm_rows
from menura.studies.bench.tables import PublishedCell
from menura.studies.conclude import library_versions, statistics_of, test_fingerprint
from menura.studies.doses import dose_of
from menura.studies.verdict import METRIC_NAMES, compared, p_text, points, span

__all__ = ["Shown", "StudyReport", "report_of"]


class Shown(Protocol):
    """A record of a further table: a frozen dataclass that says how it is printed."""

    def shown(self) -> Mapping[str, object]:
        """Column to what stands there."""
        ...


@dataclass(frozen=True, slots=True)
class StudyReport:
    """Everything that the table, the plots, the files and the page of a study need.

    Attributes:
        study: Name of the command.
        question: What it asks, in one sentence.
        axis: What the points are, for the plot.
        metric: The metric that decides.
        rows: One for each arm of each condition.
        published: Numbers of papers that stand beside them.
        notes: What the numbers say and do not say.
        about: Dataset, protocol, settings and versions.
        more: Further tables: name to records, which say themselves how they are shown.
    """

    study: str
    question: str
    axis: str
    metric: str
    rows: tuple[ArmRow, ...]
    published: tuple[PublishedCell, ...] = ()
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Sequence[Shown]] = field(default_factory=dict)


def report_of(
    study: str,
    measured: Sequence[Measured],
    *,
    question: str,
    axis: str,
    baseline: str | None = None,
    of: Measured | None = None,
    published: Sequence[PublishedCell] = (),
    notes: Sequence[str] = (),
    more: Mapping[str, Sequence[Shown]] | None = None,
) -> StudyReport:
    """The report of measured conditions.

    Args:
        study: Name of the command.
        measured: Conditions and their cells.
        question, axis: See :class:`StudyReport`.
        baseline, of: See :func:`menura.studies.bench.rows.arm_rows`.
        published: Numbers of papers.
        notes: What else is to be said, after what follows from the rows.
        more: Further tables; an empty one is left out.
    """
    first = measured[0]
    rows = arm_rows(measured, baseline=baseline, of=of)
    metric = first.table.metric
    found = [*_said(rows, metric), *notes, *dict.fromkeys(f.message for one in measured for f in one.study.findings)]
    if first.table.by_source:
        found.append("with one or two folds intervals come from drawing test sources: other folds may differ more")
    if published:
        found.append(
            "published numbers come from other classifiers, other clips and no intervals: compare their order, not "
            "their height"
        )
    return StudyReport(
        study, question, axis, metric, rows, tuple(published), tuple(found), about=_about(measured, metric),
        more={name: tuple(records) for name, records in (more or {}).items() if records},
    )  # fmt: skip


def _about(measured: Sequence[Measured], metric: str) -> dict[str, Any]:
    study = measured[0].study
    return {
        "dataset": study.dataset.name,
        "metric": metric,
        "folds": [split.name for split in study.splits],
        "folds_from": study.how,
        "test_clips": sum(len(split.test) for split in study.splits),
        "test_fingerprint": test_fingerprint(study.splits),
        **statistics_of(measured[0].table),
        "seeds": max(one.study.settings.seeds for one in measured),
        "classifier": study.settings.classifier,
        "steps": study.settings.steps,
        "conditions": {one.condition.folder: one.study.settings.model_dump(mode="json") for one in measured},
        "versions": library_versions(),
    }


def _said(rows: Sequence[ArmRow], metric: str) -> list[str]:
    """One sentence for each condition: its best arm with synthetic clips against its baseline."""
    found = []
    for key in dict.fromkeys((row.series, row.point) for row in rows):
        made = [
            row
            for row in rows
            if (row.series, row.point) == key and dose_of(row.arm)[0] in SYNTHETIC_ARMS and row.arm != row.baseline
        ]
        if made:
            best = max(made, key=lambda row: row.value)
            found.append(f"{' '.join(part for part in key if part)}: {_sentence(best, metric)}")
    return found


def _sentence(row: ArmRow, metric: str) -> str:
    difference = Difference(row.arm, row.baseline, row.gain, row.gain_interval, row.p, row.p_corrected)
    words = compared(difference)
    told = p_text(row.p if row.p_corrected is None else row.p_corrected)
    return (
        f"{row.arm} reaches {100 * row.value:.1f} % {METRIC_NAMES[metric]}, {points(row.gain)} points over "
        f"{row.baseline!r} (95 % interval {span(row.gain_interval)}, {told} corrected), {words}"
    )
