from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from menura.datasets import load
from menura.datasets.local import find_local, remember
from menura.datasets.public import PUBLIC_SETS, recognise
from menura.errors import DatasetError


def _sound(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(number).normal(size=800) * 0.1
    soundfile.write(path, noise, 8000, format="WAV")


def _csv(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _esc(root: Path) -> None:
    names = [("1-10-A-0.wav", 1, 0, "dog", True, "10"), ("2-11-A-1.wav", 2, 1, "frog", False, "11")]
    columns = ("filename", "fold", "target", "category", "esc10", "src_file")
    _csv(root / "meta" / "esc50.csv", [dict(zip(columns, name, strict=True)) for name in names])
    for number, name in enumerate(names):
        _sound(root / "audio" / name[0], number)


def _urbansound8k(root: Path) -> None:
    columns = ("slice_file_name", "fsID", "fold", "class")
    rows = [("7-1-0-0.wav", 7, 3, "siren"), ("8-1-0-0.wav", 8, 4, "drilling")]
    _csv(root / "metadata" / "UrbanSound8K.csv", [dict(zip(columns, row, strict=True)) for row in rows])
    for number, row in enumerate(rows):
        _sound(root / "audio" / f"fold{row[2]}" / row[0], number)


def _fsdd(root: Path) -> None:
    for number, name in enumerate(["0_jackson_0", "0_jackson_7", "1_theo_4"]):
        _sound(root / "recordings" / f"{name}.wav", number)


def _gtzan(root: Path) -> None:
    for number, genre in enumerate(["blues", "rock"]):
        _sound(root / "genres" / genre / f"{genre}.00000.wav", number)


def _speech_commands(root: Path) -> None:
    for number, name in enumerate(["yes/aa_nohash_0.wav", "yes/bb_nohash_0.wav", "no/cc_nohash_1.wav"]):
        _sound(root / name, number)
    _sound(root / "_background_noise_" / "hiss.wav", 9)
    (root / "testing_list.txt").write_text("yes/bb_nohash_0.wav\n")
    (root / "validation_list.txt").write_text("no/cc_nohash_1.wav\n")


MINIATURES = {
    "esc50": (_esc, [("dog", "1", "10", None), ("frog", "2", "11", None)]),
    "esc10": (_esc, [("dog", "1", "10", None)]),
    "urbansound8k": (_urbansound8k, [("siren", "3", "7", None), ("drilling", "4", "8", None)]),
    "fsdd": (_fsdd, [("0", None, "jackson", "test"), ("0", None, "jackson", "train"), ("1", None, "theo", "test")]),
    "gtzan": (_gtzan, [("blues", None, None, None), ("rock", None, None, None)]),
    "speech_commands": (
        _speech_commands,
        [("no", None, "cc", "validation"), ("yes", None, "aa", "train"), ("yes", None, "bb", "test")],
    ),
}


def test_every_public_set_has_a_miniature() -> None:
    assert set(MINIATURES) == set(PUBLIC_SETS)


@pytest.mark.parametrize("name", MINIATURES)
def test_a_copy_in_the_official_layout_keeps_folds_groups_and_splits(tmp_path: Path, name: str) -> None:
    make, expected = MINIATURES[name]
    make(tmp_path)
    dataset = load(tmp_path, layout=name)
    assert [(clip.labels[0], clip.fold, clip.group, clip.split) for clip in dataset.clips] == expected
    assert f"public dataset {name}" in dataset.layout


def test_a_folder_around_an_unpacked_archive_is_recognised(tmp_path: Path) -> None:
    _esc(tmp_path / "ESC-50-master")
    found = recognise(tmp_path)
    assert found is not None
    assert (found[0].name, found[1].name) == ("esc50", "ESC-50-master")
    assert len(load(tmp_path).clips) == 2


def test_a_copy_that_was_pointed_at_is_found_by_name(tmp_path: Path) -> None:
    _fsdd(tmp_path / "here")
    (tmp_path / "here" / "recordings" / "0_jackson_0.wav").exists()
    assert find_local("fsdd") is None
    remember("fsdd", tmp_path / "here")
    assert len(load("fsdd").clips) == 3


def test_a_folder_of_datasets_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _esc(tmp_path / "esc50")
    monkeypatch.setenv("MENURA_DATASETS", str(tmp_path))
    assert len(load("esc50").clips) == 2


def test_a_set_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(DatasetError, match="menura datasets get gtzan"):
        load("gtzan")


def test_pointing_at_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"does not hold esc50: meta/esc50\.csv is not there"):
        remember("esc50", tmp_path)
