"""``menura study low-resource``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from menura.cli.main import app
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.bench.low_resource import low_resource
from menura.studies.settings import EvaluationSettings


def test_the_command_leaves_a_table_plots_and_all_numbers(tones: Dataset, tmp_path: Path) -> None:
    command = [
        "study", "low-resource", str(tones.root), "-o", str(tmp_path / "study"), "--sizes", "6,9", "--seeds", "1",
        "--folds", "2", "--test-folds", "1", "--arms", "real,oversample,synthetic", "--times", "1", "--encoder",
        "acoustic", "--workers", "1", "--json",
    ]  # fmt: skip
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [(row["point"], row["arm"]) for row in found["rows"]] == [
        (point, arm) for point in ("6", "9") for arm in ("real", "oversample", "synthetic")
    ]
    assert [row["clips"] for row in found["rows"] if row["arm"] == "real"] == [6, 9]
    names = {path.name for path in (tmp_path / "study").iterdir() if path.is_file()}
    assert {"low-resource.csv", "low-resource.json", "low-resource.svg"} <= names


def test_sizes_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"sizes are \[9, 6\]"):
        low_resource(EvaluationSettings(), (9, 6))
