"""What the noise study found, in rows and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from menura.datasets.dataset import Dataset
from menura.studies.bench.noise import FIXED, MADE, NoiseStudy
from menura.studies.bench.report import StudyReport
from menura.studies.bench.rows import ArmRow, arm_row, corrected
from menura.studies.conclude import library_versions, statistics_of
from menura.studies.verdict import METRIC_NAMES, p_text, points, span

__all__ = ["noise_report"]


def noise_report(dataset: Dataset, noises: Dataset, study: NoiseStudy) -> StudyReport:
    """Rows by place and arm, each against training without noise; the p-values of made noise are corrected together."""
    rows = corrected(
        [
            arm_row(place.series, place.point, table, arm, "none")
            for place, table in study.tables.items()
            for arm in study.settings.arms
        ],
        MADE,
    )
    first = next(iter(study.tables.values()))
    return StudyReport(
        "noise", "Does a recogniser stand noise better when it was trained with synthetic noise?", "SNR (dB)",
        first.metric, rows,
        notes=(
            *_over_real(study), *_in_words(rows, first.metric),
            f"{FIXED} are the very clips that the arm 'real' learned with: it has an advantage there",
            *study.warnings,
        ),
        about={
            "dataset": dataset.name, "noises": noises.name, "noise_clips": dict(study.noises),
            "metric": first.metric, "folds": [split.name for split in first.splits], "folds_from": study.how,
            **statistics_of(first), "seeds": study.settings.seeds, "classifier": study.settings.classifier,
            "steps": study.settings.steps,
            "settings": study.settings.identity(), "versions": library_versions(),
        },
    )  # fmt: skip


def _over_real(study: NoiseStudy) -> list[str]:
    """Synthetic noise against real noise, where both were trained with; no verdict rests on it."""
    if not {"real", "synthetic"} <= set(study.settings.arms):
        return []
    found = []
    for place, table in study.tables.items():
        gain, interval = table.mean("synthetic") - table.mean("real"), table.gain_interval("synthetic", "real")
        where = " ".join(part for part in (place.series, place.point) if part)
        found.append(f"{where}: synthetic over real noise {points(gain)} points (95 % interval {span(interval)})")
    return found


def _in_words(rows: Sequence[ArmRow], metric: str) -> list[str]:
    """Where noise that was made helps beyond luck over no noise at all."""
    sure = [
        f"{row.arm} at {row.point} dB of {row.series} {points(row.gain)} ({p_text(row.p_corrected or 1.0)} corrected)"
        for row in rows
        if row.p_corrected is not None and row.p_corrected < 0.05 and row.gain_interval[0] > 0
    ]
    if not sure:
        return [
            f"no arm with synthetic noise has a higher {METRIC_NAMES[metric]} than training without noise, beyond luck"
        ]
    return [f"over training without noise, beyond luck: {'; '.join(sure)}"]
