"""Descriptors of a clip: known sounds have known ones."""

from __future__ import annotations

import numpy as np
import pytest

from menura.audio.clip_descriptors import DESCRIPTORS, SPECTRAL_FEATURES, clip_descriptors, spectral_features
from menura.types import Recording

RATE = 16_000
NAMES = [feature.name for feature in DESCRIPTORS]
SECONDS = np.arange(2 * RATE) / RATE


def of(waveform: np.ndarray, name: str) -> float:
    return float(clip_descriptors(Recording(waveform[None].astype(np.float32), RATE))[NAMES.index(name)])


def hiss(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, len(SECONDS))


def test_the_first_ones_are_the_spectral_features() -> None:
    recording = Recording(hiss()[None].astype(np.float32), RATE)
    assert clip_descriptors(recording)[: len(SPECTRAL_FEATURES)].tolist() == spectral_features(recording).tolist()


def test_clicks_are_counted_a_second() -> None:
    clicks = np.where((SECONDS % 0.25) < 0.03, hiss(), 1e-4 * hiss())
    assert of(clicks, "onsets") == pytest.approx(np.log2(1 + 4), abs=0.2)  # four a second, over nearly two
    assert of(hiss(), "onsets") == pytest.approx(np.log2(1 + 1 / 2), abs=0.05)  # its start


@pytest.mark.parametrize(
    ("speed_hz", "band"), [(2, "below 4 Hz"), (8, "4 to 16 Hz"), (30, "above 16 Hz")], ids=["slow", "middle", "fast"]
)
def test_a_modulation_stands_in_its_band(speed_hz: float, band: str) -> None:
    moving = np.sin(2 * np.pi * 1000 * SECONDS) * (1 + 0.7 * np.sin(2 * np.pi * speed_hz * SECONDS))
    bands = {name: of(moving, name) for name in NAMES if name.startswith("modulation")}
    assert max(bands, key=lambda name: bands[name]) == f"modulation {band}"


def test_the_upper_limit_is_where_the_spectrum_ends() -> None:
    spectrum = np.fft.rfft(hiss())
    spectrum[np.fft.rfftfreq(len(SECONDS), 1 / RATE) > 2000] = 0
    assert of(np.fft.irfft(spectrum), "upper limit") == pytest.approx(
        1.0, abs=0.15
    )  # 60 dB down the skirt of the window


def test_neither_level_nor_silence_around_it_counts_and_silence_is_finite() -> None:
    burst = hiss() * (SECONDS < 1)
    recordings = [burst, 0.01 * burst, np.concatenate([np.zeros(RATE), burst])]
    found = [clip_descriptors(Recording(one[None].astype(np.float32), RATE)) for one in recordings]
    assert found[1] == pytest.approx(found[0], abs=0.02)
    assert found[2] == pytest.approx(found[0], rel=0.1, abs=0.15)  # frames stand elsewhere in the noise
    assert np.isfinite(clip_descriptors(Recording(np.zeros((1, 50), np.float32), RATE))).all()
