"""A recording as the windows that a model can hear, cut the same way each time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from menura.audio import resample
from menura.encoders.checks import require_sound
from menura.types import Recording

__all__ = ["window_starts", "windows_of"]


def window_starts(num_samples: int, window: int) -> list[int]:
    """Where windows start that cover all samples with as few as possible, evenly spaced from end to end.

    Example:
        >>> window_starts(25, 10)
        [0, 8, 15]
    """
    if num_samples <= window:
        return [0]
    count = -(-num_samples // window)
    return [round(index * (num_samples - window) / (count - 1)) for index in range(count)]


def windows_of(
    recording: Recording, *, sample_rate: int, window_s: float, least_s: float = 0.0
) -> list[NDArray[np.float32]]:
    """The mean over channels at another rate, cut into windows of equal length that overlap where need be.

    A recording that fits is one window of its own length; the model pads it as it was trained to.

    Args:
        recording: Any rate, length and number of channels.
        sample_rate: Of the model, in Hz.
        window_s: Longest window, in seconds.
        least_s: A shorter recording is repeated up to this, in seconds.

    Raises:
        AudioError: The waveform is empty or not finite.
    """
    require_sound(recording)
    mono = recording.waveform.mean(axis=0, keepdims=True, dtype=np.float32)
    waveform = resample(mono, recording.sample_rate, sample_rate)[0]
    least, window = round(least_s * sample_rate), round(window_s * sample_rate)
    if len(waveform) < least:
        waveform = np.resize(waveform, least)
    starts = window_starts(len(waveform), window)
    return [np.ascontiguousarray(waveform[start : start + window]) for start in starts]
