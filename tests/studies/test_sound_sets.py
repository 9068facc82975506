from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from menura.audio import encode
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError, DatasetError
from menura.seeding import item_generator
from menura.studies.sound_sets import (
    SoundSettings,
    dense_mixture,
    draw_clips,
    random_slice,
    real_sets,
    synthetic_set,
)
from menura.types import Clip, Recording

RATE = 8000
FEW = SoundSettings(count=8, duration_s=0.2, sample_rate=RATE)


def clip(number: int, label: str, group: str | None = None) -> Clip:
    return Clip(f"{number:04d}", f"/nowhere/{number}.wav", (label,), 1.0, RATE, group=group)


def test_a_slice_is_never_taken_from_the_padding() -> None:
    waveform = np.zeros((1, 5 * RATE), np.float32)
    waveform[0, 2 * RATE : 3 * RATE] = 0.5
    starts = {
        float(np.abs(random_slice(Recording(waveform, RATE), 0.5, item_generator(0, k)).waveform).max())
        for k in range(40)
    }
    assert starts == {0.5}


def test_a_short_recording_is_padded_and_keeps_its_samples() -> None:
    waveform = np.ones((1, 100), np.float32)
    found = random_slice(Recording(waveform, RATE), 0.5, item_generator(0))
    assert found.waveform.shape == (1, RATE // 2)
    assert found.waveform.sum() == 100


def test_a_dense_mixture_adds_slices_up_and_has_a_peak_of_one() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 3 * RATE)).astype(np.float32)
    recording = Recording(noise, RATE)
    found = dense_mixture(recording, 0.5, layers=3, generator=item_generator(7))
    generator = item_generator(7)
    by_hand = sum(random_slice(recording, 0.5, generator).waveform for _ in range(3))
    assert np.abs(found.waveform).max() == pytest.approx(1.0)
    assert np.corrcoef(found.waveform[0], np.asarray(by_hand)[0])[0, 1] == pytest.approx(1.0)


def test_clips_are_drawn_evenly_over_labels_and_in_any_order() -> None:
    clips = [clip(k, "rare" if k < 5 else "often") for k in range(40)]
    drawn = draw_clips(Dataset("set", tuple(clips)), 10, seed=0)
    assert sorted(found.labels[0] for found in drawn) == ["often"] * 5 + ["rare"] * 5
    assert draw_clips(Dataset("set", tuple(reversed(clips))), 10, seed=0) == drawn
    assert draw_clips(Dataset("set", tuple(clips)), 10, seed=1) != drawn


def test_synthetic_clips_are_no_reference() -> None:
    made = [replace(clip(k, "a"), origin="synthetic") for k in range(20)]
    with pytest.raises(DatasetError, match="has 0 real clips"):
        draw_clips(Dataset("set", tuple(made)), 10, seed=0)


def test_the_halves_of_a_dataset_share_no_source(tmp_path: Path) -> None:
    time = np.arange(RATE) / RATE
    clips = []
    for number in range(16):
        waveform = 0.5 * np.sin(2 * np.pi * (300 + 100 * (number // 2)) * time + number)
        path = tmp_path / f"{number}.wav"
        encode(Recording(waveform[None].astype(np.float32), RATE), path, container="WAV")
        clips.append(replace(clip(number, "tone", group=f"source {number // 2}"), path=str(path)))
    by_half = real_sets(Dataset("tones", tuple(clips)), FEW)
    assert [found.name for found in by_half] == ["real", "real, other half", "real, dense"]
    assert [len(found) for found in by_half] == [8, 8, 8]
    shapes = {recording.waveform.shape for found in by_half for recording in found.recordings}
    assert shapes == {(1, round(0.2 * RATE))}
    # each source is a tone of its own pitch: no pitch stands in both halves
    pitches = [{int(np.abs(np.fft.rfft(r.waveform[0])).argmax()) for r in found.recordings} for found in by_half[:2]]
    assert not pitches[0] & pitches[1]


def test_a_synthetic_set_is_drawn_again_from_its_seed_and_moves_with_delta() -> None:
    first, again = synthetic_set("voice", FEW), synthetic_set("voice", FEW)
    assert all(np.array_equal(a.waveform, b.waveform) for a, b in zip(first.recordings, again.recordings, strict=True))
    moved = synthetic_set("voice", FEW, delta=0.25)
    assert moved.name == "voice, delta 0.25"
    assert not np.array_equal(first.recordings[0].waveform, moved.recordings[0].waveform)


def test_settings_that_give_no_sets_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected at least 8 sounds"):
        SoundSettings(count=3)
    with pytest.raises(ConfigError, match="no voice 'choir'"):
        synthetic_set("choir", FEW)
