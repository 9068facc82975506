"""Augmentation policies: up to three operations of audiomentations in order, each at one of three strengths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from menura.augmentation.classic import library, seeded_globals
from menura.types import Waveform

__all__ = ["OPERATIONS", "STRENGTHS", "Operation", "Policy", "apply_policy", "draw_policy"]

STRENGTHS = (1, 2, 3)
"""Weak, middling, strong."""
_PROBABILITIES = (0.5, 0.75, 1.0)
_MOST_OPERATIONS = 3

_Build = Callable[[Any, int, float, int], Any]

OPERATIONS: Mapping[str, _Build] = {
    "noise": lambda lib, s, p, rate: lib.AddGaussianSNR(min_snr_db=35 - 10 * s, max_snr_db=45 - 10 * s, p=p),
    "pitch": lambda lib, s, p, rate: lib.PitchShift(min_semitones=-1.5 * s, max_semitones=1.5 * s, p=p),
    "stretch": lambda lib, s, p, rate: lib.TimeStretch(min_rate=1 / (1 + 0.1 * s), max_rate=1 + 0.1 * s, p=p),
    "gain": lambda lib, s, p, rate: lib.Gain(min_gain_db=-4.0 * s, max_gain_db=2.0 * s, p=p),
    "shift": lambda lib, s, p, rate: lib.Shift(
        min_shift=-s / 6, max_shift=s / 6, shift_unit="fraction", rollover=True, p=p
    ),
    "high-pass": lambda lib, s, p, rate: lib.HighPassFilter(
        min_cutoff_freq=20, max_cutoff_freq=_below(150 * 2**s, rate), p=p
    ),
    "low-pass": lambda lib, s, p, rate: lib.LowPassFilter(
        min_cutoff_freq=_below(8000 / 2**s, rate), max_cutoff_freq=_below(8000, rate), p=p
    ),
    "equaliser": lambda lib, s, p, rate: _equaliser(lib, 4.0 * s, p, rate),
    "distortion": lambda lib, s, p, rate: lib.TanhDistortion(min_distortion=0.01, max_distortion=0.2 * s, p=p),
    "mask": lambda lib, s, p, rate: lib.TimeMask(min_band_part=0.01, max_band_part=0.1 * s, p=p),
}
"""What a policy is made of; strengths 1 to 3 widen the range from which audiomentations draws."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a policy.

    Attributes:
        name: One of :data:`OPERATIONS`.
        strength: One of :data:`STRENGTHS`.
        probability: How often it happens.
    """

    name: str
    strength: int
    probability: float


Policy = tuple[Operation, ...]
"""Operations in order."""


def draw_policy(generator: np.random.Generator) -> Policy:
    """One to three different operations in random order, with random strengths; the first happens always.

    A policy whose copies may all be untouched would be a way to ask for repetition alone.
    """
    names = generator.permutation(sorted(OPERATIONS))[: generator.integers(1, _MOST_OPERATIONS + 1)]
    return tuple(
        Operation(
            str(name),
            int(generator.choice(STRENGTHS)),
            1.0 if i == 0 else float(generator.choice(_PROBABILITIES)),
        )
        for i, name in enumerate(names)
    )


def apply_policy(waveform: Waveform, sample_rate: int, policy: Policy, *, generator: np.random.Generator) -> Waveform:
    """An augmented copy of a waveform ``[channels, samples]``, of the same shape.

    Args:
        waveform: Some hundredths of a second at least.
        sample_rate: In Hz.
        policy: What happens to it.
        generator: Random state of this copy alone.

    Raises:
        BackendError: audiomentations is not installed.
    """
    chain = _chain(policy, sample_rate)
    with seeded_globals(int(generator.integers(2**32))):
        return np.asarray(chain(np.ascontiguousarray(waveform, np.float32), sample_rate=sample_rate), np.float32)


@lru_cache(maxsize=32)
def _chain(policy: Policy, sample_rate: int) -> Any:
    audio = library()
    return audio.Compose(
        [OPERATIONS[step.name](audio, step.strength, step.probability, sample_rate) for step in policy]
    )


def _equaliser(audio: Any, most_db: float, probability: float, sample_rate: int) -> Any:
    """Low, middle and high turned up or down; the library's own has filters above half of a low rate, which explode."""
    gains = {"min_gain_db": -most_db, "max_gain_db": most_db, "p": 1.0}
    bands = (audio.LowShelfFilter, 40, 200), (audio.PeakingFilter, 200, 2000), (audio.HighShelfFilter, 2000, 8000)
    return audio.Compose(
        [
            kind(min_center_freq=_below(low, sample_rate), max_center_freq=_below(high, sample_rate), **gains)
            for kind, low, high in bands
        ],
        p=probability,
    )


def _below(frequency_hz: float, sample_rate: int) -> float:
    """A cutoff that the filters can have at this rate."""
    return min(frequency_hz, 0.45 * sample_rate)
