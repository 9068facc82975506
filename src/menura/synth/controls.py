"""Slow signals that move a sound: keyboard, envelopes and low-frequency oscillators, at the control rate.

Control frames lie a whole number of samples apart, so that bringing them to the rate of the samples is a straight
line within each step and nothing has to be looked up.

Source:
    Turian et al. 2021 (torchsynth), section 3, for the modules; Cherep and Singh 2024, arXiv:2406.05923, for the
    ranges.
"""

from __future__ import annotations

import math
from functools import reduce

import torch
from torch import Tensor

from menura.synth.parameters import Parameter

__all__ = ["ENVELOPE", "KEYBOARD", "LFO", "envelope", "lfo", "upsample"]

KEYBOARD = (
    Parameter("pitch", "MIDI note", 0, 127, what="pitch of the note; 69 is 440 Hz"),
    Parameter("duration", "s", 0.01, 4, curve=0.5, what="how long the key is held"),
)
ENVELOPE = (
    Parameter("attack", "s", 0, 2, curve=0.5, what="time to full level; at most as long as the key is held"),
    Parameter("decay", "s", 0, 2, curve=0.5, what="time from full to sustained level"),
    Parameter("sustain", "", 0, 1, what="level while the key is held"),
    Parameter("release", "s", 0, 5, curve=0.5, what="time to silence after the key is let go"),
    Parameter("alpha", "", 0.1, 6, what="exponent of all three ramps; 1 is a straight line"),
)
LFO = (
    Parameter("frequency", "Hz", 0, 20, curve=0.25, what="rate before the rate envelope"),
    Parameter("depth", "Hz", -10, 20, curve=0.5, symmetric=True, what="what the rate envelope adds at its peak"),
    Parameter("phase", "rad", -math.pi, math.pi, what="phase at the start"),
    Parameter("sine", "", 0, 1, what="weight of the sine"),
    Parameter("triangle", "", 0, 1, what="weight of the triangle"),
    Parameter("saw", "", 0, 1, what="weight of the rising saw"),
    Parameter("falling_saw", "", 0, 1, what="weight of the falling saw"),
    Parameter("square", "", 0, 1, what="weight of the square"),
)

_TINY = 1e-6


def envelope(values: Tensor, note_s: Tensor, *, num_frames: int, control_rate: float) -> Tensor:
    """Attack, decay and release of one note: ``ramp^a * ((1 - sustain) (1 - ramp)^a + sustain) * (1 - ramp)^a``.

    Args:
        values: Of :data:`ENVELOPE`, ``[..., 5]``.
        note_s: How long the key is held, ``[...]``. Attack, then decay, are cut to it.
        num_frames: Length.
        control_rate: Frames a second.

    Returns:
        ``[..., num_frames]`` in [0, 1].
    """
    attack_s, decay_s, sustain, release_s, alpha = (part[..., None] for part in values.unbind(-1))
    held_s = note_s[..., None]
    attack_s = torch.minimum(attack_s, held_s)
    decay_s = torch.minimum(decay_s, held_s - attack_s)
    time_s = torch.arange(num_frames, dtype=values.dtype, device=values.device) / control_rate
    up = _ramp(time_s, 0.0, attack_s) ** alpha
    down = (1 + _TINY - _ramp(time_s, attack_s, decay_s)) ** alpha
    out = (1 + _TINY - _ramp(time_s, held_s, release_s)) ** alpha
    return (up * ((1 - sustain) * down + sustain) * out).clamp(0, 1)


def _ramp(time_s: Tensor, start_s: float | Tensor, length_s: Tensor) -> Tensor:
    """From a trace above 0 at the start to 1 a length later; the trace keeps the gradient of small powers finite."""
    return (((time_s - start_s).clamp_min(0) + _TINY) / (length_s + _TINY)).clamp_max(1)


def lfo(values: Tensor, rate: Tensor, amplitude: Tensor, *, control_rate: float) -> Tensor:
    """Weighted mean of five shapes in [0, 1] at a rate that has an envelope, times an envelope.

    The shapes are weighted by ``w^e / sum w^e``, so that the strongest stands out.

    Args:
        values: Of :data:`LFO`, ``[..., 8]``.
        rate: Envelope of the rate, ``[..., frames]``.
        amplitude: Envelope of the amplitude, ``[..., frames]``.
        control_rate: Frames a second.

    Returns:
        ``[..., frames]`` in [0, 1].
    """
    frequency_hz, depth_hz, phase, *weights = (part[..., None] for part in values.unbind(-1))
    step = (frequency_hz + depth_hz * rate).clamp_min(0) / control_rate
    turns = step.cumsum(-1) - step + phase / (2 * math.pi)
    place = turns - turns.floor()
    triangle = 1 - (2 * place - 1).abs()
    shapes = [0.5 - 0.5 * torch.cos(2 * math.pi * place), triangle, place, 1 - place, (place < 0.5).to(place.dtype)]
    strong = [torch.exp(math.e * torch.log(weight + _TINY)) for weight in weights]
    total = reduce(torch.add, strong)  # not sum(), whose order depends on the size of the batch
    return amplitude * reduce(
        torch.add, [shape * (weight / total) for shape, weight in zip(shapes, strong, strict=True)]
    )


def upsample(control: Tensor, hop: int) -> Tensor:
    """Straight lines between control frames.

    Args:
        control: ``[..., frames + 1]``.
        hop: Samples from one frame to the next.

    Returns:
        ``[..., frames, hop]``: the samples from each frame up to the next.
    """
    share = torch.arange(hop, dtype=control.dtype, device=control.device) / hop
    before = control[..., :-1, None]
    return before + (control[..., 1:, None] - before) * share  # lerp and addcmul are five times as slow on such shapes
