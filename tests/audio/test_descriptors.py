from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.audio.descriptors import (
    SPECTRAL_NAMES,
    TEMPORAL_NAMES,
    active_frames,
    bandwidth_hz,
    modulation_levels,
    spectral_complexity,
    spectral_flux,
    spectral_shape,
    temporal_shape,
    zero_crossings_hz,
)

RATE, SIZE = 16_000, 512


def spectra(waveform: np.ndarray) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(waveform, SIZE)[:: SIZE // 2]
    return np.abs(np.fft.rfft(frames * np.hanning(SIZE), axis=1)) ** 2


def column(power: np.ndarray, name: str) -> np.ndarray:
    return spectral_shape(power, RATE)[:, SPECTRAL_NAMES.index(name)]


def entry(level_db: np.ndarray, name: str, *, frame_rate: float = 100.0) -> float:
    shape = temporal_shape(level_db, active_frames(level_db), frame_rate=frame_rate)
    return float(shape[TEMPORAL_NAMES.index(name)])


def tone(frequency_hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(RATE) / RATE)


@pytest.mark.parametrize("frequency_hz", [250.0, 1000.0, 4000.0])
def test_a_tone_has_its_centroid_and_roll_off_at_its_frequency(frequency_hz: float) -> None:
    power, octaves = spectra(tone(frequency_hz)), np.log2(frequency_hz / 1000)
    np.testing.assert_allclose(column(power, "centroid"), octaves, atol=0.05)
    np.testing.assert_allclose(column(power, "rolloff"), octaves, atol=0.2)  # a bin is 31 Hz wide
    assert column(power, "spread").max() < 0.2


def test_white_noise_is_flatter_than_a_tone_and_has_a_lower_crest() -> None:
    noise = spectra(np.random.default_rng(0).standard_normal(RATE))
    pure = spectra(tone(1000.0))
    assert column(noise, "flatness").min() > column(pure, "flatness").max() + 20
    assert column(noise, "crest").max() < column(pure, "crest").min()


def test_a_harmonic_sound_has_its_pitch_and_noise_has_little_harmonicity() -> None:
    pulses = np.zeros(RATE)
    pulses[:: RATE // 200] = 1.0
    power = spectra(pulses)
    np.testing.assert_allclose(column(power, "pitch"), 1.0, atol=0.05)  # an octave over 100 Hz
    noise = spectra(np.random.default_rng(0).standard_normal(RATE))
    assert np.median(column(power, "harmonicity")) > 2 * np.median(column(noise, "harmonicity"))


@given(gain_db=st.floats(-60, 60))
def test_the_shape_of_a_spectrum_does_not_depend_on_its_level(gain_db: float) -> None:
    power = spectra(np.random.default_rng(1).standard_normal(4 * SIZE))
    np.testing.assert_allclose(
        spectral_shape(power * 10 ** (gain_db / 10), RATE), spectral_shape(power, RATE), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("shape", [(1, 9), (3, 257), (1, 3)])
def test_silence_and_tiny_spectra_are_finite(shape: tuple[int, int]) -> None:
    assert np.isfinite(spectral_shape(np.zeros(shape), RATE)).all()


def test_frames_far_below_the_loud_ones_are_not_active() -> None:
    level_db = np.array([-90.0, -20.0, -25.0, -45.0, -60.0, -140.0])
    np.testing.assert_array_equal(active_frames(level_db), [False, True, True, True, False, False])


def test_digital_silence_does_not_decide_what_is_active() -> None:
    sound = np.linspace(-50, -20, 50)
    padded = np.concatenate([sound, np.full(5000, -140.0)])
    assert active_frames(sound).sum() == active_frames(padded).sum()


@given(st.lists(st.floats(-140, 0), min_size=1, max_size=30))
def test_some_frame_is_always_active_and_the_envelope_is_finite(levels: list[float]) -> None:
    level_db = np.array(levels)
    active = active_frames(level_db)
    assert active.any()
    assert np.isfinite(temporal_shape(level_db, active, frame_rate=100.0)).all()


def test_a_sudden_sound_with_a_tail_has_a_short_attack_and_a_long_decay() -> None:
    level_db = np.concatenate([[-80.0] * 10, -60.0 * np.arange(100) / 100])
    assert entry(level_db, "attack") == pytest.approx(np.log2(0.01))
    assert entry(level_db, "decay") == pytest.approx(np.log2(0.34), abs=0.05)


def test_regular_knocks_are_counted_and_have_their_period() -> None:
    level_db = np.full(300, -40.0)
    for start in range(0, 300, 30):
        level_db[start : start + 5] = 0.0
    assert entry(level_db, "period") == pytest.approx(np.log2(0.3))
    assert entry(level_db, "periodicity") > 0.9
    assert entry(level_db, "events") == pytest.approx(np.log2(1 + 9 / 2.75), abs=0.3)


def test_padding_does_not_change_the_shape_of_an_envelope() -> None:
    sound = -30 * np.abs(np.sin(np.arange(200) / 9.0))
    padded = np.concatenate([np.full(70, -120.0), sound, np.full(500, -120.0)])
    np.testing.assert_allclose(
        temporal_shape(padded, active_frames(padded), frame_rate=100.0),
        temporal_shape(sound, active_frames(sound), frame_rate=100.0),
    )


def test_a_fluctuation_appears_in_the_band_of_its_speed() -> None:
    seconds = np.arange(400) / 100
    envelope = 5.0 * np.sin(2 * np.pi * 6.0 * seconds)[:, None]
    levels = modulation_levels(envelope, frame_rate=100.0, edges_hz=(1.0, 2.0, 4.0, 8.0, 16.0))
    assert levels.argmax() == 2
    assert levels[0, 2] == pytest.approx(np.log2(1 + 5 / np.sqrt(2)), abs=0.05)


def test_one_frame_has_no_modulation() -> None:
    assert not modulation_levels(np.ones((1, 3)), frame_rate=100.0, edges_hz=(1.0, 2.0)).any()


def test_bandwidth_is_where_the_spectrum_ends() -> None:
    power = np.zeros((3, 101))
    power[:, :51] = 1.0
    power[:, 51:] = 1e-7
    assert bandwidth_hz(power, 20_000) == pytest.approx(5000.0)
    assert bandwidth_hz(power, 20_000, range_db=80.0) == pytest.approx(10_000.0)
    assert bandwidth_hz(np.zeros((2, 5)), RATE) == 0.0


def test_flux_is_nothing_for_a_steady_tone_and_most_where_the_pitch_changes() -> None:
    steady, changing = spectra(tone(500.0)), spectra(np.concatenate([tone(500.0), tone(3000.0)]))
    assert spectral_flux(steady)[1:].max() < 0.05
    assert spectral_flux(100 * changing) == pytest.approx(spectral_flux(changing), abs=1e-5)
    assert spectral_flux(changing).max() > 0.7
    silent_first = np.stack([np.zeros(5), np.eye(5)[1], np.eye(5)[3]])
    assert spectral_flux(silent_first) == pytest.approx([0, 0, np.sqrt(2)])


def test_complexity_counts_the_partials_that_are_loud_enough_and_in_range() -> None:
    partials = sum(tone(frequency_hz) for frequency_hz in (500.0, 1500.0, 2500.0, 7000.0))
    found = spectral_complexity(spectra(partials + 1e-4 * tone(3500.0)), RATE)
    assert np.median(found) == 3
    assert spectral_complexity(spectra(np.zeros(RATE)), RATE).max() == 0


def test_a_tone_crosses_zero_twice_in_a_period() -> None:
    frames = np.lib.stride_tricks.sliding_window_view(np.sin(2 * np.pi * 700 * np.arange(RATE) / RATE + 0.1), 4000)
    assert zero_crossings_hz(frames[::4000], RATE) == pytest.approx(1400, rel=0.01)
