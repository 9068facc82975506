"""The same scenes elsewhere: one long room, a narrow microphone, another range of pitches, a floor of noise.

A shift is a few numbers in [0, 1], so that half of it is a shift too. It alters how a scene sounds and not what its
caption says first: a caption tells the scene as it was before, so that what ``low`` or ``dry`` means is a matter of
the world.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from menura.errors import ConfigError
from menura.seeding import item_generator
from menura.synth.render import Sounds
from menura.synth.scenes import scene_space

__all__ = ["SHIFTS", "Shift", "recorded", "repitched", "shift_named"]

Samples = NDArray[np.float64]

_ROOM_DECAY_S, _ROOM_START_S = 1.6, 0.01
_BAND_HZ, _BAND_SLOPE_DB, _LEAST_DB = (350.0, 3000.0), -30.0, -60.0
_PEAK_HZ, _PEAK_DB, _PEAK_OCTAVES = 1700.0, 12.0, 0.4
_CENTRE_NOTE, _WIDE_CENTRE_NOTE, _RANGE_SHARE = 84.0, 66.0, 0.3
_NOISE_SNR_DB, _NOISE_TILT_DB = 10.0, -3.0
_LOWEST_HZ, _PEAK = 40.0, 0.9
_PITCHED = ("impact.pitch", "voice.keyboard_1.pitch")


@dataclass(frozen=True, slots=True)
class Shift:
    """How much of each change, in [0, 1].

    Attributes:
        room: Reverberation of 1.6 s, the same room for all; at 1 it has the energy of the direct sound.
        microphone: Response within 350 Hz and 3 kHz with a resonance of 12 dB at 1.7 kHz, in decibels.
        pitch: Tones and modes within a third of their range around MIDI note 84; textures an octave up.
        noise: A falling noise floor; at 1 it is 10 dB below the clip.
    """

    room: float = 0.0
    microphone: float = 0.0
    pitch: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        """Refuses what is no share.

        Raises:
            ConfigError: A number lies outside of [0, 1].
        """
        for part in fields(self):
            if not 0 <= getattr(self, part.name) <= 1:
                raise ConfigError(f"shift: {part.name} is {getattr(self, part.name)}, expected a number in [0, 1]")

    def scaled(self, share: float) -> Shift:
        """The shift by a share of itself: 0 is none of it, 1 all.

        Raises:
            ConfigError: A number would leave [0, 1].
        """
        return Shift(*(share * getattr(self, part.name) for part in fields(self)))


SHIFTS: dict[str, Shift] = {
    "none": Shift(),
    "room": Shift(room=1.0),
    "microphone": Shift(microphone=1.0),
    "pitch": Shift(pitch=1.0),
    "noise": Shift(noise=1.0),
    "all": Shift(room=0.5, microphone=0.5, pitch=0.5, noise=0.4),
}
"""What can be asked for by name."""


def shift_named(name: str) -> Shift:
    """The shift of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in SHIFTS:
        raise ConfigError(f"no shift {name!r}; known shifts: {', '.join(SHIFTS)}")
    return SHIFTS[name]


def repitched(sounds: Sounds, amount: float) -> Sounds:
    """Scenes with their pitches moved and narrowed, and the spectra of their textures moved up by ``amount`` octaves.

    Args:
        sounds: Scenes.
        amount: In [0, 1]; 0 gives the same scenes.
    """
    if not amount:
        return sounds
    space = scene_space()
    values = space.values(sounds.parameters.double())
    moved = values.clone()
    for name in _PITCHED:
        column = space.names.index(name)
        goal = _CENTRE_NOTE + _RANGE_SHARE * (values[:, column] - _WIDE_CENTRE_NOTE)
        moved[:, column] = torch.lerp(values[:, column], goal, amount)
    first = space.names.index("texture.colour_1")
    colours = values[:, first : first + 8]
    below = torch.cat([torch.full_like(colours[:, :1], -48.0), colours[:, :-1]], dim=1)
    moved[:, first : first + 8] = torch.lerp(colours, below, amount)
    return Sounds(space.normalised(moved).float(), sounds.noise_seeds)


def recorded(
    samples: NDArray[np.float32], shift: Shift, *, sample_rate: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """A rendered scene in the room, through the microphone, with the noise; at a peak of 0.9.

    Args:
        samples: ``[samples]``.
        shift: How much of each; ``pitch`` does nothing here.
        sample_rate: In Hz.
        generator: Random state of this clip, for the noise.

    Returns:
        ``[samples]``; silence stays silent but for the noise.
    """
    from scipy.signal import oaconvolve

    sound: Samples = np.asarray(samples, dtype=np.float64)
    if shift.room:
        sound = sound + shift.room * oaconvolve(sound, _room(sample_rate))[: len(sound)]
    if shift.microphone:
        sound = _filtered(sound, shift.microphone * _response_db(len(sound), sample_rate))
    if shift.noise:
        octaves = np.log2(_frequencies_hz(len(sound), sample_rate) / 1000.0)
        floor = _filtered(generator.standard_normal(len(sound)), _NOISE_TILT_DB * octaves)
        level = shift.noise * 10 ** (-_NOISE_SNR_DB / 20) * max(_rms(sound), 1e-4)
        sound = sound + level * floor / _rms(floor)
    return np.asarray(sound * (_PEAK / max(float(np.abs(sound).max(initial=0.0)), 1e-5)), dtype=np.float32)


@lru_cache(maxsize=4)
def _room(sample_rate: int) -> Samples:
    """Impulse response of the one room after the direct sound, of unit energy; no seed of a run changes it."""
    time_s = np.arange(round(_ROOM_DECAY_S * sample_rate)) / sample_rate
    noise = item_generator(0, "the room of the shifted world", sample_rate).standard_normal(len(time_s))
    tail = noise * 10 ** (-3 * time_s / _ROOM_DECAY_S) * (time_s >= _ROOM_START_S)
    tail = tail / np.sqrt(np.square(tail).sum())
    tail.setflags(write=False)
    return np.asarray(tail)


def _response_db(num_samples: int, sample_rate: int) -> Samples:
    """Gain of the microphone at each frequency: a band with steep sides and a resonance in it."""
    frequency_hz = _frequencies_hz(num_samples, sample_rate)
    below = np.maximum(0.0, np.log2(_BAND_HZ[0] / frequency_hz))
    above = np.maximum(0.0, np.log2(frequency_hz / _BAND_HZ[1]))
    peak = _PEAK_DB * np.exp(-0.5 * (np.log2(frequency_hz / _PEAK_HZ) / _PEAK_OCTAVES) ** 2)
    return np.asarray(np.maximum(_BAND_SLOPE_DB * (below + above), _LEAST_DB) + peak)


def _filtered(samples: Samples, gain_db: Samples) -> Samples:
    spectrum = np.fft.rfft(samples, 2 * len(samples)) * 10 ** (gain_db / 20)
    return np.asarray(np.fft.irfft(spectrum)[: len(samples)])


def _frequencies_hz(num_samples: int, sample_rate: int) -> Samples:
    return np.asarray(np.maximum(np.fft.rfftfreq(2 * num_samples, 1 / sample_rate), _LOWEST_HZ))


def _rms(samples: Samples) -> float:
    return max(1e-9, float(np.sqrt(np.mean(np.square(samples)))))
