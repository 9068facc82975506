"""``menura score`` on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from menura.audio import encode
from menura.cli.main import app
from menura.errors import ConfigError
from menura.types import Recording

RATE = 8000


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    folders = tmp_path / "real", tmp_path / "made"
    for place, folder in enumerate(folders):
        for number in range(16):
            noise = np.random.default_rng(100 * place + number).normal(0, 0.1, RATE // 4)
            path = folder / "hiss" / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            waveform = np.convolve(noise, np.ones(1 + 5 * place) / (1 + 5 * place), "same")
            encode(Recording(waveform[None].astype(np.float32), RATE), path, container="WAV")
    return folders


def run(*args: str) -> str:
    found = CliRunner().invoke(app, ["score", *args, "--workers", "1"], catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout


def test_it_writes_numbers_tables_and_plots(sets: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = json.loads(run(*map(str, sets), "-o", str(out), "--per-label", "--json"))
    assert {path.name for path in out.iterdir()} == {
        "score.json", "score.csv", "score-descriptors.csv", "score-nearest.csv", "score-descriptors.svg",
        "score-effects.svg", "score-labels.svg",
    }  # fmt: skip
    assert {Path(file) for file in found["files"]} == set(out.iterdir())
    stored = json.loads((out / "score.json").read_text())
    assert stored == {key: value for key, value in found.items() if key != "files"}
    with (out / "score.csv").open(newline="") as source:
        rows = list(csv.DictReader(source))
    assert (rows[0]["measure"], float(rows[0]["value"])) == ("KAD", found["rows"][0]["value"])
    assert float(rows[0]["interval_low"]) == found["rows"][0]["interval"][0]
    assert (out / "score-effects.svg").read_text().count("centroid") == 1


def test_the_screen_says_what_each_figure_stands_beside(sets: tuple[Path, Path]) -> None:
    shown = run(*map(str, sets), "--metrics", "kad,overlap,descriptors,copies")
    assert "floor: one half of A" in shown
    assert "coverage" in shown
    assert "Cliff's" in shown
    assert "copies of A: 0 of 16" in shown
    assert "FAD" not in shown


def test_a_lone_dataset_and_an_unknown_domain_are_refused(sets: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError, match="give two sets of clips, or one run"):
        run(str(sets[0]))
    with pytest.raises(ConfigError, match="domain is 'sea', expected one of environment"):
        run(*map(str, sets), "--domain", "sea")
