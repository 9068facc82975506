"""The sweep over delta, as a user would run it."""

import json
from pathlib import Path

import numpy as np
import soundfile
from typer.testing import CliRunner

from menura.cli.main import app


def test_each_delta_is_trained_probed_and_drawn(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    time = np.arange(4000) / 8000
    for label, hz in (("low", 300), ("high", 2000)):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for number in range(6):
            wave = 0.3 * np.sin(2 * np.pi * hz * time) + 0.05 * generator.standard_normal(4000)
            soundfile.write(tmp_path / "sounds" / label / f"{number}.wav", wave, 8000)
    settings = tmp_path / "small.json"
    settings.write_text(json.dumps({"pairs": 2, "widths": [4, 4], "layers": 1, "voice": "voice"}), encoding="utf-8")
    asked = [
        "study", "sweep", str(tmp_path / "sounds"), "-c", str(settings), "--voices", "voice", "--deltas", "0.05,0.5",
        "--steps", "1", "--workers", "0", "--per-label", "2", "--seeds", "1", "--json",
    ]  # fmt: skip
    places = (["out"], ["out"], ["both", "--at-once", "2"])
    runs = [CliRunner().invoke(app, [*asked, "-o", str(tmp_path / out), *more]) for out, *more in places]
    assert [run.exit_code for run in runs] == [0, 0, 0], runs[0].output
    first, again, both = (json.loads(run.stdout) for run in runs)
    assert [row["delta"] for row in first["rows"]] == [0.05, 0.5]
    assert all(0 <= row["value"] <= 1 for row in first["rows"])
    assert first["rows"] == again["rows"] == both["rows"]
    assert (tmp_path / "out" / "sweep.svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert (tmp_path / "out" / "sweep.csv").exists()
