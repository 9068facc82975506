"""Products of spectra, and the low-pass filter of a voice."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.synth.parameters import Parameter

__all__ = ["LOW_PASS", "low_pass", "product"]

LOW_PASS = (
    Parameter("cutoff", "Hz", 30, 20_000, curve=0.25, what="above it 12 dB an octave are lost"),
    Parameter("resonance", "", 0.5, 8, curve=0.5, what="gain at the cut-off; 0.71 is flat"),
)


def low_pass(waveform: Tensor, cutoff_hz: Tensor, resonance: Tensor, *, sample_rate: int) -> Tensor:
    """Second-order low-pass ``1 / (1 - x^2 + i x / q)`` with ``x = f / cutoff``, as the analog circuit has it.

    Applied to the spectrum, so that it is batched and differentiable; as much silence as sound is appended first, so
    that what rings on does not come back at the start.

    Args:
        waveform: ``[..., samples]``.
        cutoff_hz, resonance: Of each sound, ``[...]``, > 0.
        sample_rate: In Hz.

    Returns:
        Same shape.
    """
    num_samples = waveform.shape[-1]
    length = 2 * num_samples
    frequency = torch.fft.rfftfreq(length, 1 / sample_rate, device=waveform.device, dtype=waveform.dtype)
    place = frequency / cutoff_hz[..., None]
    real, imaginary = 1 - place * place, place / resonance[..., None]
    size = real * real + imaginary * imaginary
    response = torch.complex(real / size, -imaginary / size)
    filtered: Tensor = torch.fft.irfft(product(torch.fft.rfft(waveform, length), response), length)
    return filtered[..., :num_samples]


def product(first: Tensor, second: Tensor) -> Tensor:
    """Complex product from real ones; torch's own rounds differently at the end of a batch."""
    real = first.real * second.real - first.imag * second.imag
    return torch.complex(real, first.real * second.imag + first.imag * second.real)
