"""What can be measured in a clip and said in words: level, brightness, pitch, strokes, decay, change.

Everything is finite for digital silence, for a single sample and for any rate, length and number of channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.audio import loudness_lufs
from menura.audio.descriptors import active_frames, spectral_shape
from menura.audio.level import FLOOR_DB
from menura.types import Recording

__all__ = ["Heard", "listen"]

_WINDOW_S, _HOP_S = 0.046, 0.01
_MOST_FRAMES = 2000
_RUMBLE_HZ = 80.0
_RANGE_DB, _ONSET_DB = 40.0, 6.0
_TONAL = 0.6
_HIGHEST_HZ = 1400.0
_NARROW_OCTAVES = 0.25
_DECAY_DB = (-5.0, -25.0)
_SILENT_DB = -100.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """Measures of one clip.

    Attributes:
        duration_s: Of the clip.
        loudness_lufs: Integrated loudness (ITU-R BS.1770); -120 for silence.
        centroid_hz: Middle of the power spectrum on a logarithmic axis, over the active frames.
        spread_octaves: Its width (standard deviation).
        tonality: Share of the active energy in frames that repeat themselves (normalised autocorrelation), in [0, 1].
        purity: Share of the tonal frames whose power lies in a single peak: 1 for a sine.
        pitch_hz: Median of the tonal frames; 0 when there is no pitch.
        glide_octaves: Pitch of the last quarter of the tonal frames over that of the first; 0 for a pitch that jumps.
        onsets_s: When something starts: a rise of 6 dB within 30 ms.
        regularity: 1 when all steps between onsets are equal, 0 when they differ as much as they are long.
        active_share: Share of the clip within 25 dB of its loud part.
        centre: When half of the energy has passed, as a share of the clip.
        trend_db: Level of the last third of the active part over that of the first.
        decay_s: Time in which the sound falls by 60 dB after its strongest onset; 0 when it does not fall freely.
    """

    duration_s: float
    loudness_lufs: float
    centroid_hz: float = 0.0
    spread_octaves: float = 0.0
    tonality: float = 0.0
    purity: float = 0.0
    pitch_hz: float = 0.0
    glide_octaves: float = 0.0
    onsets_s: tuple[float, ...] = ()
    regularity: float = 0.0
    active_share: float = 0.0
    centre: float = 0.5
    trend_db: float = 0.0
    decay_s: float = 0.0

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to describe."""
        return self.loudness_lufs <= FLOOR_DB


