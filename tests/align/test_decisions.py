"""Decisions of a person as pairs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from menura.align.decisions import pairs_of_decisions, read_decisions
from menura.align.pairs import Pair
from menura.audio import identify
from menura.errors import DatasetError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label in ("rain", "wind"):
        (tmp_path / label).mkdir()
        for take in range(3):
            wave = np.random.default_rng([len(label), take, label == "rain"]).uniform(-0.5, 0.5, 4000)
            soundfile.write(tmp_path / label / f"{take}.wav", wave, 4000)
    return tmp_path


def written(folder: Path, *rows: object) -> Path:
    path = folder / "decisions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def pairs(path: Path, *, never: tuple[str, ...] = (), losers: int = 2) -> list[Pair]:
    return pairs_of_decisions(
        read_decisions(path), prompt_of=lambda labels: f"Sound of {labels[0]}", labels=("rain", "wind"), never=never,
        losers=losers, length_s=0.5, longest_s=9, seed=0,
    )  # fmt: skip


def test_accepted_clips_win_against_rejected_ones_of_their_label(folder: Path) -> None:
    path = written(
        folder,
        {"clip": "rain/0.wav", "accepted": True, "prompt": "rain on a roof"},
        {"clip": "rain/1.wav", "accepted": False},
        {"clip": "rain/2.wav", "accepted": False, "note": "too much wind"},
        {"clip": "wind/0.wav", "accepted": True},
    )
    found = pairs(path)
    assert {Path(pair.loser.path).name for pair in found if pair.loser} == {"1.wav", "2.wav"}
    assert {(pair.winner.path, pair.prompt, pair.labels) for pair in found} == {
        (str(folder / "rain" / "0.wav"), "rain on a roof", ("rain",))
    }
    assert len(pairs(path, losers=1)) == 1


def test_the_later_word_holds_and_the_label_may_be_given(folder: Path) -> None:
    path = written(
        folder,
        {"clip": "rain/0.wav", "accepted": False, "label": "wind"},
        {"clip": "rain/0.wav", "accepted": True, "label": "wind"},
        {"clip": "wind/1.wav", "accepted": False, "labels": ["wind"]},
    )
    (pair,) = pairs(path)
    assert (pair.labels, pair.prompt) == (("wind",), "Sound of wind")


def test_a_held_out_clip_is_refused(folder: Path) -> None:
    path = written(folder, {"clip": "rain/0.wav", "accepted": True}, {"clip": "rain/1.wav", "accepted": False})
    _, clip_id = identify(folder / "rain" / "0.wav")
    with pytest.raises(DatasetError, match="held out"):
        pairs(path, never=(clip_id,))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"clip": "rain/0.wav", "accepted": "yes"}, "line 1 says accepted 'yes'"),
        ({"accepted": True}, "line 1 names no clip"),
        ({"clip": "rain/0.wav", "accepted": True, "label": 3}, "line 1 has the labels 3"),
        ({"clip": "rain/9.wav", "accepted": True}, "cannot be read"),
        ({"clip": "rain/0.wav", "accepted": True, "label": "snow"}, "'snow', which no training clip has"),
        ({"clip": "rain/0.wav", "accepted": True}, "1 accepted and 0 rejected clips give no pair"),
    ],
)
def test_a_line_that_says_something_else_is_named(folder: Path, row: object, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        pairs(written(folder, row))


def test_an_empty_file_and_a_broken_line_are_named(folder: Path) -> None:
    with pytest.raises(DatasetError, match="holds no decision"):
        read_decisions(written(folder))
    (folder / "decisions.jsonl").write_text("{\n")
    with pytest.raises(DatasetError, match="line 1 is no JSON"):
        read_decisions(folder / "decisions.jsonl")
