import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from menura.audio import decode
from menura.cli.main import app
from menura.errors import ConfigError


def run(*args: str) -> str:
    found = CliRunner().invoke(app, ["synth", *args], catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout


def test_pairs_are_written_with_patches_that_render_to_the_same_bytes(tmp_path: Path) -> None:
    found = json.loads(run("draw", "-o", str(tmp_path), "--count", "2", "--delta", "0.1", "--json"))
    names = [Path(file).name for file in found["files"]]
    assert names == ["0000a.wav", "0001a.wav", "0000b.wav", "0001b.wav"]
    run("render", str(tmp_path / "0001b.json"), "-o", str(tmp_path / "again.wav"))
    assert (tmp_path / "again.wav").read_bytes() == (tmp_path / "0001b.wav").read_bytes()


def test_scenes_are_told_in_words(tmp_path: Path) -> None:
    options = ("draw", "-o", str(tmp_path), "--voice", "scene", "--count", "2", "--duration-s", "0.2")
    found = json.loads(run(*options, "--json"))["captions"]
    assert [json.loads((tmp_path / f"000{i}.json").read_text())["caption"] for i in range(2)] == found
    assert f"0001.wav: {found[1]}" in run(*options)


def test_a_patch_renders_at_another_rate_and_length(tmp_path: Path) -> None:
    run("draw", "-o", str(tmp_path), "--count", "1")
    out = tmp_path / "long.wav"
    run("render", str(tmp_path / "0000.json"), "-o", str(out), "--duration-s", "0.5", "--sample-rate", "44100")
    recording = decode(out)
    assert (recording.sample_rate, recording.waveform.shape) == (44_100, (1, 22_050))


def test_a_sweep_goes_away_from_the_sound_step_by_step(tmp_path: Path) -> None:
    run("sweep", "-o", str(tmp_path), "--deltas", "0,0.05,0.5", "--count", "1")
    patches = {
        delta: json.loads((tmp_path / f"0000-delta-{delta}.json").read_text())["parameters"]
        for delta in ("0", "0.05", "0.5")
    }
    sustain = [name for name in patches["0"] if name.endswith("sustain")]
    small, large = (np.mean([abs(patches[delta][n] - patches["0"][n]) for n in sustain]) for delta in ("0.05", "0.5"))
    assert 0 < small < large


def test_parameters_are_listed_with_range_and_purpose() -> None:
    found = json.loads(run("parameters", "voice_fm", "--json"))
    assert len(found["parameters"]) == 130
    assert found["parameters"][0]["name"] == "keyboard_1.pitch"
    assert "keyboard_1.pi" in run("parameters", "voice")


def test_strengths_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--deltas is 'much', expected numbers"):
        run("sweep", "-o", str(tmp_path), "--deltas", "much")
