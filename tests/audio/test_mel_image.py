"""Sound to images and back."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from menura.audio.griffin_lim import griffin_lim, power_from_mel
from menura.audio.mel import mel_spectrogram, stft
from menura.audio.mel_image import MelImages, MelImageSettings, from_mel_images, to_mel_images
from menura.errors import ConfigError

SMALL = MelImageSettings(mels=64, frames=64, sample_rate=8000, n_fft=512, hop=128, overlap=8)
RATE = SMALL.sample_rate


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tone(frequency_hz: float, num_samples: int) -> Tensor:
    return 0.4 * torch.sin(2 * torch.pi * frequency_hz * torch.arange(num_samples) / RATE)


def clicks(interval_s: float, num_samples: int) -> Tensor:
    waveform = 0.001 * torch.randn(num_samples, generator=seeded())
    for at in range(400, num_samples, round(interval_s * RATE)):
        waveform[at : at + 16] += 0.7 * torch.hann_window(16)
    return waveform


def there_and_back(waveform: Tensor, how: MelImageSettings = SMALL) -> Tensor:
    return from_mel_images(to_mel_images(waveform, how), generator=seeded())


def pitch_hz(waveform: Tensor) -> float:
    spectrum = np.abs(np.fft.rfft(waveform.numpy() * np.hanning(len(waveform)), 1 << 17))
    return float(np.argmax(spectrum) * RATE / (1 << 17))


def onsets(waveform: Tensor) -> list[float]:
    """Times in seconds at which short-time energy rises above a fifth of its peak."""
    energy = waveform.square().unfold(0, 256, 64).mean(1)
    loud = (energy > 0.2 * energy.max()).int()
    return [64 * (int(at) + 1) / RATE for at in (loud.diff() == 1).nonzero()]


@pytest.mark.parametrize("num_samples", [4000, SMALL.num_samples, 3 * RATE])
@pytest.mark.parametrize("frequency_hz", [440.0, 1250.0])
def test_a_tone_comes_back_at_its_pitch_its_level_and_its_duration(frequency_hz: float, num_samples: int) -> None:
    waveform = tone(frequency_hz, num_samples)
    back = there_and_back(waveform)
    assert back.shape == waveform.shape
    assert pitch_hz(back) == pytest.approx(frequency_hz, rel=0.02)  # bands are 40 Hz apart here
    level = 10 * float(torch.log10(back.square().mean() / waveform.square().mean()))
    assert abs(level) < 2.0


@pytest.mark.parametrize("num_samples", [8000, 3 * RATE])
def test_a_train_of_clicks_comes_back_at_its_tempo(num_samples: int) -> None:
    waveform = clicks(0.25, num_samples)
    before, after = onsets(waveform), onsets(there_and_back(waveform))
    assert len(before) > 3
    assert after == pytest.approx(before, abs=2 * SMALL.hop / RATE)


def test_a_clip_cannot_be_decoded_at_another_hop_than_it_was_encoded_at() -> None:
    """Defect 1 of the published work: hop 256 in, hop 512 out, and every clip twice as long."""
    waveform = clicks(0.25, 8000)
    for hop in (64, 128):
        images = to_mel_images(waveform, replace(SMALL, hop=hop))
        assert images.painted(images.pixels).settings.hop == hop  # new pixels keep it
        back = from_mel_images(images, generator=seeded())
        assert len(back) == len(waveform)
        assert onsets(back) == pytest.approx(onsets(waveform), abs=2 * hop / RATE)
    with pytest.raises(FrozenInstanceError):
        images.settings = SMALL  # type: ignore[misc]


@settings(max_examples=20)
@given(num_samples=st.integers(1, 40_000))
def test_every_length_has_as_many_images_as_it_needs(num_samples: int) -> None:
    images = to_mel_images(torch.full((num_samples,), 0.1), SMALL)
    count, step = len(images.pixels), SMALL.frames - SMALL.overlap
    assert count == SMALL.count(num_samples)
    frames = 1 + num_samples // SMALL.hop
    assert (count - 1) * step + SMALL.frames >= frames
    assert count == 1 or (count - 2) * step + SMALL.frames < frames
    assert float(images.pixels.min()) >= -1
    assert float(images.pixels.max()) <= 1


def test_a_longer_clip_sounds_alike_where_two_images_meet() -> None:
    waveform = tone(600.0, 3 * RATE)
    back = there_and_back(waveform)
    energy = back[512:-512].unfold(0, 512, 256).square().mean(1)
    assert float(energy.min() / energy.mean()) > 0.4


def test_silence_is_black_and_silent_again() -> None:
    images = to_mel_images(torch.zeros(2 * RATE), SMALL)
    assert float(images.pixels.max()) == -1
    assert float(from_mel_images(images, generator=seeded()).abs().max()) == 0


def test_images_are_those_of_the_published_pipeline() -> None:
    librosa = pytest.importorskip("librosa")
    waveform = tone(440.0, SMALL.num_samples) + 0.01 * torch.randn(SMALL.num_samples, generator=seeded())
    mel = librosa.feature.melspectrogram(
        y=waveform.numpy(), sr=RATE, n_fft=SMALL.n_fft, hop_length=SMALL.hop, n_mels=SMALL.mels
    )
    decibels = librosa.power_to_db(mel, ref=np.max, top_db=80)
    expected = (((decibels + 80) * 255 / 80).clip(0, 255) + 0.5).astype(np.uint8)
    found = ((to_mel_images(waveform, SMALL).pixels[0, 0] + 1) / 2 * 255).round().numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1  # a value on the edge of two greys


def test_eight_bits_are_256_greys_and_none_are_more() -> None:
    waveform = torch.randn(8000, generator=seeded())
    rounded, exact = (to_mel_images(waveform, replace(SMALL, bits=bits)).pixels for bits in (8, None))
    assert len(torch.unique(rounded)) <= 256 < len(torch.unique(exact))
    assert float((rounded - exact).abs().max()) <= 1 / 255 + 1e-6


def test_the_magnitudes_of_a_mel_spectrogram_explain_it_as_well_as_librosas() -> None:
    librosa = pytest.importorskip("librosa")
    waveform = clicks(0.1, 8000) + tone(700.0, 8000)
    mel = mel_spectrogram(waveform, RATE, n_fft=512, hop=128, num_mels=64)
    power = power_from_mel(mel, RATE, n_fft=512)
    assert float(power.min()) >= 0
    bank = torch.tensor(librosa.filters.mel(sr=RATE, n_fft=512, n_mels=64))
    theirs = torch.tensor(librosa.util.nnls(bank.numpy(), mel.numpy()))
    error, their_error = (float((bank @ found - mel).norm() / mel.norm()) for found in (power, theirs))
    assert error < max(0.01, 2 * their_error)


def test_more_iterations_find_phases_that_fit_better() -> None:
    magnitude = stft(clicks(0.1, 8000) + tone(700.0, 8000), n_fft=512, hop=128).abs()
    start = 6.28 * torch.rand(magnitude.shape, generator=seeded())
    errors = []
    for iterations in (0, 8, 64):
        found = griffin_lim(magnitude, start, hop=128, num_samples=8000, iterations=iterations)
        errors.append(float((stft(found, n_fft=512, hop=128).abs() - magnitude).norm() / magnitude.norm()))
    assert errors[0] > 1.5 * errors[1] > 1.5 * errors[2]
    assert errors[2] < 0.15


def test_another_start_is_another_waveform_of_the_same_images() -> None:
    images = to_mel_images(tone(440.0, 8000), SMALL)
    one, again, other = (from_mel_images(images, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.allclose(one, other, atol=0.01)


def test_a_vocoder_gets_the_mel_spectrogram_and_the_length() -> None:
    waveform = tone(440.0, 8000)
    seen: list[Tensor] = []

    def vocoder(mel: Tensor, num_samples: int) -> Tensor:
        seen.append(mel)
        return torch.full((num_samples,), 0.5)

    back = from_mel_images(to_mel_images(waveform, SMALL), generator=seeded(), vocoder=vocoder)
    assert torch.equal(back, torch.full((8000,), 0.5))
    expected = mel_spectrogram(waveform, RATE, n_fft=512, hop=128, num_mels=64)
    loud = expected > 1e-3 * expected.max()
    found = seen[0][:, : expected.shape[1]]
    torch.testing.assert_close(found[loud], expected[loud], rtol=0.06, atol=0)  # a grey is 0.31 dB


def test_settings_survive_the_file_of_the_published_layout() -> None:
    assert MelImageSettings.from_config(MelImageSettings().to_config()) == MelImageSettings()
    assert MelImageSettings.from_config(SMALL.to_config()) == SMALL


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hop": 300}, "at least two hops"),
        ({"bits": 16}, "expected 8 or None"),
        ({"mels": 0}, "positive sizes"),
        ({"overlap": 40}, "overlap is 40 of 64 frames"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(SMALL, **changes)  # type: ignore[arg-type]


def test_a_config_without_the_hop_is_refused() -> None:
    config = {name: value for name, value in SMALL.to_config().items() if name != "hop_length"}
    with pytest.raises(ConfigError, match="lack hop_length"):
        MelImageSettings.from_config(config)


def test_images_are_a_record_with_its_settings() -> None:
    images = to_mel_images(tone(440.0, 8000), SMALL)
    assert isinstance(images, MelImages)
    assert images.painted(-images.pixels).settings is images.settings
