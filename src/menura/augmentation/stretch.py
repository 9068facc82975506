"""Played faster or slower at the same pitch, through audiomentations."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from menura.augmentation.classic import library
from menura.types import Waveform

__all__ = ["STRETCH_RATES", "stretch_time"]

STRETCH_RATES = (0.81, 0.93, 1.07, 1.23)
"""Speeds: above 1 is faster, what was at ``t`` is then at ``t / rate``."""


def stretch_time(waveform: Waveform, sample_rate: int, rate: float) -> Waveform:
    """The waveform ``[channels, samples]`` at another speed; same shape, nothing is drawn.

    What gets too long is cut. What gets too short starts again from its beginning, as the networks of the paper fill
    short clips: silence at the end would be a mark of the copies.

    Raises:
        BackendError: audiomentations is not installed.

    Source:
        The rates are those of Salamon and Bello 2017, arXiv:1608.04363, used by Ronchini et al. 2024 as
        the baseline TS.
    """
    changed = np.asarray(_stretcher(rate)(waveform, sample_rate=sample_rate), dtype=np.float32)
    num_samples = waveform.shape[1]
    return np.ascontiguousarray(np.tile(changed, (1, -(-num_samples // changed.shape[1])))[:, :num_samples])


@lru_cache(maxsize=16)
def _stretcher(rate: float) -> Any:
    return library().TimeStretch(min_rate=rate, max_rate=rate, leave_length_unchanged=False, p=1.0)
