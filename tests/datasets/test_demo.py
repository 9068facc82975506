"""The demo dataset: seeded, whole, and neither silent nor solved by a trivial cue."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from menura.audio import decode, rms_dbfs
from menura.datasets import demo as making
from menura.datasets.demo import draw_conditions, make_demo_dataset, record
from menura.datasets.sounds import SOUNDS, coloured_noise, render_sound
from menura.errors import DatasetError
from menura.seeding import item_generator


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo_dataset(tmp_path_factory.mktemp("demo") / "data", clips_per_label=(2, 4), sample_rate=8000)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_manifest_lists_every_clip_of_at_least_eight_labels_in_both_splits(demo: Path) -> None:
    table = rows(demo)
    assert list(table[0]) == ["path", "label", "split", "group", "licence"]
    assert {row["path"] for row in table} == {str(path.relative_to(demo)) for path in demo.rglob("*.flac")}
    assert len(SOUNDS) >= 8
    for split, count in (("train", 2), ("test", 4)):
        labels = [row["label"] for row in table if row["split"] == split]
        assert {label: labels.count(label) for label in SOUNDS} == dict.fromkeys(SOUNDS, count)


def test_no_group_is_on_both_sides_of_the_split(demo: Path) -> None:
    table = rows(demo)
    train, test = ({row["group"] for row in table if row["split"] == split} for split in ("train", "test"))
    assert not train & test
    assert len(test) == 2 * len(SOUNDS)  # two takes of each source


def test_equal_seeds_give_equal_bytes_and_another_seed_gives_other_sounds(tmp_path: Path) -> None:
    first, again = (make_demo_dataset(tmp_path / name, clips_per_label=(1, 1), sample_rate=8000) for name in "ab")
    other = make_demo_dataset(tmp_path / "c", seed=1, clips_per_label=(1, 1), sample_rate=8000)
    assert digests(first) == digests(again)
    shared = set(digests(first).values()) & set(digests(other).values())
    assert shared <= {digests(first)["manifest.csv"]}


def test_a_clip_does_not_depend_on_how_many_others_there_are(demo: Path, tmp_path: Path) -> None:
    fewer = digests(make_demo_dataset(tmp_path / "fewer", clips_per_label=(1, 2), sample_rate=8000))
    sounds = {name: digest for name, digest in fewer.items() if name.endswith(".flac")}
    assert sounds.items() <= digests(demo).items()


def test_clips_last_two_to_three_seconds_and_hold_no_digital_silence(demo: Path) -> None:
    for row in rows(demo):
        clip = decode(demo / row["path"])
        assert 1.99 <= clip.duration_s <= 3.01
        assert float(np.abs(clip.waveform).max()) < 0.99
        zeros = np.flatnonzero(np.diff(np.flatnonzero(clip.waveform[0] != 0)) > 40)
        assert zeros.size == 0, row["path"]


def test_neither_length_nor_level_tells_the_label(tmp_path: Path) -> None:
    folder = make_demo_dataset(tmp_path / "many", clips_per_label=(1, 12), sample_rate=8000)
    clips = [(row["label"], decode(folder / row["path"])) for row in rows(folder) if row["split"] == "test"]
    for measure in (lambda clip: clip.duration_s, lambda clip: rms_dbfs(clip.waveform)):
        values = np.array([[measure(clip) for name, clip in clips if name == label] for label in SOUNDS])
        centres = values[:, ::2].mean(axis=1)
        nearest = np.abs(values[:, 1::2, None] - centres).argmin(axis=2)
        assert float(np.mean(nearest == np.arange(len(SOUNDS))[:, None])) < 0.35  # chance is 0.1


@pytest.mark.parametrize("label", list(SOUNDS))
def test_every_sound_renders_finite_at_any_rate_and_differs_between_sources(label: str) -> None:
    for sample_rate in (8000, 44100):
        first, second = (
            render_sound(label, item_generator(seed, label), duration_s=1.0, sample_rate=sample_rate) for seed in (0, 1)
        )
        assert first.shape == (sample_rate,)
        assert np.isfinite(first).all()
        assert np.abs(first).max() == pytest.approx(1.0)
        assert not np.allclose(first, second)


@pytest.mark.parametrize("noise_db", [-40.0, -20.0])
def test_the_noise_floor_is_where_the_conditions_put_it(noise_db: float) -> None:
    generator = item_generator(0, "noise")
    drawn = draw_conditions(generator, split="test")
    conditions = replace(
        drawn, decay_s=0.2, noise_db=noise_db, noise_tilt_db_per_octave=0.0, hum_db=-40.0, level_dbfs=-30.0
    )
    burst = np.where(np.arange(32000) < 8000, np.sin(np.arange(32000) * 0.4), 0.0)
    heard = record(burst, conditions, generator, sample_rate=16000)
    floor_db = 20 * np.log10(np.std(heard[16000:]))  # 0.5 s after the burst the room is silent
    assert floor_db == pytest.approx(-30.0 + noise_db, abs=0.5)  # the burst's own power


@pytest.mark.parametrize("tilt", [-6.0, 0.0, 3.0])
def test_coloured_noise_has_the_slope_asked_for(tilt: float) -> None:
    power = np.abs(np.fft.rfft(coloured_noise(item_generator(1, "tilt"), 1 << 16, tilt))) ** 2
    octave_db = 10 * np.log10(power[8192:16384].mean() / power[4096:8192].mean())
    assert octave_db == pytest.approx(tilt, abs=0.5)  # 4096 bins: the mean is within 0.1 dB


def test_a_stopped_command_can_be_started_again_and_leaves_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, left = making._write_take, [7]

    def stops(path: Path, *arguments: object) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        write(path, *arguments)

    monkeypatch.setattr(making, "_write_take", stops)
    with pytest.raises(KeyboardInterrupt):
        make_demo_dataset(tmp_path / "a", clips_per_label=(1, 1), sample_rate=8000)
    again, whole = (
        digests(make_demo_dataset(tmp_path / name, clips_per_label=(1, 1), sample_rate=8000)) for name in "ab"
    )
    assert again == whole


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(DatasetError, match="holds no demo dataset; choose another folder"):
        make_demo_dataset(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("arguments", "message"), [
    ({"clips_per_label": (0, 4)}, "at least one"),
    ({"sample_rate": 4000}, "at least 8000 Hz"),
])  # fmt: skip
def test_impossible_arguments_are_refused(tmp_path: Path, arguments: dict, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        make_demo_dataset(tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()
