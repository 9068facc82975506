"""Mel frames: standardised, level-free, and heard again."""

from __future__ import annotations

import math

import pytest
import torch

from menura.audio.mel_frames import MelFrames
from menura.errors import ConfigError

FRAMES = MelFrames(sample_rate=8000, mels=32, n_fft=512, hop=128)


def tone(hz: float, *, level: float = 0.5) -> torch.Tensor:
    return level * torch.sin(2 * math.pi * hz * torch.arange(8000) / 8000)[None]


def test_a_clip_is_told_without_its_level() -> None:
    torch.testing.assert_close(FRAMES.encode(tone(440)), FRAMES.encode(tone(440, level=0.05)), atol=1e-4, rtol=0)


def test_silence_is_the_floor_and_stays_silent() -> None:
    frames = FRAMES.encode(torch.zeros(1, 4000))
    assert torch.equal(frames, torch.zeros_like(frames))
    assert FRAMES.decode(frames[0], torch.Generator().manual_seed(0)).abs().max() == 0


def test_measured_frames_have_mean_nought_and_spread_one() -> None:
    noise = torch.randn(4, 8000, generator=torch.Generator().manual_seed(0))
    frames = FRAMES.measured(noise).encode(noise)
    assert frames.mean() == pytest.approx(0, abs=0.01)
    assert frames.square().mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("hz", [200, 440, 1000])
def test_a_tone_is_heard_again_at_its_pitch(hz: float) -> None:
    settings = FRAMES.measured(tone(300) + 0.01 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(0)))
    heard = settings.decode(settings.encode(tone(hz))[0], torch.Generator().manual_seed(0))
    spectrum = torch.fft.rfft(heard * torch.hann_window(len(heard))).abs()
    found_hz = float(spectrum.argmax()) * 8000 / len(heard)
    assert found_hz == pytest.approx(hz, abs=8000 / 512)


def test_settings_survive_being_written_down() -> None:
    settings = FRAMES.measured(tone(440))
    assert MelFrames.from_config(settings.to_config()) == settings
    with pytest.raises(ConfigError, match="unexpected"):
        MelFrames.from_config({"bands": 3})
    with pytest.raises(ConfigError, match="means"):
        MelFrames.from_config({"mels": 32, "means_db": [0.0]})
