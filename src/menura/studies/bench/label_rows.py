"""Every label before and after: its clips, its recall with each arm, and the paired gain, corrected over all labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from menura.metrics.statistics import Interval, holm
from menura.studies.bench.condition import Measured
from menura.studies.cells import read_json, unit_path
from menura.studies.summary import Table
from menura.studies.verdict import ALPHA, points, span

__all__ = ["LabelRow", "label_rows", "training_counts"]

_UNKNOWN = float("nan")


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label. Rates and differences are fractions; nothing is left out.

    Attributes:
        label: Which.
        clips: Real training clips, mean over folds and seeds.
        made: Synthetic clips that joined them, likewise.
        real: Recall with the real clips as they are.
        baseline: Recall with the best arm of real clips alone.
        synthetic: Recall with the arm that is looked at; these are NaN for a label without a test clip.
        gain, interval, p: Of ``synthetic`` over ``baseline``, paired by fold and seed.
        p_corrected: After Holm over all labels with test clips.
    """

    label: str
    clips: float
    made: float
    real: float
    baseline: float
    synthetic: float
    gain: float
    interval: Interval
    p: float
    p_corrected: float

    @property
    def outcome(self) -> str:
        """``up``, ``down``, ``open`` (cannot be told), or ``no test clip``."""
        if np.isnan(self.gain):
            return "no test clip"
        low, high = self.interval
        sure = self.p_corrected < ALPHA and not low <= 0 <= high
        return ("up" if self.gain > 0 else "down") if sure else "open"

    def shown(self) -> dict[str, object]:
        """Column to what is printed."""
        known = not np.isnan(self.gain)
        rates = {"real": self.real, "best of real": self.baseline, "synthetic": self.synthetic}
        return {
            "label": self.label, "clips": f"{self.clips:.0f}", "made": f"{self.made:.0f}",
            **{name: f"{100 * value:.0f}" if known else "" for name, value in rates.items()},
            "gain (95 %)": f"{points(self.gain)} ({span(self.interval)})" if known else "",
            "corrected": f"{self.p_corrected:.2g}" if known else "", "outcome": self.outcome,
        }  # fmt: skip


def label_rows(one: Measured, arm: str) -> tuple[LabelRow, ...]:
    """All labels, the largest first.

    Args:
        one: A condition.
        arm: The arm with synthetic clips that is looked at.
    """
    table, clips, made = one.table, training_counts(one, "real"), training_counts(one, "synthetic")
    rows = [
        _row(table, arm, column, clips.get(label, 0.0), made.get(label, 0.0))
        for column, label in enumerate(table.labels)
    ]
    tested = [number for number, row in enumerate(rows) if not np.isnan(row.gain)]
    corrected = dict(zip(tested, holm([rows[number].p for number in tested]), strict=True))
    rows = [replace(row, p_corrected=corrected.get(number, 1.0)) for number, row in enumerate(rows)]
    return tuple(sorted(rows, key=lambda row: (-row.clips, row.label)))


def training_counts(one: Measured, family: str) -> Mapping[str, float]:
    """Label to its training clips of an origin, mean over folds and seeds."""
    counts: dict[str, float] = defaultdict(float)
    units: Sequence[object] = one.study.units
    for split, seed in one.study.units:
        unit = read_json(unit_path(one.study.folder, split.name, seed)) or {}
        for label, number in unit.get(family, {}).items():
            counts[label] += number / len(units)
    return counts


def _row(table: Table, arm: str, column: int, clips: float, made: float) -> LabelRow:
    label, best = table.labels[column], table.best_baseline
    found = {name: table.recalls(name)[..., column] for name in (arm, best, "real" if "real" in table.cells else best)}
    if not np.isfinite(found[arm]).any():
        return LabelRow(label, clips, made, _UNKNOWN, _UNKNOWN, _UNKNOWN, _UNKNOWN, (_UNKNOWN,) * 2, 1.0, 1.0)
    means = {name: float(np.nanmean(values)) for name, values in found.items()}
    gain = table.recall_gain(arm, best, column)
    return LabelRow(
        label, clips, made, means.get("real", means[best]), means[best], means[arm], means[arm] - means[best],
        gain.interval, gain.p, 1.0,
    )  # fmt: skip
