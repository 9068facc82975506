"""The mel spectrogram that a real clip is turned into before AudioLDM 2 starts from it."""

from __future__ import annotations

import numpy as np
import pytest

from menura.backends.text_to_audio.mel import log_mel

SETTINGS = {"hop": 160, "num_mels": 64}


def test_it_equals_librosas_with_the_settings_of_the_vocoder() -> None:
    librosa = pytest.importorskip("librosa")
    samples = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    ours = log_mel(samples, 16_000, num_frames=100, **SETTINGS).numpy()
    padded = np.pad(samples, 432, mode="reflect")
    magnitude = np.abs(librosa.stft(padded, n_fft=1024, hop_length=160, center=False))
    bank = librosa.filters.mel(sr=16_000, n_fft=1024, n_mels=64, fmin=0, fmax=8000)
    np.testing.assert_allclose(ours, np.log(np.maximum(bank @ magnitude, 1e-5)).T[:100], atol=1e-3)


def test_silence_is_the_floor_and_short_clips_are_filled() -> None:
    mel = log_mel(np.zeros(100, np.float32), 16_000, num_frames=8, **SETTINGS)
    assert mel.shape == (8, 64)
    np.testing.assert_allclose(mel.numpy(), np.log(1e-5), rtol=1e-6)
