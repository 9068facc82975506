"""The labelled world: what holds for every draw, and that a shift moves what it says and leaves the words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menura.audio.descriptors import active_frames
from menura.errors import ConfigError
from menura.synth.captions import captions
from menura.synth.labelled import LABELS, draw_labelled, head_of, label_of
from menura.synth.scenes import scene_space
from menura.synth.shifts import SHIFTS, Shift, recorded, repitched, shift_named
from menura.synth.world import World, labels

RATE = 16_000


def level_db(power: np.ndarray) -> float:
    return float(10 * np.log10(power.mean()))


@pytest.mark.parametrize("label", labels())
def test_a_caption_says_its_label_first_also_after_the_pitch_was_moved(label: str) -> None:
    sounds, texts = draw_labelled(label, seed=1, keys=[f"test {i}" for i in range(12)], duration_s=2.0)
    assert {label_of(text) for text in texts} == {label}
    assert captions(sounds, duration_s=2.0) == texts
    moved = captions(repitched(sounds, 1.0), duration_s=2.0)
    assert {label_of(text) for text in moved} == {label}


def test_no_phrase_belongs_to_two_labels() -> None:
    heads = {head_of(text) for name in labels() for text in World(duration_s=1.0).prompts(name, count=8)}
    for head in heads:
        words = head.split()
        owners = [
            label.name for label in LABELS
            if all(any(word.startswith(start) for word in words) for start in label.says)
            and not any(word.startswith(start) for start in label.never for word in words)
        ]  # fmt: skip
        assert len(owners) == 1, head


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(4)), label=st.sampled_from(labels()))
def test_a_clip_does_not_depend_on_what_is_drawn_beside_it(order: list[int], label: str) -> None:
    keys = [f"train {number}" for number in order]
    together, texts = draw_labelled(label, seed=0, keys=keys, duration_s=1.0)
    for row, key in enumerate(keys):
        alone, text = draw_labelled(label, seed=0, keys=[key], duration_s=1.0)
        assert (alone.parameters[0] == together.parameters[row]).all()
        assert text == [texts[row]]


def test_clips_repeat_and_parts_and_seeds_have_none_in_common() -> None:
    world = World(SHIFTS["all"], duration_s=0.5)
    first = world.clips("woody impacts", part="train", count=3)
    again = world.clips("woody impacts", part="train", count=2, start=1)
    assert all((a.recording.waveform == b.recording.waveform).all() for a, b in zip(first[1:], again, strict=True))
    others = world.clips("woody impacts", part="test", count=3)
    others += World(SHIFTS["all"], seed=1, duration_s=0.5).clips("woody impacts", part="train", count=3)
    for mine in first:
        for other in others:
            assert not np.array_equal(mine.recording.waveform, other.recording.waveform)


def test_a_shift_leaves_captions_and_a_peak() -> None:
    for name, shift in SHIFTS.items():
        clips = World(shift, duration_s=0.5).clips("metallic impacts", part="train", count=3)
        assert [clip.caption for clip in clips] == [
            clip.caption for clip in World(duration_s=0.5).clips("metallic impacts", part="train", count=3)
        ], name
        for clip in clips:
            assert np.abs(clip.recording.waveform).max() == pytest.approx(0.9, abs=1e-5)


def impulse() -> np.ndarray:
    samples = np.zeros(RATE * 2, np.float32)
    samples[100] = 1.0
    return samples


def through(samples: np.ndarray, shift: Shift, seed: int = 0) -> np.ndarray:
    return recorded(samples, shift, sample_rate=RATE, generator=np.random.default_rng(seed))


def test_the_room_adds_as_much_energy_as_came_and_decays_in_its_time() -> None:
    heard = through(impulse(), Shift(room=1.0)).astype(np.float64)
    direct = heard[100] ** 2
    assert np.square(heard).sum() / direct == pytest.approx(2.0, rel=0.02)  # the clip ends at 1.99 s: nothing is lost
    early, late = (np.square(heard[100 + round(t * RATE) :][: RATE // 10]) for t in (0.1, 0.9))
    assert level_db(early) - level_db(late) == pytest.approx(60 * 0.8 / 1.6, abs=1.5)  # 1,600 samples of noise each
    assert (through(impulse(), Shift(room=1.0), seed=5) == heard.astype(np.float32)).all()


def test_the_microphone_passes_its_band_and_nothing_else() -> None:
    response = np.abs(np.fft.rfft(through(impulse(), Shift(microphone=1.0)).astype(np.float64)))
    hz = np.fft.rfftfreq(2 * RATE, 1 / RATE)
    gain_db = {at: 20 * np.log10(response[np.argmin(np.abs(hz - at))]) for at in (175, 700, 1700, 6000)}
    assert gain_db[1700] - gain_db[700] == pytest.approx(
        12 - 12 * np.exp(-0.5 * (np.log2(1700 / 700) / 0.4) ** 2), abs=1
    )
    assert gain_db[700] - gain_db[175] > 25
    assert gain_db[1700] - gain_db[6000] > 35


def test_the_noise_has_the_level_it_says() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE).astype(np.float32)
    heard = through(tone, Shift(noise=1.0)).astype(np.float64)
    power = np.square(np.abs(np.fft.rfft(heard)))
    at = 2000  # two periods a bin: the tone stands in one bin
    snr_db = 10 * np.log10(power[at] / (power.sum() - power[at]))
    assert snr_db == pytest.approx(10.0, abs=0.2)
    assert not np.array_equal(heard.astype(np.float32), through(tone, Shift(noise=1.0), seed=1))


def test_pitches_are_moved_into_a_narrow_range_and_half_a_shift_moves_half() -> None:
    space = scene_space()
    column = space.names.index("impact.pitch")
    sounds, _ = draw_labelled("metallic impacts", seed=0, keys=[str(i) for i in range(30)], duration_s=1.0)
    wide, half, narrow = (space.values(repitched(sounds, share).parameters)[:, column] for share in (0, 0.5, 1))
    assert float(narrow.std()) == pytest.approx(0.3 * float(wide.std()), rel=1e-3)
    assert float(narrow.mean()) > float(wide.mean()) + 5
    assert half.numpy() == pytest.approx(((wide + narrow) / 2).numpy(), abs=1e-3)


def test_silence_stays_silent_and_a_room_leaves_no_gap() -> None:
    assert not through(np.zeros(400, np.float32), Shift(room=1.0, microphone=1.0)).any()
    heard = through(impulse(), Shift(room=1.0))
    assert active_frames(20 * np.log10(np.abs(heard[2000:4000]) + 1e-9)).mean() > 0.5


def test_what_is_unknown_or_impossible_is_refused() -> None:
    with pytest.raises(ConfigError, match="no shift 'cave'; known shifts: none, room"):
        shift_named("cave")
    with pytest.raises(ConfigError, match=r"room is 2, expected a number in \[0, 1\]"):
        Shift(room=2)
    with pytest.raises(ConfigError, match="no label 'dog' in the world; known labels: bell-like impacts"):
        World().clips("dog", part="train", count=1)
    with pytest.raises(ConfigError, match=r"draws gave no bell-like impacts that can be heard within 0\.01 s"):
        World(duration_s=0.01).clips("bell-like impacts", part="train", count=1)
