"""Numbers that describe a sound: the shape of its spectra, of its envelope, and of its modulations.

Pure functions on arrays. Everything is finite for digital silence and for a single frame.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SPECTRAL_NAMES",
    "TEMPORAL_NAMES",
    "active_frames",
    "bandwidth_hz",
    "modulation_levels",
    "spectral_complexity",
    "spectral_flux",
    "spectral_shape",
    "temporal_shape",
    "zero_crossings_hz",
]

Floats = NDArray[np.float32] | NDArray[np.float64]

SPECTRAL_NAMES = ("centroid", "spread", "rolloff", "flatness", "crest", "harmonicity", "pitch")
"""Columns of :func:`spectral_shape`."""

TEMPORAL_NAMES = (
    "attack", "decay", "events", "event_contrast", "quiet_share", "level_spread", "level_skew", "centre", "periodicity",
    "period", "burstiness",
)  # fmt: skip
"""Entries of :func:`temporal_shape`."""

_TINY = 1e-12
_PITCH_HZ = (60.0, 1500.0)
_PITCH_RANGE_HZ = 8000.0
_SHORTER_PERIOD = 0.1
_EMPTY = 1e-6
_PEAK_SHARE = 0.005
_PEAK_HZ = (100.0, 5000.0)
_DB_PER_NEPER = np.float32(10 / np.log(10))


def spectral_shape(power: Floats, sample_rate: float) -> NDArray[np.float32]:
    """Shape of each frame's spectrum, without its level.

    What is 60 dB below a frame's highest bin counts as empty, so that the noise of an encoding does not matter.
    Centroid, spread and 85-% roll-off are in octaves over 1 kHz; flatness and crest in decibels; harmonicity is the
    highest normalised autocorrelation in [0, 1] at a lag of 60 to 1500 Hz, pitch is that lag in octaves over 100 Hz.

    Args:
        power: Power spectra ``[frames, bins]``, bins evenly from 0 Hz to half of the rate.
        sample_rate: In Hz.

    Returns:
        ``[frames, len(SPECTRAL_NAMES)]``.
    """
    spectrum = np.asarray(power, dtype=np.float32)
    spectrum = spectrum + (np.float32(_EMPTY) * spectrum.max(axis=1, keepdims=True) + np.float32(1e-20))
    octaves = _octaves(np.linspace(0.0, sample_rate / 2, spectrum.shape[1]), 1000.0)
    total = spectrum.sum(axis=1)
    moments = spectrum @ np.stack([octaves, octaves**2], axis=1).astype(np.float32)
    centroid = moments[:, 0] / total
    spread = np.sqrt(np.maximum(moments[:, 1] / total - centroid**2, 0.0))
    mean = total / spectrum.shape[1]
    flatness = _DB_PER_NEPER * (np.log(spectrum).mean(axis=1) - np.log(mean))
    crest = _DB_PER_NEPER * np.log(spectrum.max(axis=1) / mean)
    rolloff = _rolloff(spectrum, octaves)
    harmonicity, pitch = _pitch(spectrum, sample_rate)
    return np.stack([centroid, spread, rolloff, flatness, crest, harmonicity, pitch], axis=1).astype(np.float32)


def spectral_flux(power: Floats) -> NDArray[np.float32]:
    """How much the spectrum of each frame differs from that of the one before, without their levels.

    Distance of the two magnitude spectra, each of unit length: 0 for the same spectrum, the root of 2 for spectra
    with nothing in common. A silent frame has no spectrum and no flux.

    Args:
        power: Power spectra ``[frames, bins]``.

    Returns:
        ``[frames]``; the first is 0.
    """
    magnitude = np.sqrt(np.asarray(power, dtype=np.float64))
    size = np.sqrt(np.square(magnitude).sum(axis=1, keepdims=True))
    shape = magnitude / np.maximum(size, 1e-20)
    flux = np.sqrt(np.square(np.diff(shape, axis=0)).sum(axis=1)) * (size[1:, 0] > 0) * (size[:-1, 0] > 0)
    return np.asarray(np.concatenate([[0.0], flux]), dtype=np.float32)


def spectral_complexity(power: Floats, sample_rate: float) -> NDArray[np.float32]:
    """Number of peaks in each frame's spectrum from 100 Hz to 5 kHz.

    A peak is a bin above both neighbours whose magnitude is at least 0.005 of the greatest one of the frame (46 dB
    below it), so that the level does not matter.

    Args:
        power: Power spectra ``[frames, bins]``, bins evenly from 0 Hz to half of the rate.
        sample_rate: In Hz.

    Returns:
        ``[frames]``.

    Source:
        Laurier et al. 2010, "Indexing music by mood" (spectral complexity); the threshold there is on a fixed level.
    """
    spectrum = np.asarray(power, dtype=np.float64)
    middle = spectrum[:, 1:-1]
    frequency_hz = np.linspace(0.0, sample_rate / 2, spectrum.shape[1])[1:-1]
    stands_out = (middle > spectrum[:, :-2]) & (middle > spectrum[:, 2:])
    is_loud = middle >= _PEAK_SHARE**2 * np.maximum(spectrum.max(axis=1, keepdims=True), 1e-20)
    heard = (frequency_hz >= _PEAK_HZ[0]) & (frequency_hz <= _PEAK_HZ[1])
    return np.asarray(np.count_nonzero(stands_out & is_loud & heard, axis=1), dtype=np.float32)


def zero_crossings_hz(frames: Floats, sample_rate: float) -> NDArray[np.float32]:
    """How often a second the samples of each frame change sign; a tone has twice its frequency.

    Args:
        frames: Samples ``[frames, window]``.
        sample_rate: In Hz.

    Returns:
        ``[frames]``.
    """
    changes = np.count_nonzero(np.diff(np.signbit(frames), axis=1), axis=1)
    return np.asarray(changes * sample_rate / max(1, frames.shape[1] - 1), dtype=np.float32)


def active_frames(level_db: Floats, *, range_db: float = 25.0) -> NDArray[np.bool_]:
    """Which frames belong to the sound and not to the silence around it, by the clip's own level.

    Args:
        level_db: Level of each frame ``[frames]``.
        range_db: A frame is active when it is at most so far below the 95th percentile of the frames that are not
            digital silence.

    Returns:
        ``[frames]``; at least one is true.
    """
    sounding = level_db[level_db > level_db.min()] if float(np.ptp(level_db)) > 0 else level_db
    top_db = float(np.percentile(sounding, 95))
    return np.asarray(level_db >= top_db - range_db)


def temporal_shape(level_db: Floats, active: NDArray[np.bool_], *, frame_rate: float) -> NDArray[np.float32]:
    """Shape of the envelope between the first and the last active frame, so that padding does not count.

    Attack and decay are log2 of seconds from the loudest frame to 20 dB below it; events are log2 of (1 + rises of
    6 dB within 50 ms, a second); periodicity is the highest autocorrelation of the level at lags of 0.06 to 1.5 s.

    Args:
        level_db: Level of each frame ``[frames]``.
        active: Result of :func:`active_frames`.
        frame_rate: Frames a second.

    Returns:
        ``[len(TEMPORAL_NAMES)]``.
    """
    first, last = np.flatnonzero(active)[[0, -1]]
    level = np.asarray(level_db[first : last + 1], dtype=np.float64)
    peak = int(np.argmax(level))
    level = np.maximum(level - level[peak], -60.0)
    attack = _time_to(level[peak::-1], frame_rate)
    decay = _time_to(level[peak:], frame_rate)
    rises = np.maximum(_lagged(level, max(1, round(0.05 * frame_rate))), 0.0)
    onsets = (rises > 6.0) & ~np.concatenate([[False], rises[:-1] > 6.0])
    events = np.log2(1 + onsets.sum() * frame_rate / len(level))
    contrast = float(rises[onsets].mean()) if onsets.any() else 0.0
    energy = 10 ** (level / 10)
    centre = float((np.arange(len(level)) * energy).sum() / energy.sum() / max(1, len(level) - 1))
    spread = float(level.std())
    skew = float(((level - level.mean()) ** 3).mean() / (spread**3 + _TINY))
    periodicity, period = _period(level - level.mean(), frame_rate)
    burstiness = 10 * np.log10(energy.max() / energy.mean())
    values = [attack, decay, events, contrast, float((level < -30).mean()), spread, skew, centre]
    return np.array([*values, periodicity, period, burstiness], dtype=np.float32)


def modulation_levels(envelopes: Floats, *, frame_rate: float, edges_hz: tuple[float, ...]) -> NDArray[np.float32]:
    """How much each envelope fluctuates at each speed: a modulation spectrum in a few bands.

    Args:
        envelopes: Decibels ``[frames, bands]``.
        frame_rate: Frames a second.
        edges_hz: Edges of the modulation bands, ascending.

    Returns:
        ``[bands, len(edges_hz) - 1]``, root mean square fluctuation in log2(1 + dB).
    """
    centred = envelopes - envelopes.mean(axis=0)
    num_frames = len(centred)
    size = max(num_frames, round(2 * frame_rate / edges_hz[0]))
    power = np.abs(np.fft.rfft(centred, size, axis=0)) ** 2 * (2.0 / (num_frames * size))
    speeds = np.fft.rfftfreq(size, 1 / frame_rate)
    bands = [power[(speeds >= low) & (speeds < high)].sum(axis=0) for low, high in pairwise(edges_hz)]
    return np.asarray(np.log2(1 + np.sqrt(np.stack(bands, axis=1))), dtype=np.float32)


def bandwidth_hz(power: Floats, sample_rate: int, *, range_db: float = 60.0) -> float:
    """Highest frequency at which the mean spectrum is within ``range_db`` of its greatest 1/3-octave-wide density.

    Args:
        power: Power spectra ``[frames, bins]``.
        sample_rate: In Hz.
        range_db: How far below the top counts as empty.

    Returns:
        In Hz; 0 for silence.
    """
    mean = np.asarray(power, dtype=np.float64).mean(axis=0)
    if mean.max() <= 0:
        return 0.0
    above = np.flatnonzero(mean >= mean.max() * 10 ** (-range_db / 10))
    return float(above[-1] * sample_rate / 2 / max(1, len(mean) - 1))


def _octaves(frequency_hz: Floats, reference_hz: float) -> NDArray[np.float64]:
    return np.asarray(np.log2(np.maximum(frequency_hz, 20.0) / reference_hz))


def _rolloff(spectrum: NDArray[np.float32], octaves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where 85 % of the power lie below, to a twelfth of an octave (a bin, where bins are coarser)."""
    starts = np.unique(np.concatenate([[0], np.geomspace(1, spectrum.shape[1], 12 * 12).astype(int)[:-1]]))
    below = np.cumsum(np.add.reduceat(spectrum, starts, axis=1), axis=1)
    band = np.argmax(below >= 0.85 * below[:, -1:], axis=1)
    ends = np.append(starts[1:], spectrum.shape[1]) - 1
    return np.asarray(octaves[ends[band]])


