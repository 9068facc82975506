"""``menura study transfer``: labels chosen on validation, tested once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.studies.conftest import fake_runs, tone

from menura.config import JudgeSettings, RunSettings
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.bench.condition import Condition, measure
from menura.studies.bench.transfer import ARMS, transfer, transfer_report
from menura.studies.cells import read_json, served_path
from menura.studies.settings import EvaluationSettings
from menura.types import Recording


def test_the_command_tells_every_label_and_compares_with_all(study: Callable[..., dict[str, Any]]) -> None:
    found = study("transfer", "--times", "1", "--real-per-label", "4")
    assert [row["arm"] for row in found["rows"]] == list(ARMS)
    assert {row["label"] for row in found["by-label"]} == {"low", "mid", "high"}
    (chosen,) = found["chosen-or-all"]
    assert (chosen["name"], chosen["than"]) == ("synthetic-chosen", "synthetic")
    assert {"transfer.svg", "transfer-labels.svg", "transfer-by-label.csv"} <= found["files"]


def test_clips_of_labels_that_they_harm_are_left_out(tones: Dataset, tmp_path: Path) -> None:
    """Synthetic clips of `low` sound like `high`; those of the others are good."""

    def make(parent: Any, generator: np.random.Generator) -> Recording:
        return tone("high" if parent.labels[0] == "low" else parent.labels[0], generator)

    run = RunSettings(judge=JudgeSettings(encoder="acoustic"))
    (plan,) = transfer(EvaluationSettings(arms=ARMS, seeds=1, real_per_label=6, run=run))
    condition = Condition(plan.point, plan.settings, make_run=fake_runs(make, times=4))
    (one,) = measure(tones, [condition], tmp_path, workers=1, test_folds=("1",))
    served = {entry["label"]: entry["chosen"] for entry in read_json(served_path(one.study.folder, "1", 0))["labels"]}  # type: ignore[index]
    assert served["low"] is False
    (cell,) = one.table.cells["synthetic-chosen"][0]
    assert cell.clips == {"real": 18, **({"synthetic": 24 * sum(served.values())} if any(served.values()) else {})}
    assert one.table.mean("synthetic-chosen") > one.table.mean("synthetic")
    report = transfer_report(tones, [one])
    low = next(row for row in report.more["by-label"] if row.shown()["label"] == "low")
    assert low.shown()["used"] == "0 %"


def test_both_arms_have_to_be_there() -> None:
    with pytest.raises(ConfigError, match="name both"):
        transfer(EvaluationSettings())
