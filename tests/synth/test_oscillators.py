import math

import numpy as np
import pytest
import torch

from menura.synth.filters import low_pass
from menura.synth.oscillators import frequency_hz, modulated_phase, phase, square_saw

RATE, HOP = 16_000, 32


def strongest_hz(waveform: torch.Tensor) -> float:
    spectrum = np.abs(np.fft.rfft(waveform.numpy() * np.hanning(len(waveform))))
    return float(np.argmax(spectrum) * RATE / len(waveform))


def test_note_69_is_440_hz_and_an_octave_is_twelve_notes() -> None:
    found = frequency_hz(torch.tensor([69.0, 81.0, 57.0, 200.0, -5.0]))
    assert found.tolist() == pytest.approx([440, 880, 220, 12543.85, 8.1758], rel=1e-4)


def test_a_steady_frequency_gives_a_pure_tone_however_long() -> None:
    steps = 20 * RATE // HOP
    angle = phase(torch.full((steps + 1,), 1234.5), torch.tensor(0.3), hop=HOP, sample_rate=RATE).flatten()
    known = 2 * math.pi * 1234.5 * np.arange(steps * HOP) / RATE + 0.3
    assert np.abs(np.exp(1j * angle.double().numpy()) - np.exp(1j * known)).max() < 2e-3


def test_a_glide_equals_the_integral_of_its_frequency() -> None:
    steps = RATE // HOP
    frequencies = torch.linspace(300, 3000, steps + 1)
    angle = phase(frequencies, torch.tensor(0.0), hop=HOP, sample_rate=RATE).flatten().double().numpy()
    time_s = np.arange(RATE) / RATE
    known = 2 * math.pi * (300 * time_s + 2700 * time_s**2 / 2)
    assert np.abs(np.exp(1j * angle) - np.exp(1j * known)).max() < 2e-3


def test_a_square_has_odd_harmonics_and_a_saw_all() -> None:
    steps = RATE // HOP
    angle = phase(torch.full((1, steps + 1), 200.0), torch.zeros(1), hop=HOP, sample_rate=RATE)
    spectra = {}
    for shape in (0.0, 1.0):
        heard = square_saw(angle, torch.tensor([shape]), highest_hz=torch.tensor([200.0])).flatten()
        spectra[shape] = np.abs(np.fft.rfft(heard.numpy()))
    assert spectra[0.0][400] < 0.01 * spectra[0.0][200]
    assert spectra[1.0][400] > 0.3 * spectra[1.0][200]
    assert spectra[0.0][600] == pytest.approx(spectra[0.0][200] / 3, rel=0.05)


def test_a_high_square_is_a_sine() -> None:
    steps = RATE // HOP
    angle = phase(torch.full((1, steps + 1), 5000.0), torch.zeros(1), hop=HOP, sample_rate=RATE)
    heard = square_saw(angle, torch.zeros(1), highest_hz=torch.tensor([5000.0])).flatten()
    assert strongest_hz(heard) == pytest.approx(5000, abs=2)
    spectrum = np.abs(np.fft.rfft(heard.numpy()))
    assert spectrum[1000] < 0.1 * spectrum[5000]


def test_frequency_modulation_has_sidebands_of_bessel_height() -> None:
    steps = RATE // HOP
    modulator = torch.cos(phase(torch.full((steps + 1,), 100.0), torch.tensor(0.0), hop=HOP, sample_rate=RATE))
    angle = modulated_phase(torch.tensor(2000.0), torch.tensor(150.0), modulator, torch.tensor(0.0), sample_rate=RATE)
    spectrum = np.abs(np.fft.rfft(torch.cos(angle).flatten().numpy())) * 2 / RATE
    bessel = {0: 0.5118, 1: 0.5579, 2: 0.2321}  # J_n(1.5)
    for order, height in bessel.items():
        assert spectrum[2000 + 100 * order] == pytest.approx(height, abs=0.01)
        assert spectrum[2000 - 100 * order] == pytest.approx(height, abs=0.01)


def test_a_modulated_frequency_stays_between_0_and_half_of_the_rate() -> None:
    modulator = torch.linspace(-1, 1, 4 * HOP).reshape(4, HOP)
    angle = modulated_phase(torch.tensor(100.0), torch.tensor(1e6), modulator, torch.tensor(0.0), sample_rate=RATE)
    steps = angle.diff(dim=-1)
    assert float(steps.min()) >= -1e-5
    assert float(steps.max()) <= math.pi + 1e-4


@pytest.mark.parametrize(("hz", "loss_db"), [(100, 0.0), (1000, 3.01), (4000, 24.1)])
def test_the_low_pass_loses_3_db_at_its_cutoff_and_12_an_octave_above(hz: float, loss_db: float) -> None:
    tone = torch.sin(2 * math.pi * hz * torch.arange(RATE) / RATE)[None]
    heard = low_pass(tone, torch.tensor([1000.0]), torch.tensor([math.sqrt(0.5)]), sample_rate=RATE)
    middle = slice(4000, 12_000)
    found_db = 20 * math.log10(float(tone[0, middle].std() / heard[0, middle].std()))
    assert found_db == pytest.approx(loss_db, abs=0.15)