def _pitch(spectrum: NDArray[np.float32], sample_rate: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Highest peak of the autocorrelation of each frame below 8 kHz: its height, and its lag as octaves over 100 Hz."""
    import scipy.fft

    num_bins = spectrum.shape[1]
    wanted = max(2, round((num_bins - 1) * min(1.0, 2 * _PITCH_RANGE_HZ / sample_rate)))
    half = min(int(scipy.fft.next_fast_len(wanted, real=True)), num_bins - 1)
    rate = sample_rate * half / (num_bins - 1)
    correlation = scipy.fft.irfft(spectrum[:, : half + 1], axis=1)
    low = max(1, int(rate / _PITCH_HZ[1]))
    high = min(half, int(rate / _PITCH_HZ[0]) + 1)
    if high <= low:
        return np.zeros(len(spectrum), np.float32), np.zeros(len(spectrum), np.float32)
    lags = correlation[:, low:high] / np.maximum(correlation[:, :1], 1e-20)
    best = lags.argmax(axis=1)
    height = np.clip(np.take_along_axis(lags, best[:, None], axis=1)[:, 0], 0.0, 1.0)
    return height, np.log2(rate / (best + low) / 100.0).astype(np.float32)


def _time_to(falling: NDArray[np.float64], frame_rate: float) -> float:
    below = np.flatnonzero(falling <= -20.0)
    frames = below[0] if below.size else len(falling)
    return float(np.log2(max(1, frames) / frame_rate))


def _lagged(values: NDArray[np.float64], lag: int) -> NDArray[np.float64]:
    padded = np.concatenate([np.full(lag, values[0]), values])
    return np.asarray(values - padded[: len(values)])


def _period(centred: NDArray[np.float64], frame_rate: float) -> tuple[float, float]:
    low, high = max(1, round(0.06 * frame_rate)), min(len(centred) // 2, round(1.5 * frame_rate))
    energy = float(np.square(centred).mean())
    if high <= low or energy < 1e-6:
        return 0.0, 0.0
    spectrum = np.fft.rfft(centred, 2 * len(centred))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: len(centred)] / np.arange(len(centred), 0, -1) / energy
    shorter_first = 1 - _SHORTER_PERIOD * np.arange(low, high) / high  # a multiple of the period correlates as much
    best = int(np.argmax(correlation[low:high] * shorter_first)) + low
    return float(np.clip(correlation[best], 0.0, 1.0)), float(np.log2(best / frame_rate))
