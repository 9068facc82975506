"""The trained encoder that comes with Menura."""

import numpy as np
import pytest

from menura.backends.registry import load_encoder
from menura.config import JudgeSettings
from menura.encoders.scenes import WEIGHTS, ScenesEncoder
from menura.types import Recording


def tone(hz: float, *, rate: int = 16_000, seconds: float = 1.0, seed: int = 0) -> Recording:
    time = np.arange(round(rate * seconds)) / rate
    noise = 0.01 * np.random.default_rng(seed).standard_normal(len(time))
    return Recording((0.3 * np.sin(2 * np.pi * hz * time) + noise)[None].astype(np.float32), rate)


def test_it_is_small_and_hears_by_name() -> None:
    assert WEIGHTS.stat().st_size < 6 * 2**20
    encoder = load_encoder("scenes")
    assert (encoder.name, encoder.dim, encoder.sample_rate) == ("scenes", 3584, 16_000)
    assert encoder.fingerprint == ScenesEncoder().fingerprint


def test_it_is_part_of_what_the_judges_hear_with() -> None:
    assert "scenes" in JudgeSettings().encoder.split("+")


@pytest.mark.parametrize("change", ["rate", "length", "level", "channels"])
def test_the_same_sound_stays_nearer_than_another_one(change: str) -> None:
    same = {
        "rate": tone(440, rate=44_100, seed=1),
        "length": tone(440, seconds=3.0, seed=1),
        "level": Recording(0.01 * tone(440, seed=1).waveform, 16_000),
        "channels": Recording(np.repeat(tone(440, seed=1).waveform, 2, axis=0), 16_000),
    }[change]
    here, changed, other = ScenesEncoder().embed([tone(440), same, tone(3000, seed=1)])
    assert np.linalg.norm(here - changed) < 0.5 * np.linalg.norm(here - other)
