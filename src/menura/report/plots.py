"""Every chart of a run's report as a file of its own: SVG for the eye, CSV for the numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from menura.classify.results import ArmResult, Difference, EvaluationResult
from menura.report.drawings import heat, plane, stacked
from menura.report.embedding_map import place
from menura.report.figures import Curve, IntervalPanel, curves, intervals
from menura.report.material import Embedded, Material, RunFacts
from menura.report.methods import methods_of
from menura.report.results_view import headline_value
from menura.report.words import METRIC_WORDS
from menura.report.written import write_files

__all__ = ["Plot", "csv_text", "plots_of", "write_plots"]


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart and the numbers in it.

    Attributes:
        name: File name without its end.
        svg: The drawing.
        records: A record for each mark.
    """

    name: str
    svg: str
    records: Sequence[Mapping[str, Any]]


def plots_of(material: Material) -> tuple[Plot, ...]:
    """All charts that the material has numbers for, in the order of the page."""
    evaluation, run = material.evaluation, material.run
    return (*(_proof(evaluation) if evaluation else ()), *(_making(run) if run else ()))


def write_plots(folder: Path, material: Material) -> tuple[Path, ...]:
    """Writes every chart as SVG and CSV; with an evaluation, ``methods.txt`` and ``references.bib`` too.

    Raises:
        RunError: A file cannot be written.
    """
    texts: dict[str, str] = {}
    for plot in plots_of(material):
        texts |= {f"{plot.name}.svg": plot.svg, f"{plot.name}.csv": csv_text(plot.records)}
    if material.evaluation is not None:
        texts |= methods_of(material.evaluation.to_json()).files
    return write_files(folder, texts)


def csv_text(records: Sequence[Mapping[str, Any]]) -> str:
    """Records with equal fields as CSV; an interval becomes two columns."""
    flat = [_flat(record) for record in records]
    written = io.StringIO(newline="")
    table = csv.DictWriter(written, list(dict.fromkeys(name for one in flat for name in one)), lineterminator="\n")
    table.writeheader()
    table.writerows(flat)
    return written.getvalue()


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, tuple | list):
            flat |= {f"{name}_low": value[0], f"{name}_high": value[1]}
        else:
            flat[name] = value
    return flat


def _proof(result: EvaluationResult) -> Iterator[Plot]:
    metric = METRIC_WORDS.get(result.metric, result.metric)
    if result.arms:
        values = [headline_value(arm, result.metric) for arm in result.arms]
        panel = IntervalPanel(metric, values, [arm.interval for arm in result.arms])
        yield Plot("arms", intervals([arm.name for arm in result.arms], [panel]), list(map(_arm, result.arms)))
    if result.differences:
        yield _gains("differences", [(f"{d.arm} − {d.baseline}", d) for d in result.differences], metric)
    if result.by_classifier:
        found = [(item["classifier"], Difference(**item["difference"])) for item in result.by_classifier]
        yield _gains("classifiers", found, metric)
    if result.labels_gained:
        yield _labels(result)
    if len(result.dose) > 1:
        yield _dose(result, metric)
    for arm in result.arms:
        if arm.confusion:
            records = [
                {"true": true, "predicted": said, "clips": count}
                for true, row in zip(result.labels, arm.confusion, strict=True)
                for said, count in zip(result.labels, row, strict=True)
            ]
            yield Plot(f"confusion-{arm.name}", heat(result.labels, arm.confusion), records)


def _arm(arm: ArmResult) -> dict[str, Any]:
    return {
        "arm": arm.name, "accuracy": arm.accuracy, "macro_f1": arm.macro_f1, "uar": arm.uar,
        "mean_average_precision": arm.mean_average_precision, "interval": arm.interval, "clips": arm.clips,
    }  # fmt: skip


def _gains(name: str, found: Sequence[tuple[str, Difference]], metric: str) -> Plot:
    panel = IntervalPanel(f"gain in {metric}", [d.gain for _, d in found], [d.interval for _, d in found], floor=0.0)
    records = [
        {"name": title, "arm": d.arm, "baseline": d.baseline, "gain": d.gain, "interval": d.interval, "p": d.p,
         "p_corrected": d.p_corrected}
        for title, d in found
    ]  # fmt: skip
    return Plot(name, intervals([title for title, _ in found], [panel]), records)


def _labels(result: EvaluationResult) -> Plot:
    found = result.labels_gained
    panels = [IntervalPanel("gain in recall", [one.gain for one in found], [one.interval for one in found], floor=0.0)]
    rates = [float("nan") if one.keep_rate is None else one.keep_rate for one in found]
    if any(rate == rate for rate in rates):
        panels.append(IntervalPanel("keep-rate", rates))
    records = [
        {"label": one.label, "gain": one.gain, "interval": one.interval, "keep_rate": one.keep_rate,
         "recall_without": one.real, "recall_with": one.synthetic}
        for one in found
    ]  # fmt: skip
    return Plot("labels", intervals([one.label for one in found], panels), records)


def _dose(result: EvaluationResult, metric: str) -> Plot:
    known = [item for item in result.dose if "times" in item and "value" in item]
    between = [tuple(item.get("interval") or (item["value"],) * 2) for item in known]
    best = [headline_value(arm, result.metric) for arm in result.arms if "synthetic" not in arm.name]
    curve = Curve(
        "with synthetic clips", [item["value"] for item in known], [(low, high) for low, high in between],
        [max(best)] * len(known) if best else (),
    )  # fmt: skip
    svg = curves(
        [curve], [f"{item['times']:g}" for item in known], x_label="synthetic clips for each real one", y_label=metric,
        reference="best arm without synthetic clips" if best else "",
    )  # fmt: skip
    names = ("times", "arm", "clips", "value", "interval", "gain", "gain_interval")
    return Plot("dose", svg, [{name: item[name] for name in names if name in item} for item in known])


def _making(run: RunFacts) -> Iterator[Plot]:
    if run.keep_rows:
        parts = {
            "kept": [row.kept for row in run.keep_rows],
            "passed, not needed": [row.passed - row.kept for row in run.keep_rows],
            "rejected": [row.made - row.passed for row in run.keep_rows],
        }
        records = [
            {"label": row.label, "real": row.real, "asked_for": row.target, "made": row.made, "passed": row.passed,
             "kept": row.kept}
            for row in run.keep_rows
        ]  # fmt: skip
        yield Plot("keep-rates", stacked([row.label for row in run.keep_rows], parts, x_label="clips"), records)
    if run.rejects:
        records = [{"reason": group.reason, "clips": group.count} for group in run.rejects]
        drawn = stacked(
            [group.reason for group in run.rejects], {"rejected": [g.count for g in run.rejects]}, x_label="clips"
        )
        yield Plot("rejects", drawn, records)
    if run.embedded:
        yield _map(run.embedded)


def _map(embedded: Embedded) -> Plot:
    positions, method = place(embedded.vectors)
    records = [
        {"clip": sound.clip_id, "label": sound.label, "origin": sound.origin, "x": float(x), "y": float(y)}
        for sound, (x, y) in zip(embedded.sounds, positions, strict=True)
    ]
    groups = [(sound.label, sound.origin == "synthetic") for sound in embedded.sounds]
    return Plot("map", plane(positions, groups, title=f"{method} of {embedded.encoder}"), records)
