"""``menura study long-tail``: every label before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from menura.config import AmountSettings, JudgeSettings, RunSettings
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.bench.condition import Condition, measure
from menura.studies.bench.label_rows import label_rows
from menura.studies.bench.long_tail import long_tail
from menura.studies.settings import EvaluationSettings


def test_a_drawn_tail_is_topped_up_and_no_label_is_left_out(
    study: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    found = study("long-tail", "--largest", "8", "--tail-ratio", "4", "--arms", "real,oversample,synthetic")
    labels = found["by-label"]
    assert [row["clips"] for row in labels] == [8, 4, 2]
    assert {row["label"] for row in labels} == {"low", "mid", "high"}
    assert labels[0]["made"] == 0
    assert 0 < labels[1]["made"] <= 4 < 4 + labels[2]["made"] <= 10
    assert {"long-tail.svg", "long-tail-by-label.csv"} <= found["files"]
    assert any("3 labels" in note for note in found["notes"])
    assert "by-label" in (tmp_path / "long-tail" / "long-tail.html").read_text(encoding="utf-8")


def test_gains_of_labels_are_paired_with_the_baseline_and_corrected_over_labels(
    tones: Dataset, helpful_runs: Callable[..., object], tmp_path: Path
) -> None:
    run = RunSettings(judge=JudgeSettings(encoder="acoustic"))
    settings = EvaluationSettings(arms=("real", "oversample", "synthetic"), seeds=1, real_per_label=3, run=run)
    (one,) = measure(tones, [Condition("all", settings, make_run=helpful_runs)], tmp_path, workers=1)  # type: ignore[arg-type]
    rows = {row.label: row for row in label_rows(one, "synthetic")}
    gains = {gain.label: gain for gain in one.table.label_gains({})}
    for label, row in rows.items():
        assert row.gain == pytest.approx(gains[label].gain)
        assert row.interval == pytest.approx(gains[label].interval)
        assert row.p_corrected >= row.p
        assert (row.clips, row.made) == (3, 18)
    unseen = replace(one, table=replace(one.table, labels=(*one.table.labels, "unheard"), cells=_with_a_gap(one.table)))
    last = label_rows(unseen, "synthetic")[-1]
    assert (last.label, last.outcome) == ("unheard", "no test clip")
    assert last.shown()["gain (95 %)"] == ""


def _with_a_gap(table: Any) -> dict[str, Any]:
    return {
        arm: [
            [
                replace(cell, recall=(*cell.recall, None), predictions=tuple((*row, 0.0) for row in cell.predictions))
                for cell in row
            ]
            for row in rows
        ]
        for arm, rows in table.cells.items()
    }


def test_labels_without_a_tail_are_not_topped_up(tones: Dataset) -> None:
    with pytest.raises(ConfigError, match="24 to 24 clips: there is no tail"):
        long_tail(EvaluationSettings(), tones)
    with pytest.raises(ConfigError, match="no tail"):
        long_tail(EvaluationSettings(), tones, largest=10, ratio=1)
    with pytest.raises(ConfigError, match="give both"):
        long_tail(EvaluationSettings(), tones, largest=10)
    with_times = EvaluationSettings(run=RunSettings(amount=AmountSettings(times=1)))
    (even,) = long_tail(with_times, tones)
    assert even.settings.run.amount.times == 1
    few = replace(tones, clips=tuple(clip for clip in tones.clips if "low" not in clip.labels or clip.fold == "1"))
    (natural,) = long_tail(EvaluationSettings(), few)
    assert natural.settings.run.amount.balance
    assert natural.settings.tail_ratio is None
