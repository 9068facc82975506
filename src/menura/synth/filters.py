"""Low-pass filter of a voice."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.synth.parameters import Parameter

__all__ = ["LOW_PASS", "low_pass"]

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
    response = 1 / torch.complex(1 - place * place, place / resonance[..., None])
    filtered: Tensor = torch.fft.irfft(torch.fft.rfft(waveform, length) * response, length)
    return filtered[..., :num_samples]
