"""Levels: peak and RMS in dBFS, loudness in LUFS."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from menura.types import Waveform

__all__ = ["FLOOR_DB", "dc_offset", "gain", "loudness_lufs", "peak_dbfs", "rms_dbfs", "within_full_scale"]

FLOOR_DB = -120.0
"""Level of digital silence; nothing is reported below it."""

_BLOCK_S, _STEP_S = 0.4, 0.1
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0


def peak_dbfs(waveform: Waveform) -> float:
    """Largest absolute sample in dB of full scale; :data:`FLOOR_DB` for silence or no samples."""
    return _to_db(float(np.max(np.abs(waveform), initial=0.0)), 20)


def rms_dbfs(waveform: Waveform) -> float:
    """Root mean square over all channels in dB of full scale: a full-scale sine has -3.01."""
    return _to_db(float(np.mean(np.square(waveform, dtype=np.float64))) if waveform.size else 0.0, 10)


def dc_offset(waveform: Waveform) -> float:
    """Largest mean of a channel, signed."""
    means = waveform.mean(axis=1, dtype=np.float64) if waveform.size else np.zeros(1)
    return float(means[np.argmax(np.abs(means))])


def gain(waveform: Waveform, gain_db: float) -> Waveform:
    """The waveform scaled by ``10 ** (gain_db / 20)``."""
    return np.asarray(waveform * np.float32(10 ** (gain_db / 20)), dtype=np.float32)


def within_full_scale(waveform: Waveform) -> Waveform:
    """The waveform scaled down by its own peak when that passes 1; else as it is."""
    peak = float(np.abs(waveform).max(initial=0.0))
    return np.asarray(waveform / peak, dtype=np.float32) if peak > 1.0 else waveform


def loudness_lufs(waveform: Waveform, sample_rate: int) -> float:
    """Integrated loudness with K-weighting and two gates; all channels weigh 1.

    A clip shorter than one block of 0.4 s is measured as a single block, which the standard leaves open.
    A 997-Hz sine of full scale on one channel measures -3.01 LUFS.

    Args:
        waveform: ``[channels, samples]``.
        sample_rate: In Hz.

    Returns:
        LUFS; :data:`FLOOR_DB` for silence.

    Source:
        ITU-R BS.1770-4, annex 1.
    """
    if not waveform.size:
        return FLOOR_DB
    power = _block_power(_k_weighted(waveform, sample_rate), sample_rate)
    loud = power[_lufs(power) > _ABSOLUTE_GATE_LUFS]
    if not loud.size:
        return max(FLOOR_DB, float(_lufs(power.mean())))
    gated = loud[_lufs(loud) > _lufs(loud.mean()) + _RELATIVE_GATE_LU]
    return float(_lufs(gated.mean()))


def _block_power(weighted: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    block, step = max(1, round(_BLOCK_S * sample_rate)), max(1, round(_STEP_S * sample_rate))
    energy = np.concatenate([[0.0], np.cumsum(np.square(weighted).sum(axis=0))])
    num_samples = weighted.shape[1]
    if num_samples < block:
        return np.array([energy[-1] / num_samples])
    starts = np.arange(0, num_samples - block + 1, step)
    return np.asarray((energy[starts + block] - energy[starts]) / block)


def _k_weighted(waveform: Waveform, sample_rate: int) -> NDArray[np.float64]:
    from scipy.signal import lfilter

    weighted = np.asarray(waveform, dtype=np.float64)
    for b, a in (_shelf(sample_rate), _high_pass(sample_rate)):
        weighted = lfilter(b, a, weighted, axis=1)
    return weighted


def _shelf(sample_rate: int) -> tuple[list[float], list[float]]:
    """High shelf of +4 dB above 1.7 kHz, for any rate (bilinear transform of the standard's analogue prototype)."""
    frequency_hz, gain_db, q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = math.tan(math.pi * min(frequency_hz / sample_rate, 0.49))
    high = 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    b = [(high + band * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - band * k / q + k * k) / a0]
    return b, [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]


def _high_pass(sample_rate: int) -> tuple[list[float], list[float]]:
    """Second-order high-pass at 38 Hz, for any rate."""
    frequency_hz, q = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * frequency_hz / sample_rate)
    a0 = 1 + k / q + k * k
    return [1.0, -2.0, 1.0], [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]


def _lufs(power: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-20))


def _to_db(value: float, factor: int) -> float:
    return max(FLOOR_DB, factor * math.log10(value)) if value > 0 else FLOOR_DB
