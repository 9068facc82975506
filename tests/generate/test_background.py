"""The background of a recording."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menura.generate.background import background_of, event_span
from menura.types import Waveform

RATE = 8000
NOISE = np.random.default_rng(0).standard_normal((1, 3 * RATE)).astype(np.float32)


def with_beeps(*starts_s: float, noise: float = 0.003, length_s: float = 0.3, silence: bool = False) -> Waveform:
    """Beeps of 0.3 s at 0.5 in quiet noise, or in digital silence."""
    waveform = np.zeros_like(NOISE) if silence else noise * NOISE
    for start_s in starts_s:
        at = np.arange(round(length_s * RATE))
        waveform[0, round(start_s * RATE) + at] += (0.5 * np.sin(2 * np.pi * 700 * at / RATE)).astype(np.float32)
    return waveform


def background(waveform: Waveform, num_samples: int, seed: int = 0) -> Waveform:
    return background_of(waveform, RATE, num_samples=num_samples, generator=np.random.default_rng(seed))


@settings(deadline=None, max_examples=20)
@given(num_samples=st.integers(1, 8 * RATE), seed=st.integers(0, 99))
def test_no_event_is_heard_in_it_however_long_it_is(num_samples: int, seed: int) -> None:
    found = background(with_beeps(0.4, 1.5), num_samples, seed)
    assert found.shape == (1, num_samples)
    assert np.abs(found).max() < 0.02


def test_its_level_is_that_between_the_events() -> None:
    found = background(with_beeps(0.4, 1.5), 4 * RATE)
    assert float(np.sqrt(np.square(found).mean())) == pytest.approx(0.003, rel=0.1)


def test_another_seed_starts_elsewhere() -> None:
    clip = with_beeps(0.4, 1.5)
    np.testing.assert_array_equal(background(clip, RATE, 1), background(clip, RATE, 1))
    assert not np.array_equal(background(clip, RATE, 1), background(clip, RATE, 2))


def test_a_texture_is_background_as_a_whole() -> None:
    found = background(0.1 * NOISE, 2 * RATE)
    assert float(np.sqrt(np.square(found).mean())) == pytest.approx(0.1, rel=0.1)


def test_digital_silence_between_events_is_no_background() -> None:
    clip = with_beeps(1.0, silence=True)
    clip[:, 2 * RATE :] = 0.003 * NOISE[:, 2 * RATE :]
    found = background(clip, RATE)
    assert 0.002 < float(np.sqrt(np.square(found).mean())) < 0.004


def test_silence_gives_silence() -> None:
    assert not background(np.zeros((2, 100), np.float32), 300).any()


def test_the_span_of_the_events_is_found_to_a_few_frames() -> None:
    start, stop = event_span(with_beeps(0.8, 1.5), RATE)
    assert start / RATE == pytest.approx(0.8, abs=0.06)
    assert stop / RATE == pytest.approx(1.8, abs=0.06)


def test_the_span_of_a_texture_is_all_of_it_and_of_silence_nothing() -> None:
    assert event_span(NOISE, RATE) == (0, NOISE.shape[1])
    assert event_span(np.zeros((1, 500), np.float32), RATE) == (0, 0)
