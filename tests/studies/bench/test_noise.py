"""``menura study noise``: levels, sources, and that nothing unseen is learned from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from menura.audio import clip_id, decode, encode
from menura.cli.main import app
from menura.config import RunSettings
from menura.datasets.dataset import Dataset, TrainingPart
from menura.errors import ConfigError, DatasetError
from menura.generate.mixing import sounding_level
from menura.seeding import item_generator
from menura.studies.bench import noise_job
from menura.studies.bench.in_noise import Noise, draw_noise, in_noise
from menura.studies.bench.noise import NoiseSettings, measure_noise
from menura.studies.bench.noise_job import train_sources
from menura.types import Clip, Recording

RATE = 8000


@pytest.fixture(scope="module")
def hisses(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two labels of noise in two folds."""
    folder = tmp_path_factory.mktemp("hisses")
    clips = []
    for fold in "12":
        for label, slope in (("white", 0.0), ("brown", 0.95)):
            for number in range(3):
                drawn = item_generator(0, fold, label, number).standard_normal(RATE // 2)
                for i in range(1, len(drawn)):
                    drawn[i] += slope * drawn[i - 1]
                path = folder / label / f"{fold}-{number}.flac"
                path.parent.mkdir(exist_ok=True)
                encode(Recording((0.1 * drawn / drawn.std())[None].astype(np.float32), RATE), path, subtype="PCM_16")
                found = decode(path)
                clips.append(Clip(clip_id(found), str(path), (label,), found.duration_s, RATE, fold=fold))
    return Dataset("hisses", tuple(clips), root=str(folder))


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Three labels that are easy to tell apart without noise, in two folds."""
    folder = tmp_path_factory.mktemp("words")
    clips = []
    for fold in "12":
        for label, pitch_hz in (("a", 400), ("b", 900), ("c", 1900)):
            for number in range(8):
                pitch = pitch_hz * np.exp(0.05 * item_generator(0, fold, label, number).normal())
                wave = 0.3 * np.sin(2 * np.pi * pitch * np.arange(RATE // 4) / RATE)
                path = folder / label / f"{fold}-{number}.flac"
                path.parent.mkdir(exist_ok=True)
                encode(Recording(wave[None].astype(np.float32), RATE), path, subtype="PCM_16")
                found = decode(path)
                clips.append(Clip(clip_id(found), str(path), (label,), found.duration_s, RATE, fold=fold))
    return Dataset("words", tuple(clips), root=str(folder))


def tone() -> Recording:
    return Recording((0.3 * np.sin(np.arange(RATE) * 0.4))[None].astype(np.float32), RATE)


@given(snr_db=st.floats(-5, 30), start=st.floats(0, 0.99), flipped=st.booleans(), white=st.booleans())
def test_the_level_is_the_one_that_was_asked_for(snr_db: float, start: float, flipped: bool, white: bool) -> None:
    noise = Recording((0.02 * item_generator(1, "n").standard_normal((1, RATE * 2))).astype(np.float32), RATE)
    asked = Noise(None if white else "n", start, flipped, snr_db)
    heard = in_noise(tone(), asked, lambda _: noise, seed=0, key="k")
    assert heard.waveform.shape == tone().waveform.shape
    clean = tone().waveform
    scale = float((heard.waveform * clean).sum() / (clean * clean).sum())
    left = heard.waveform / scale - clean
    measured = 20 * np.log10(sounding_level(clean, RATE) / sounding_level(left, RATE))
    assert measured == pytest.approx(snr_db, abs=0.5)  # the tone and the noise are not quite orthogonal
    assert np.abs(heard.waveform).max() <= 1


def test_start_polarity_and_level_do_not_depend_on_the_sources() -> None:
    one, other = (draw_noise(sources, (3, 30), seed=1, key=("a", 1)) for sources in (("x",), ("x", "y", "z", None)))
    assert replace(one, source=None) == replace(other, source=None)
    assert 3 <= one.snr_db <= 30


def test_real_and_made_noises_are_drawn_equally_often_whatever_their_number() -> None:
    sources = train_sources(["r1", "r2"], [f"s{i}" for i in range(6)])
    both = sources["real+synthetic"]
    assert sum(str(one).startswith("r") for one in both) == sum(str(one).startswith("s") for one in both)
    assert sources["none"] == ()
    assert sources["white"] == (None,)


def settings(**more: object) -> NoiseSettings:
    values = {
        "arms": ("none", "white", "real", "synthetic"), "snrs_db": (0.0,), "seeds": 1, "copies": 2, "real_per_label": 6,
        "train_snr_db": (-3.0, 10.0),
    } | more  # fmt: skip
    return NoiseSettings(RunSettings(judge={"encoder": "acoustic"}), **values)  # type: ignore[arg-type]


def test_training_in_noise_helps_in_noise_and_nothing_unseen_is_learned_from(
    words: Dataset,
    hisses: Dataset,
    copying_runs: Callable[..., object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Clip] = []

    def watched(training: TrainingPart, out: Path, run: RunSettings) -> object:
        seen.extend(training.clips)
        return copying_runs(training, out, run)

    study = measure_noise(words, hisses, settings(), tmp_path, workers=1, make_run=watched)
    assert {clip.fold for clip in seen} == {"1"}
    tables = {(place.series, place.point): table for place, table in study.tables.items()}
    assert list(tables) == [("", "clean"), ("fixed noises", "0"), ("unseen noises", "0")]
    assert tables["unseen noises", "0"].mean("real") > tables["unseen noises", "0"].mean("none") + 0.1
    assert tables["", "clean"].mean("none") > tables["unseen noises", "0"].mean("none")

    monkeypatch.setattr(noise_job, "_train_arm", lambda *unused: pytest.fail("a finished arm was trained again"))
    again = measure_noise(words, hisses, settings(), tmp_path, workers=1, make_run=watched)
    assert [table.mean("real") for table in again.tables.values()] == [t.mean("real") for t in study.tables.values()]
    monkeypatch.undo()
    more = settings(snrs_db=(0.0, 20.0))
    assert len(measure_noise(words, hisses, more, tmp_path, workers=1, make_run=watched).tables) == 5


def test_what_cannot_be_is_refused(words: Dataset, hisses: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected none and others"):
        settings(arms=("real", "loud"))
    with pytest.raises(ConfigError, match="rising range"):
        settings(train_snr_db=(30.0, 3.0))
    with pytest.raises(DatasetError, match="no fold '7' to keep unseen"):
        measure_noise(words, hisses, settings(noise_fold="7"), tmp_path, workers=1)


def test_the_command_leaves_a_table_and_plots(tones: Dataset, hisses: Dataset, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app,
        ["study", "noise", str(tones.root), "--noises", str(hisses.root), "-o", str(tmp_path / "s"), "--seeds", "1",
         "--folds", "2", "--test-folds", "1", "--snrs", "5", "--copies", "1", "--real-per-label", "2", "--times", "1",
         "--encoder", "acoustic", "--workers", "1", "--arms", "none,real,synthetic", "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {row["arm"] for row in found["rows"]} == {"none", "real", "synthetic"}
    assert found["noise_clips"]["unseen"] > 0
    assert {row["baseline"] for row in found["rows"]} == {"none"}
    assert (tmp_path / "s" / "noise.svg").is_file()
