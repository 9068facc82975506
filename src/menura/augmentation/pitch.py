"""Pitch shifted by a fixed number of semitones, the tempo as it was, through audiomentations."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from menura.augmentation.classic import library
from menura.types import Waveform

__all__ = ["PITCH_2", "PITCH_3_5", "shift_pitch"]

PITCH_2 = (-2.0, -1.0, 1.0, 2.0)
"""Semitones of the set PS1."""
PITCH_3_5 = (-3.5, -2.5, 2.5, 3.5)
"""Semitones of the set PS2."""


def shift_pitch(waveform: Waveform, sample_rate: int, semitones: float) -> Waveform:
    """The waveform ``[channels, samples]`` at another pitch; same shape, nothing is drawn.

    Raises:
        BackendError: audiomentations is not installed.

    Source:
        The sets are those of Salamon and Bello 2017, arXiv:1608.04363, used by Ronchini et al. 2024 as
        the baselines PS1 and PS2.
    """
    return np.asarray(_shifter(semitones)(waveform, sample_rate=sample_rate), dtype=np.float32)


@lru_cache(maxsize=16)
def _shifter(semitones: float) -> Any:
    return library().PitchShift(min_semitones=semitones, max_semitones=semitones, p=1.0)
