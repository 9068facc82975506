"""Oscillators: sine, square to saw, and frequency modulation.

Signals are cut into control steps, ``[..., steps, hop]``. The frequency is a straight line within a step, so its
integral is a parabola whose coefficients are known at the control rate; only where another oscillator moves the
frequency is it summed sample by sample. Whole turns are taken off at the control rate in float64, so that the phase is
as exact at the end of a long sound as at its start.

Source:
    Lazzarini and Timoney 2010, "New perspectives on distortion synthesis for virtual analog oscillators", for the
    square to saw; Turian et al. 2021 (torchsynth), section 3.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from menura.synth.parameters import Parameter

__all__ = [
    "CARRIER",
    "SINE",
    "SQUARE_SAW",
    "frequency_hz",
    "modulated_phase",
    "phase",
    "square_saw",
]

_TURN = 2 * math.pi

SINE = (
    Parameter("tuning", "semitones", -24, 24, what="against the keyboard"),
    Parameter("depth", "semitones", -96, 96, curve=0.2, symmetric=True, what="what the pitch modulation adds at 1"),
    Parameter("phase", "rad", -math.pi, math.pi, what="phase at the start"),
)
SQUARE_SAW = (*SINE, Parameter("shape", "", 0, 1, what="0 is a square, 1 a saw"))
CARRIER = (
    SINE[0],
    Parameter("depth", "", -96, 96, curve=0.2, symmetric=True, what="deviation over the frequency, at modulator 1"),
    SINE[2],
)


def frequency_hz(note: Tensor) -> Tensor:
    """``440 * 2 ** ((note - 69) / 12)`` of MIDI notes, which are kept within 0 to 127."""
    return 440 * torch.exp((math.log(2) / 12) * (note.clamp(0, 127) - 69))


def phase(frequencies_hz: Tensor, start: Tensor, *, hop: int, sample_rate: int) -> Tensor:
    """Integral of a frequency that is a straight line from each control frame to the next.

    Args:
        frequencies_hz: ``[..., steps + 1]``.
        start: Phase of the first sample, ``[...]``, in radians.
        hop: Samples from one frame to the next.
        sample_rate: In Hz.

    Returns:
        Phase in radians, less whole turns at the start of each step, ``[..., steps, hop]``.
    """
    before, after = frequencies_hz[..., :-1], frequencies_hz[..., 1:]
    turn = _TURN * hop / sample_rate
    made = (before.double() + after.double()) * (hop / sample_rate / 2)
    base = _TURN * _whole_turns_off(made).to(start.dtype) + start[..., None]
    share = torch.arange(hop, dtype=start.dtype, device=start.device) / hop
    slope = (turn / 2 * (after - before))[..., None] * share + (turn * before)[..., None]
    return slope * share + base[..., None]


def modulated_phase(
    frequency: Tensor, deviation: Tensor, modulator: Tensor, start: Tensor, *, sample_rate: int
) -> Tensor:
    """Running sum of ``frequency + deviation * modulator``, kept between 0 and half of the rate.

    Args:
        frequency, deviation: In Hz, ``[...]``.
        modulator: ``[..., steps, hop]``.
        start: Phase of the first sample, ``[...]``, in radians.
        sample_rate: In Hz.

    Returns:
        Phase in radians, less whole turns at the start of each step, ``[..., steps, hop]``.
    """
    step = ((frequency[..., None, None] + deviation[..., None, None] * modulator) / sample_rate).clamp(0, 0.5)
    within = step.cumsum(-1)
    base = _whole_turns_off(within[..., -1].double()).to(start.dtype)
    return _TURN * (within - step + base[..., None]) + start[..., None, None]


def square_saw(angle: Tensor, shape: Tensor, *, highest_hz: Tensor) -> Tensor:
    """``(1 - shape / 2) s (1 + shape cos angle)`` with ``s = tanh(pi K sin(angle) / 2)``.

    ``K = 12000 / (f log10 f)`` bounds the harmonics; f is the highest frequency of the sound.

    Args:
        angle: Phase ``[..., steps, hop]``.
        shape: 0 for a square, 1 for a saw, ``[...]``.
        highest_hz: ``[...]``, above 1.
    """
    partials = 12_000 / (highest_hz * torch.log10(highest_hz))
    # tanh(x) = 2 sigmoid(2 x) - 1, which takes a tenth of the time
    square = 2 * torch.sigmoid((math.pi * partials)[..., None, None] * torch.sin(angle)) - 1
    shape = shape[..., None, None]
    return square * ((1 - shape / 2) * shape * torch.cos(angle) + (1 - shape / 2))


def _whole_turns_off(made: Tensor) -> Tensor:
    """Turns made before each step, less the whole ones, from those made within each, float64 ``[..., steps]``."""
    before = made.cumsum(-1) - made
    return before - before.detach().floor()
