from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.audio import dc_offset, gain, loudness_lufs, peak_dbfs, rms_dbfs
from menura.audio.level import FLOOR_DB, within_full_scale


def _sine(frequency_hz: float, sample_rate: int, *, duration_s: float = 2.0, amplitude: float = 1.0) -> np.ndarray:
    time_s = np.arange(round(sample_rate * duration_s)) / sample_rate
    return (amplitude * np.sin(2 * np.pi * frequency_hz * time_s))[None].astype(np.float32)


def test_a_full_scale_sine_has_its_textbook_levels() -> None:
    sine = _sine(997, 48000)
    assert peak_dbfs(sine) == pytest.approx(0.0, abs=0.001)
    assert rms_dbfs(sine) == pytest.approx(-3.0103, abs=0.001)
    # BS.1770-4: a 997-Hz sine of full scale on one channel measures -3.01 LKFS.
    assert loudness_lufs(sine, 48000) == pytest.approx(-3.01, abs=0.01)


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100, 48000, 96000])
def test_loudness_does_not_depend_on_the_rate(sample_rate: int) -> None:
    # The bilinear transform bends the shelf near half of a low rate; at 997 Hz that is below 0.1 LU from 16 kHz up.
    assert loudness_lufs(_sine(997, sample_rate), sample_rate) == pytest.approx(
        -3.01, abs=0.25 if sample_rate < 16000 else 0.1
    )


def test_two_equal_channels_are_three_decibels_louder() -> None:
    sine = _sine(997, 48000)
    assert loudness_lufs(np.vstack([sine, sine]), 48000) == pytest.approx(loudness_lufs(sine, 48000) + 3.01, abs=0.01)


def test_low_frequencies_count_less_and_high_ones_more() -> None:
    loudness = [loudness_lufs(_sine(frequency_hz, 48000), 48000) for frequency_hz in (30, 997, 6000)]
    assert loudness[0] < loudness[1] - 3 < loudness[1] < loudness[2] - 2


def test_silence_between_sounds_is_gated_out() -> None:
    sine = _sine(997, 48000, amplitude=0.1)
    with_pause = np.concatenate([sine, np.zeros((1, 48000 * 4), np.float32)], axis=1)
    assert loudness_lufs(with_pause, 48000) == pytest.approx(loudness_lufs(sine, 48000), abs=0.5)


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_silence_has_the_floor_at_any_length(samples: int) -> None:
    silence = np.zeros((1, samples), np.float32)
    assert peak_dbfs(silence) == rms_dbfs(silence) == loudness_lufs(silence, 8000) == FLOOR_DB


@given(gain_db=st.floats(-40, 0))
def test_a_gain_moves_every_level_by_itself(gain_db: float) -> None:
    sine = _sine(997, 8000, duration_s=0.5)
    louder = gain(sine, gain_db)
    assert peak_dbfs(louder) == pytest.approx(peak_dbfs(sine) + gain_db, abs=1e-3)
    assert rms_dbfs(louder) == pytest.approx(rms_dbfs(sine) + gain_db, abs=1e-3)
    assert loudness_lufs(louder, 8000) == pytest.approx(loudness_lufs(sine, 8000) + gain_db, abs=1e-2)


def test_dc_offset_is_that_of_the_worst_channel() -> None:
    assert dc_offset(np.array([[0.1, 0.1], [-0.3, -0.3]], np.float32)) == pytest.approx(-0.3)


def test_only_what_passes_full_scale_is_scaled_down() -> None:
    loud, soft = np.array([[0.5, -2.0]], np.float32), np.array([[0.5, -1.0]], np.float32)
    np.testing.assert_array_equal(within_full_scale(loud), np.array([[0.25, -1.0]], np.float32))
    assert within_full_scale(soft) is soft
    assert within_full_scale(np.zeros((1, 0), np.float32)).size == 0
