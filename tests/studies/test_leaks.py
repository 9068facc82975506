"""A pool must hold no recording that is tested, under whatever name, level or cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from tests.studies.conftest import stored

from menura.datasets.sounds import render_sound
from menura.seeding import item_generator
from menura.studies.leaks import leaking
from menura.types import Clip, Recording

RATE = 16_000


def sound(label: str, number: int) -> Recording:
    waveform = render_sound(label, item_generator(3, label, number), duration_s=1.0, sample_rate=RATE)
    return Recording(0.3 * np.asarray(waveform, np.float32)[None], RATE)


def changed(recording: Recording) -> Recording:
    """30 ms later and half as loud."""
    later = np.pad(recording.waveform, ((0, 0), (480, 0)))[:, : recording.waveform.shape[1]]
    return Recording(np.float32(0.5) * later, RATE)


def clip(recording: Recording, path: Path) -> Clip:
    return stored(recording, path, ["x"])


def test_equal_samples_a_changed_copy_and_an_equal_group_are_found_and_nothing_else(tmp_path: Path) -> None:
    tested = [clip(sound("siren", n), tmp_path / f"test-{n}.wav") for n in range(3)]
    tested[2] = replace(tested[2], group="anna")
    learned = [clip(sound("rain", n), tmp_path / f"train-{n}.wav") for n in range(2)]
    pool = {
        "the same samples": clip(sound("siren", 0), tmp_path / "a.wav"),
        "a changed copy": clip(changed(sound("siren", 1)), tmp_path / "b.wav"),
        "another by anna": replace(clip(sound("bell", 0), tmp_path / "c.wav"), group="anna"),
        "learned from": clip(sound("rain", 0), tmp_path / "d.wav"),
        "a changed training clip": clip(changed(sound("rain", 1)), tmp_path / "e.wav"),
        "another siren": clip(sound("siren", 7), tmp_path / "f.wav"),
        "another rain": replace(clip(sound("rain", 7), tmp_path / "g.wav"), group="ben"),
    }
    found = leaking(list(pool.values()), tested=tested, learned=learned)
    reasons = {name: found.get(one.id) for name, one in pool.items()}
    assert reasons == {
        "the same samples": "tested",
        "a changed copy": "near_tested",
        "another by anna": "same_group",
        "learned from": "learned",
        "a changed training clip": "learned",
        "another siren": None,
        "another rain": None,
    }


def test_a_clip_that_is_tested_in_one_fold_and_learned_from_in_another_counts_as_tested(tmp_path: Path) -> None:
    both = clip(sound("rain", 0), tmp_path / "both.wav")
    near = clip(changed(sound("rain", 0)), tmp_path / "near.wav")
    found = leaking([both, near], tested=[both], learned=[both])
    assert found == {both.id: "tested", near.id: "near_tested"}
