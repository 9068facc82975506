"""What probes found: the records behind ``probe.json``, ``probe.csv`` and the table on screen."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from menura.formats import PROBES
from menura.metrics.resampling import TestFold, interval_of, source_draws
from menura.metrics.statistics import Interval, mean_interval
from menura.studies.probe_cells import PROBE_METRICS
from menura.studies.summary import FOLDS_NEEDED

__all__ = ["ProbeResult", "ProbeRow", "encoder_intervals"]


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One encoder under one probe with one amount of clips. Rates are fractions in [0, 1].

    Attributes:
        probe: Name of the probe.
        per_label: Training clips of each label; None is all of them.
        encoder: The encoder, as it was named.
        value: Mean of the metric that decides, over folds and seeds.
        interval: Its 95 % interval.
        gain: Mean difference to the first encoder, on the same clips; 0 for the first one.
        gain_interval: Its 95 % interval.
        scores: Mean of every metric.
        values: The metric that decides, ``[folds][seeds]``.
        chosen: What was chosen on validation, ``[folds][seeds]``.
        clips, validation_clips: Mean number of clips that were learned from, and chosen on.
    """

    probe: str
    per_label: int | None
    encoder: str
    value: float
    interval: Interval
    gain: float
    gain_interval: Interval
    scores: Mapping[str, float]
    values: tuple[tuple[float, ...], ...]
    chosen: tuple[tuple[str, ...], ...]
    clips: float
    validation_clips: float


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """All rows, and how they came about.

    Attributes:
        dataset: Name of the dataset.
        task: Name of the downstream task; None without one.
        metric: Metric that decides: ``accuracy``, ``uar`` or ``mean_average_precision``.
        rows: By probe, amount and encoder, in the order that was asked for.
        protocol: Folds, parts, seeds, number of clips, how intervals were made.
        findings: What is to be said about the data.
        versions: Package versions and the machine.
        wall_s: Wall time in seconds; what was on disk already took none.
    """

    dataset: str
    task: str | None
    metric: str
    rows: tuple[ProbeRow, ...]
    protocol: Mapping[str, Any]
    findings: tuple[Mapping[str, Any], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    wall_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"format": PROBES.current, **json.loads(json.dumps(asdict(self)))}

    def to_csv(self) -> str:
        """One line for each row; per cents are fractions here as well."""
        sink = io.StringIO()
        fixed = ("dataset", "task", "probe", "per_label", "encoder", "metric", "value", "low", "high")
        names = (*fixed, "gain", "gain_low", "gain_high", *PROBE_METRICS, "clips", "validation_clips", "folds", "seeds")
        table = csv.DictWriter(sink, names, lineterminator="\n")
        table.writeheader()
        for row in self.rows:
            numbers = {
                "value": row.value, "low": row.interval[0], "high": row.interval[1], "gain": row.gain,
                "gain_low": row.gain_interval[0], "gain_high": row.gain_interval[1], **row.scores,
            }  # fmt: skip
            table.writerow(
                {
                    "dataset": self.dataset, "task": self.task or "", "probe": row.probe,
                    "per_label": "all" if row.per_label is None else row.per_label, "encoder": row.encoder,
                    "metric": self.metric, **{name: f"{number:.6f}" for name, number in numbers.items()},
                    "clips": f"{row.clips:g}", "validation_clips": f"{row.validation_clips:g}",
                    "folds": len(row.values), "seeds": len(row.values[0]),
                }
            )  # fmt: skip
        return sink.getvalue()


def encoder_intervals(
    metric: str, values: Sequence[NDArray[np.float64]], folds: Sequence[Sequence[TestFold]]
) -> tuple[list[Interval], list[Interval]]:
    """95 % intervals of each encoder and of its difference to the first one.

    From three folds on, folds and seeds are drawn again. With fewer, folds cannot stand for other clips, and the
    sources of the test clips are drawn instead.

    Args:
        metric: Metric that decides.
        values: For each encoder ``[folds, seeds]``.
        folds: For each encoder its predictions, fold by fold, of the same clips and seeds.
    """
    if len(values[0]) >= FOLDS_NEEDED:
        return [mean_interval(each) for each in values], [mean_interval(each - values[0]) for each in values]
    draws = source_draws(metric, folds)
    return [interval_of(each) for each in draws], [interval_of(each - draws[0]) for each in draws]
