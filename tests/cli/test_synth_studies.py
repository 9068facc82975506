import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from menura.audio import encode
from menura.cli.main import app
from menura.errors import ConfigError, DatasetError
from menura.types import Recording

RATE = 8000
SMALL = ("--count", "10", "--duration-s", "0.2", "--voices", "voice,scene")


def run(*args: str) -> str:
    found = CliRunner().invoke(app, ["study", *args], catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout


def study(*args: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*args, "--json"))
    for file in map(Path, found["files"]):
        assert file.stat().st_size > 0
    stored = json.loads(next(Path(file) for file in found["files"] if file.endswith(".json")).read_text())
    assert stored == {key: value for key, value in found.items() if key != "files"}
    return found


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as source:
        return list(csv.DictReader(source))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    for number in range(24):
        generator = np.random.default_rng(number)
        noise = generator.normal(0, 0.1, RATE // 2)
        waveform = np.convolve(noise, np.ones(6) / 6, "same") if number % 2 else noise
        path = folder / ("rumble" if number % 2 else "hiss") / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        encode(Recording(waveform[None].astype(np.float32), RATE), path, container="WAV")
    return folder


def test_pair_similarity_writes_curves_a_map_and_every_pair(tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = study("pair-similarity", "-o", str(out), *SMALL, "--sample-rate", "8000", "--deltas", "0.01,0.5")
    assert [(row["voice"], row["delta"]) for row in found["rows"]] == [
        ("voice", 0.01), ("voice", 0.5), ("scene", 0.01), ("scene", 0.5),
    ]  # fmt: skip
    assert {path.name for path in out.iterdir()} == {
        "pair-similarity.svg", "pair-similarity-map.svg", "pair-similarity.csv", "pair-similarity-sounds.csv",
        "pair-similarity.json", "pair-similarity.html",
    }  # fmt: skip
    pairs = cells(out / "pair-similarity-sounds.csv")
    assert len(pairs) == sum(row["pairs"] for row in found["rows"])
    assert float(cells(out / "pair-similarity.csv")[0]["interval_low"]) == found["rows"][0]["interval"][0]


def test_spectra_compares_real_dense_and_synthetic_sets(data: Path, tmp_path: Path) -> None:
    found = study("spectra", str(data), "-o", str(tmp_path / "out"), *SMALL)
    assert list(found["mean_distances"]) == ["real", "real, other half", "real, dense", "voice", "scene"]
    assert found["mean_distances"]["voice"] > found["mean_distances"]["real, other half"]
    assert len(cells(tmp_path / "out" / "spectra-sounds.csv")) == 50


def test_uncertainty_says_how_good_the_tagger_is(data: Path, tmp_path: Path) -> None:
    found = study("uncertainty", str(data), "-o", str(tmp_path / "out"), *SMALL)
    assert [row["name"] for row in found["rows"]] == ["real", "real, dense", "voice", "scene"]
    assert found["accuracy"] == 1.0
    assert found["rows"][0]["bits"] < min(row["bits"] for row in found["rows"][2:])


def test_distance_shows_the_floor_first_and_prints_what_it_wrote(data: Path, tmp_path: Path) -> None:
    args = ("distance", str(data), "-o", str(tmp_path / "out"), *SMALL, "--deltas", "0")
    found = study(*args)
    assert [row["name"] for row in found["rows"]] == ["real, other half", "real, dense", "voice", "scene"]
    assert found["rows"][0]["kernel"] < found["rows"][2]["kernel_interval"][0]
    shown = run(*args)
    assert "note: Fréchet distances of 10 sounds" in shown
    assert "distance.svg" in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--deltas", "much"), "--deltas is 'much', expected numbers"),
        (("--deltas", "0.1,0.1"), "--deltas is '0.1,0.1', expected at least one entry and none twice"),
        (("--deltas", "-1"), "expected numbers from 0 to 1"),
        (("--voices", "choir"), "no voice 'choir'"),
        (("--voices", ","), "--voices is ',', expected at least one"),
        (("--count", "3"), "expected at least 8 sounds"),
    ],
)
def test_options_that_mean_nothing_are_refused_before_anything_is_written(
    options: tuple[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        run("pair-similarity", "-o", str(tmp_path / "out"), *options)
    assert not (tmp_path / "out").exists()


def test_data_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere"):
        run("distance", str(tmp_path / "nowhere"), "-o", str(tmp_path / "out"))
