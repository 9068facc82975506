"""``menura study`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from menura.audio import encode
from menura.cli import probes
from menura.cli.main import app
from menura.errors import ConfigError, DatasetError
from menura.studies.downstream import TASKS
from menura.types import Recording


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two labels that anything can tell apart, in three folds."""
    folder = tmp_path_factory.mktemp("sounds")
    generator = np.random.default_rng(0)
    rows = ["path,label,fold"]
    for number in range(18):
        noise = generator.standard_normal(1600)
        waveform = noise if number % 2 else np.cumsum(noise) / 40
        encode(Recording(0.1 * waveform[None].astype(np.float32), 8000), folder / f"{number}.wav", subtype="PCM_16")
        rows.append(f"{number}.wav,{'brown' if number % 2 == 0 else 'white'},{1 + number // 2 % 3}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder


def run(*args: str) -> Result:
    found = CliRunner(env={"COLUMNS": "160"}).invoke(app, ["study", *args], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found


def test_a_folder_of_sounds_ends_in_a_table_and_in_one_json_object(sounds: Path, tmp_path: Path) -> None:
    asked = ["probe", str(sounds), "-o", str(tmp_path), "--probe", "logistic", "--probe", "knn", "--workers", "1"]
    answer = run(*asked, "--per-label", "1,all", "--seeds", "2", "--json")
    values = json.loads(answer.stdout)
    assert values == json.loads((tmp_path / "probe.json").read_text())
    assert [(row["probe"], row["per_label"]) for row in values["rows"]] == [
        ("logistic", 1), ("logistic", None), ("knn", 1), ("knn", None),
    ]  # fmt: skip
    assert all(row["value"] == 1.0 for row in values["rows"] if row["per_label"] is None)
    assert "probing" in answer.stderr
    shown = run(*asked).stdout
    for text in ("3 official folds, the next one validates", "2 labels, 18 test clips", "knn", "100.0", str(tmp_path)):
        assert text in shown


def test_gains_stand_beside_the_encoders(sounds: Path, tmp_path: Path) -> None:
    shown = run(
        "probe", str(sounds), "-o", str(tmp_path), "--encoder", "acoustic", "--encoder", "acoustic+acoustic",
        "--workers", "1", "--no-standardise", "--probe", "knn", "--task", "catmeows",
    ).stdout  # fmt: skip
    assert "acoustic+acoustic" in shown
    assert "+0.0 to +0.0" in shown
    assert "warning: " in shown
    assert "2 labels instead of 3 and 18 clips instead of 440" in shown


def test_a_missing_task_is_one_line_with_the_command_that_gets_it(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENURA_CACHE", str(tmp_path))
    monkeypatch.delenv("MENURA_DATASETS", raising=False)
    with pytest.raises(DatasetError, match="menura datasets get libricount"):
        run("probe", "libricount", "-o", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_tasks_are_listed() -> None:
    found = json.loads(run("tasks", "--json").stdout)
    assert [task["name"] for task in found["tasks"]] == list(TASKS)
    assert "vivae" in run("tasks").stdout


def test_amounts_are_numbers_or_all() -> None:
    assert probes.amounts(["1, 5", "all"]) == (1, 5, None)
    for wrong in ("0", "five", "-1", ","):
        with pytest.raises(ConfigError, match="expected numbers from 1 or all"):
            probes.amounts([wrong])


def test_a_stop_says_how_to_go_on(sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("menura.studies.probe.probe_encoders", stop)
    found = CliRunner().invoke(app, ["study", "probe", str(sounds), "-o", str(tmp_path)])
    assert found.exit_code == 130
    assert "run the same command again to go on" in found.stderr
