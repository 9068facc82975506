"""SpecAugment in the waveform: a band and a stretch of time silenced, so that every classifier gets to hear it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.types import Waveform

__all__ = ["WIDEST", "Masks", "draw_masks", "masked", "silence_masks"]

WIDEST = 3 / 16
"""Greatest width of either mask, as a share of the mel axis and of the duration: 24 of 128 bands and 96 of 512 frames,
the setting of the AST recipe for ESC-50, which Synthio trains with."""

_WINDOW_S = 0.032
_OVERLAP = 4


@dataclass(frozen=True, slots=True)
class Masks:
    """A band and a stretch of time, each as start and width, as shares of the mel axis and of the duration."""

    band: tuple[float, float]
    time: tuple[float, float]


def draw_masks(generator: np.random.Generator) -> Masks:
    """Widths from ``U(0, WIDEST)``, places from what then is left."""
    widths = WIDEST * generator.random(2)
    starts = (1 - widths) * generator.random(2)
    return Masks((float(starts[0]), float(widths[0])), (float(starts[1]), float(widths[1])))


def masked(masks: Masks, *, num_frames: int, num_bins: int, nyquist_hz: float) -> NDArray[np.bool_]:
    """Which values of a short-time spectrum ``[num_bins, num_frames]`` are silenced; at least one bin and one frame."""
    mels = _mel(np.linspace(0, nyquist_hz, num_bins)) / _mel(np.array(nyquist_hz))
    times = (np.arange(num_frames) + 0.5) / num_frames
    return np.asarray(_inside(mels, *masks.band)[:, None] | _inside(times, *masks.time)[None, :])


def silence_masks(waveform: Waveform, sample_rate: int, masks: Masks) -> Waveform:
    """The waveform ``[channels, samples]`` without a band and a stretch of time; same shape.

    The short-time spectrum (Hann windows of 32 ms, overlapping by three quarters) is set to zero under the masks and
    turned back by overlap and add, which is the waveform nearest to it. Masks therefore have soft edges of a window.
    The paper fills log-mel features with their mean; a waveform has silence instead. No time warping, which the paper
    finds to matter least.

    Args:
        waveform: Any length.
        sample_rate: In Hz.
        masks: What to silence.

    Source:
        Park et al. 2019, arXiv:1904.08779, section 2.
    """
    from scipy.signal import istft, stft

    size = _OVERLAP * max(4, round(_WINDOW_S * sample_rate / _OVERLAP))
    hop = size // _OVERLAP
    num_samples = waveform.shape[1]
    padded = np.pad(waveform, ((0, 0), (0, max(0, size - num_samples))))
    settings = {"fs": sample_rate, "window": "hann", "nperseg": size, "noverlap": size - hop}
    _, _, spectrum = stft(padded, **settings)
    hidden = masked(masks, num_frames=spectrum.shape[2], num_bins=spectrum.shape[1], nyquist_hz=sample_rate / 2)
    _, heard = istft(np.where(hidden, 0, spectrum), **settings)
    return np.asarray(heard[:, :num_samples], dtype=np.float32)


def _inside(positions: NDArray[np.float64], start: float, width: float) -> NDArray[np.bool_]:
    inside = (positions >= start) & (positions < start + width)
    if not inside.any():
        inside[int(np.argmin(np.abs(positions - start - width / 2)))] = True
    return inside


def _mel(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log1p(frequency_hz / 700))