def listen(recording: Recording) -> Heard:
    """Measure one clip. Channels count by their power, so that opposite ones do not cancel each other.

    Args:
        recording: Any rate, length and number of channels.
    """
    rate = recording.sample_rate
    waveform = np.asarray(recording.waveform, dtype=np.float64)
    loudness = loudness_lufs(recording.waveform, rate)
    if not waveform.size or np.abs(waveform).max() < 10 ** (_SILENT_DB / 20):
        return Heard(recording.duration_s if waveform.size else 0.0, FLOOR_DB)
    hop = max(1, round(_HOP_S * rate))
    level_db = _level_db(_without_rumble(waveform, rate), hop)
    num_frames = len(level_db)
    active = active_frames(level_db)
    onsets = _onsets(level_db)
    energy = 10 ** (level_db / 10)
    heard = np.flatnonzero(active)
    heard = heard[:: max(1, -(-len(heard) // _MOST_FRAMES))]
    power = _power(waveform, heard * hop, window=1 << max(4, round(np.log2(_WINDOW_S * rate))))
    power = power * _ear(np.linspace(0.0, rate / 2, power.shape[1]))
    shape = spectral_shape(power, rate).astype(np.float64)
    weight = energy[heard] / energy[heard].sum()
    tonality, purity, pitch_hz, glide = _pitch(power, shape, weight, rate)
    hop_s = hop / rate
    return Heard(
        duration_s=recording.duration_s,
        loudness_lufs=loudness,
        centroid_hz=float(1000 * 2 ** (shape[:, 0] @ weight)),
        spread_octaves=float(shape[:, 1] @ weight),
        tonality=tonality,
        purity=purity,
        pitch_hz=pitch_hz,
        glide_octaves=glide,
        onsets_s=tuple(round(float(frame * hop_s), 3) for frame in onsets),
        regularity=_regularity(onsets),
        active_share=float(active.mean()),
        centre=float((np.searchsorted(np.cumsum(energy), energy.sum() / 2) + 0.5) / num_frames),
        trend_db=_trend_db(energy[np.flatnonzero(active)[0] : np.flatnonzero(active)[-1] + 1]),
        decay_s=_decay_s(level_db, onsets, hop_s),
    )


def _power(waveform: Floats, centres: NDArray[np.intp], *, window: int) -> Floats:
    """Power spectra ``[frames, bins]`` of frames around the given samples, channels summed."""
    padded = np.pad(waveform, ((0, 0), (window // 2, window)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)[:, centres]
    spectra = np.fft.rfft(frames * np.hanning(window), axis=2)
    return np.asarray(np.square(np.abs(spectra)).sum(axis=0), dtype=np.float64)


def _ear(frequency_hz: Floats) -> Floats:
    """Weight of each frequency in the power that is heard, 1 at 1 kHz: A-weighting.

    Without it the rumble of a microphone stand decides what a clip sounds like.

    Source:
        IEC 61672-1, annex E.
    """
    squared = np.square(frequency_hz)
    shape = 12194.0**2 * squared**2 / (squared + 20.6**2) / (squared + 12194.0**2)
    shape = shape / np.sqrt((squared + 107.7**2) * (squared + 737.9**2))
    return np.asarray(np.square(1.2589 * shape) + 1e-8)


def _without_rumble(waveform: Floats, sample_rate: int) -> Floats:
    """The waveform above 80 Hz, so that events are those that are heard."""
    from scipy.signal import butter, sosfilt

    sections = butter(2, min(_RUMBLE_HZ, 0.4 * sample_rate), "highpass", fs=sample_rate, output="sos")
    return np.asarray(sosfilt(sections, waveform, axis=1))


def _level_db(waveform: Floats, hop: int) -> Floats:
    """Mean power of each 20 ms around every hop, in dB, not more than 60 dB below the loudest."""
    power = np.square(waveform).sum(axis=0)
    total = np.concatenate([[0.0], np.cumsum(power)])
    centres = np.arange(0, len(power), hop)
    start, stop = np.maximum(centres - hop, 0), np.minimum(centres + hop, len(power))
    mean = np.maximum((total[stop] - total[start]) / np.maximum(stop - start, 1), 0.0)
    level = 10 * np.log10(mean + 1e-20)
    return np.asarray(np.maximum(level, level.max() - 60.0))


def _onsets(level_db: Floats) -> NDArray[np.intp]:
    """First frames of rises; a clip that begins with sound has one at its first frame."""
    floor = level_db.max() - _RANGE_DB
    level = np.maximum(np.concatenate([np.full(3, floor), level_db]), floor)
    rising = level[3:] - level[:-3] > _ONSET_DB
    rising &= level_db > level_db.max() - 25.0
    first = np.flatnonzero(rising & ~np.concatenate([[False], rising[:-1]]))
    apart = np.concatenate([[True], np.diff(first) > 4]) if first.size else np.zeros(0, bool)
    return np.asarray(first[apart])


def _regularity(onsets: NDArray[np.intp]) -> float:
    steps = np.diff(onsets)
    return float(max(0.0, 1 - steps.std() / steps.mean())) if len(steps) > 1 else 0.0


def _pitch(power: Floats, shape: Floats, weight: Floats, sample_rate: int) -> tuple[float, float, float, float]:
    """Tonality, purity, median pitch and glide.

    A frame whose power lies in one peak or a narrow band is as high as that; others are as high as their period. The
    period alone would give a whistle of 3 kHz as one of its subharmonics, because it is looked for below 1500 Hz; and
    a period at that very limit is no period but the likeness of dull noise to itself a moment later.
    """
    peak = power.argmax(axis=1)
    rows = np.arange(len(power))
    near = sum(power[rows, np.clip(peak + step, 0, power.shape[1] - 1)] for step in (-2, -1, 0, 1, 2))
    single = (near > 0.9 * power.sum(axis=1)) | (shape[:, 1] < _NARROW_OCTAVES)
    by_period = 100 * 2 ** shape[:, 6]
    tonal = (shape[:, 5] > _TONAL) & (single | (by_period < _HIGHEST_HZ))
    tonality = float(weight[tonal].sum())
    if not tonal.any() or tonality < 0.1:
        return tonality, 0.0, 0.0, 0.0
    bin_hz = sample_rate / 2 / max(1, power.shape[1] - 1)
    track = np.log2(np.where(single, np.maximum(peak, 1) * bin_hz, by_period)[tonal])
    rows = rows[: len(track)]
    quarter = max(1, len(track) // 4)
    glide = float(np.median(track[-quarter:]) - np.median(track[:quarter]))
    ranks = np.argsort(np.argsort(track, kind="stable"), kind="stable")
    order = float(np.corrcoef(ranks, rows)[0, 1]) if len(track) > 4 and ranks.std() else 0.0
    purity = float(single[tonal].mean())
    return tonality, purity, float(2 ** np.median(track)), glide if abs(order) > 0.8 else 0.0


def _trend_db(energy: Floats) -> float:
    third = max(1, len(energy) // 3)
    return float(10 * np.log10((energy[-third:].mean() + 1e-20) / (energy[:third].mean() + 1e-20)))


def _decay_s(level_db: Floats, onsets: NDArray[np.intp], hop_s: float) -> float:
    """Time of 60 dB by a line through the backward-integrated energy from -5 to -25 dB after the strongest onset.

    Source:
        Schroeder 1965, "New method of measuring reverberation time"; the range is that of T20 in ISO 3382.
    """
    if not onsets.size:
        return 0.0
    ends = np.append(onsets[1:], len(level_db))
    peaks = [level_db[start:stop].max() for start, stop in zip(onsets, ends, strict=True)]
    best = int(np.argmax(peaks))
    part = level_db[onsets[best] : max(onsets[best] + 1, ends[best] - 2)]
    part = part[int(part.argmax()) :]
    if len(part) < 3 or part[0] - part.min() < -_DECAY_DB[1] + 5:
        return 0.0
    energy = 10 ** (part / 10)
    fall_db = 10 * np.log10(np.cumsum(energy[::-1])[::-1] / energy.sum())
    inside = np.flatnonzero((fall_db <= _DECAY_DB[0]) & (fall_db >= _DECAY_DB[1]))
    if len(inside) < 3:
        return 0.03
    slope = np.polyfit(inside * hop_s, fall_db[inside], 1)[0]
    return float(-60 / slope) if slope < 0 else 0.0
