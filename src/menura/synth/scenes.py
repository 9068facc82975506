"""Procedural scenes: a voice, an impact and a texture, each with a rhythm, in one room, behind one hiss.

A scene is a point of a parameter space like a voice is, so that it is drawn, perturbed, stored and rendered by the same
functions. Every choice is a number: a source is absent when its level is low, an impact is a bell or a knock by its
decay, a texture is rain or crackle by the sharpness of its grains. What is random within a scene (noise, grains, the
tail of the room, unsteady strokes) is fresh for each rendering.

Source:
    The idea of training on procedural scenes instead of single voices: AudioPG, arXiv:2606.14791. Impacts as decaying
    modes: van den Doel and Pai 1998, "The sounds of physical shapes".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from menura.synth.controls import upsample
from menura.synth.filters import product
from menura.synth.noise import white_noise
from menura.synth.oscillators import frequency_hz
from menura.synth.parameters import Parameter, ParameterSpace
from menura.synth.voices import DESIGNS, parameter_space, sound

__all__ = ["SceneDesign", "SourceName", "one_source", "scene", "scene_space"]

SourceName = Literal["voice", "impact", "texture"]

IMPACT = (
    Parameter("pitch", "MIDI note", 24, 112, what="lowest mode"),
    Parameter("stretch", "", 0.6, 2.2, what="mode k sounds at k ** stretch; 1 is a string, 2 a bar"),
    Parameter("decay", "s", 0.01, 2, curve=0.4, what="time in which the lowest mode loses 60 dB"),
    Parameter("damping", "", 0, 3, what="how much faster higher modes die: decay / k ** damping"),
    Parameter("brightness", "dB per octave", -18, 3, what="level of higher modes"),
    Parameter("strike", "", 0, 1, curve=0.5, what="level of the noise of the strike"),
)
TEXTURE = (
    *(Parameter(f"colour_{i + 1}", "dB", -48, 0, what="level of an eighth of the octaves up to the top")
      for i in range(8)),
    Parameter("rate", "Hz", 0.5, 200, curve=0.4, what="grains a second"),
    Parameter("sharpness", "", 0.05, 20, curve=0.4, what="0 is steady, 1 a swell, 20 a crackle"),
)  # fmt: skip
RHYTHM = (
    Parameter("onset", "s", 0, 0.6, curve=0.6, what="first stroke"),
    Parameter("period", "s", 0.04, 0.8, curve=0.6, what="from stroke to stroke"),
    Parameter("strokes", "", 1, 12, curve=0.4, what="number of strokes; the last one fades in between"),
    Parameter("unsteadiness", "", 0, 0.4, curve=0.5, what="largest delay of a stroke, as a share of the period"),
)
ROOM = (
    Parameter("decay", "s", 0.03, 2, curve=0.5, what="reverberation time"),
    Parameter("level", "", 0, 0.6, curve=0.4, what="reverberation over direct sound"),
)
HISS = (
    Parameter("level", "", 0, 0.5, curve=0.25, what="over the peak of the rest"),
    Parameter("tilt", "dB per octave", -9, 3, what="slope of the spectrum"),
)
_LEVELS = tuple(
    Parameter(name, "", 0, 1, curve=0.5, what="level before mixing; the loudest source has 1")
    for name in ("voice", "impact", "texture")
)
_MODES, _STROKES = 8, 12
_LOWEST_HZ = 60.0
_GRAIN_RATE = 480.0


@dataclass(frozen=True, slots=True)
class SceneDesign:
    """The scene, where a voice is asked for. It has no settings."""

    name: str = "scene"


def scene_space() -> ParameterSpace:
    """Parameters of a scene: those of a voice, an impact and a texture, their rhythms and levels, room and hiss."""
    return _SPACE


_SPACE = ParameterSpace(
    {
        "voice": tuple(
            Parameter(name, p.unit, p.low, p.high, p.curve, p.symmetric, p.what)
            for name, p in parameter_space(DESIGNS["voice"])
        ),
        "impact": IMPACT,
        "texture": TEXTURE,
        "voice_rhythm": RHYTHM,
        "impact_rhythm": RHYTHM,
        "levels": _LEVELS,
        "room": ROOM,
        "hiss": HISS,
    }
)


def one_source(normalised: Tensor, source: SourceName) -> Tensor:
    """The same scenes with one source alone, from the start, at full level and without hiss; the room stays.

    Args:
        normalised: ``[..., parameters]``; not changed.
        source: Which one.
    """
    changed = normalised.clone()
    fixed = {"levels.voice": 0.0, "levels.impact": 0.0, "levels.texture": 0.0, "hiss.level": 0.0} | {
        "voice_rhythm.onset": 0.0, "impact_rhythm.onset": 0.0, f"levels.{source}": 1.0
    }  # fmt: skip
    for name, value in fixed.items():
        changed[..., _SPACE.names.index(name)] = value
    return changed


def scene(values: Tensor, seeds: Tensor, *, num_samples: int, sample_rate: int, control_rate: float) -> Tensor:
    """Waveforms of scenes. A scene does not depend on the others of the batch.

    Args:
        values: Of all parameters, in their units, ``[scenes, parameters]``.
        seeds: int64 ``[scenes]``, for all that is random within a scene.
        num_samples: Length.
        sample_rate: In Hz.
        control_rate: Of the voice, see :func:`menura.synth.voices.sound`.

    Returns:
        ``[scenes, num_samples]``, peak at most 1.
    """

    def of(module: str) -> Tensor:
        return _SPACE.of(values, module)

    voiced = sound(
        DESIGNS["voice"], of("voice"), seeds ^ 1,
        num_samples=num_samples, sample_rate=sample_rate, control_rate=control_rate,
    )  # fmt: skip
    struck = _impact(of("impact"), seeds, num_samples=num_samples, sample_rate=sample_rate)
    grains = _texture(of("texture"), seeds, num_samples=num_samples, sample_rate=sample_rate)
    levels = of("levels")
    length = 2 * num_samples
    rate = {"num_samples": num_samples, "sample_rate": sample_rate}
    total = torch.fft.rfft(levels[:, 2:] * _at_peak(grains), length)
    for i, (source, rhythm) in enumerate(((voiced, "voice_rhythm"), (struck, "impact_rhythm"))):
        strokes = torch.fft.rfft(_strokes(of(rhythm), seeds + i, **rate), length)
        total = total + product(torch.fft.rfft(levels[:, i : i + 1] * _at_peak(source), length), strokes)
    total = total + product(total, torch.fft.rfft(_tail(of("room"), seeds, **rate), length))
    mixed: Tensor = torch.fft.irfft(total, length)[:, :num_samples]
    level, tilt = of("hiss").unbind(1)
    white = white_noise(seeds ^ 7, num_samples)
    hiss = _coloured(white, tilt[:, None] * torch.log2(_frequencies_hz(white, sample_rate) / 1000))
    return _at_peak(_at_peak(mixed) + level[:, None] * _at_peak(hiss))


def _at_peak(waveforms: Tensor) -> Tensor:
    return waveforms / waveforms.abs().amax(1, keepdim=True).clamp_min(1e-5)


def _amplitude(gain_db: Tensor) -> Tensor:
    return torch.exp(gain_db * (math.log(10) / 20))  # not 10 ** x, whose last bits depend on the size of the batch


def _coloured(noise: Tensor, gain_db: Tensor) -> Tensor:
    """Noise ``[scenes, samples]`` with a gain at each frequency, ``[scenes, samples // 2 + 1]``."""
    spectrum, gain = torch.fft.rfft(noise), _amplitude(gain_db)
    coloured: Tensor = torch.fft.irfft(torch.complex(spectrum.real * gain, spectrum.imag * gain), noise.shape[1])
    return coloured


def _frequencies_hz(noise: Tensor, sample_rate: int) -> Tensor:
    frequency: Tensor = torch.fft.rfftfreq(noise.shape[1], 1 / sample_rate, device=noise.device)
    return frequency.clamp_min(_LOWEST_HZ)


def _impact(values: Tensor, seeds: Tensor, *, num_samples: int, sample_rate: int) -> Tensor:
    """Decaying modes, and a click of noise."""
    pitch, stretch, decay_s, damping, brightness, strike = (part[:, None] for part in values.unbind(1))
    time_s = torch.arange(num_samples, dtype=values.dtype, device=values.device) / sample_rate
    struck = strike * white_noise(seeds ^ 2, num_samples) * torch.exp(-time_s / 0.004)
    for k in range(1, _MODES + 1):
        hz = frequency_hz(pitch) * torch.exp(stretch * math.log(k))
        level_db = brightness * stretch * math.log2(k) - 1e3 * (hz > 0.48 * sample_rate)
        fall = 6.9 * torch.exp(damping * math.log(k)) / decay_s
        struck = struck + _amplitude(level_db) * torch.exp(-fall * time_s) * torch.sin(2 * math.pi * hz * time_s)
    return struck


def _texture(values: Tensor, seeds: Tensor, *, num_samples: int, sample_rate: int) -> Tensor:
    """Coloured noise whose level follows random grains."""
    colour_db, rate_hz, sharpness = values[:, :8], values[:, 8:9], values[:, 9:10]
    hop = max(1, round(sample_rate / _GRAIN_RATE))
    steps = -(-num_samples // hop)
    place = torch.arange(steps + 1, dtype=values.dtype, device=values.device) * (hop / sample_rate) * rate_hz
    heights = white_noise(seeds ^ 3, 2 + math.ceil(TEXTURE[8].high * (steps + 1) * hop / sample_rate)) / 2 + 0.5
    low = place.detach().floor().long()
    height = torch.lerp(heights.gather(1, low), heights.gather(1, low + 1), place - low)
    swell = upsample(torch.exp(sharpness * torch.log(height + 1e-4)), hop).flatten(1)[:, :num_samples]
    noise = white_noise(seeds ^ 4, num_samples)
    frequency = _frequencies_hz(noise, sample_rate)
    octave = torch.log2(frequency / _LOWEST_HZ) / math.log2(sample_rate / 2 / _LOWEST_HZ) * 7
    below = octave.floor().clamp(0, 6).long()
    gain_db = torch.lerp(colour_db[:, below], colour_db[:, below + 1], (octave - below).clamp(0, 1))
    return _coloured(noise, gain_db) * swell


def _strokes(values: Tensor, seeds: Tensor, *, num_samples: int, sample_rate: int) -> Tensor:
    """An impulse for each stroke, of its level, between two samples, ``[scenes, num_samples]``."""
    onset_s, period_s, strokes, unsteadiness = (part[:, None] for part in values.unbind(1))
    number = torch.arange(_STROKES, dtype=values.dtype, device=values.device)
    random = white_noise(seeds ^ 5, 2 * _STROKES)
    delay = unsteadiness * (random[:, :_STROKES] / 2 + 0.5)
    at = (onset_s + (number + delay) * period_s) * sample_rate
    level = (strokes - number).clamp(0, 1) * (1 - unsteadiness * (random[:, _STROKES:] / 2 + 0.5))
    before = at.detach().floor()
    train = values.new_zeros(len(values), num_samples + 1)  # what comes too late falls on the last place
    for place, share in ((before, 1 - (at - before)), (before + 1, at - before)):
        train = train.scatter_add(1, place.long().clamp_max(num_samples), level * share)
    return train[:, :num_samples]


def _tail(values: Tensor, seeds: Tensor, *, num_samples: int, sample_rate: int) -> Tensor:
    """Reverberation: decaying noise of the asked energy."""
    decay_s, level = values[:, :1], values[:, 1:2]
    time_s = torch.arange(num_samples, dtype=values.dtype, device=values.device) / sample_rate
    tail = white_noise(seeds ^ 6, num_samples) * torch.exp(-6.9 / decay_s * time_s)
    energy = (decay_s * sample_rate / (6 * 6.9)).clamp_min(1)  # of uniform noise, whose variance is a third
    return level * tail / energy.sqrt()
