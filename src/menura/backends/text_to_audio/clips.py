"""What a model gives, made into a clip: channels, rate, exact length, level. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np

from menura.audio import resample
from menura.audio.level import gain, peak_dbfs, within_full_scale
from menura.errors import BackendError
from menura.types import Waveform

__all__ = ["QUIETEST_DBFS", "as_channels", "finished", "fitted"]

QUIETEST_DBFS = -60.0
"""A clip that peaks below is not made louder: it is a failure to be seen by the judges, not noise to be raised."""


def finished(
    made: Waveform, from_rate: int, *, sample_rate: int, num_samples: int, channels: int, target_dbfs: float | None
) -> Waveform:
    """The clip: mixed to the channels, resampled, cut or filled with silence to the length, brought to a peak.

    Args:
        made: ``[channels, samples]`` as the model gave it, at ``from_rate`` Hz.
        from_rate, sample_rate: In Hz.
        num_samples: Of the clip, at ``sample_rate``.
        channels: Of the clip, 1 or 2.
        target_dbfs: Peak in dB of full scale; None leaves the level, but never passes full scale.

    Raises:
        BackendError: The model gave numbers that are not finite.
    """
    if not np.isfinite(made).all():
        raise BackendError(
            "the model gave numbers that are not finite; half precision overflows in some models: "
            "take precision float32 or bfloat16"
        )
    waveform = fitted(resample(as_channels(made, channels), from_rate, sample_rate), num_samples)
    peak = peak_dbfs(waveform)
    if target_dbfs is not None and peak > QUIETEST_DBFS:
        waveform = gain(waveform, target_dbfs - peak)
    return within_full_scale(waveform)


def as_channels(waveform: Waveform, channels: int) -> Waveform:
    """Mean of the channels, or one channel repeated; as it is where the number is right already.

    Args:
        waveform: ``[channels, samples]``.
        channels: Wanted, 1 or 2.
    """
    if len(waveform) == channels:
        return np.ascontiguousarray(waveform, dtype=np.float32)
    mono = waveform.mean(axis=0, keepdims=True, dtype=np.float32)
    return np.repeat(mono, channels, axis=0)


def fitted(waveform: Waveform, num_samples: int) -> Waveform:
    """Cut at the end, or filled with silence there."""
    short = num_samples - waveform.shape[1]
    if short > 0:
        return np.pad(waveform, ((0, 0), (0, short)))
    return np.ascontiguousarray(waveform[:, :num_samples])
