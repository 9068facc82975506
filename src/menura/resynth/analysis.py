"""One real clip taken apart into what can be moved: the parts, the envelope, the events, the background."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from menura.resynth.bands import band_means, to_db
from menura.resynth.events import Event, background_frames, find_events, find_onsets, sounding_span
from menura.resynth.parts import separate
from menura.resynth.presets import ResynthSettings
from menura.resynth.stft import OVERLAP, Floats, Spectra, frame_size, hann, spectra
from menura.types import Waveform

__all__ = ["Analysis", "Scene", "analyse", "loud_level_db"]

_BLOCK_S = 0.02


class Scene(NamedTuple):
    """Where a clip was recorded, as far as it can be laid under another one.

    Attributes:
        background_db: Mean level of the noise part in each band over the quietest frames, ``[bands]``.
        loud_db: Level of the loud parts of the waveform, see :func:`loud_level_db`.
    """

    background_db: Floats
    loud_db: float


@dataclass(frozen=True)
class Analysis:
    """Everything that rendering needs of one clip. Do not write to its arrays: children share them.

    Attributes:
        sample_rate: In Hz.
        num_samples: Of the clip.
        size: Frame size in samples.
        spectra: ``[channels, frames, bins]``, phases from the middle of each frame.
        reference: The loudest channel; phases are tracked on it and carried over to the others.
        drift: How far the phase of each bin moves over one hop beyond that of its centre frequency, in radians,
            ``[frames, bins]``.
        tonal, transient: Shares of the parts, ``[frames, bins]``.
        envelope_db: Level of each band, ``[frames, bands]``.
        noise_db: Level of the noise part in each band, ``[channels, frames, bands]``.
        background_db: Mean level of the noise part in each band over the quietest frames, ``[bands]``.
        level_db: Level of each frame in dB of full scale, ``[frames]``.
        events: What stands out of the background.
        onsets: Frames where something begins.
        sounding: First and last frame that are not digital silence.
        loud_db: Level of the loud parts of the waveform, see :func:`loud_level_db`.
    """

    sample_rate: int
    num_samples: int
    size: int
    spectra: Spectra
    reference: int
    drift: Floats
    tonal: Floats
    transient: Floats
    envelope_db: Floats
    noise_db: Floats
    background_db: Floats
    level_db: Floats
    events: tuple[Event, ...]
    onsets: NDArray[np.intp]
    sounding: tuple[int, int]
    loud_db: float

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return int(self.spectra.shape[1])

    @property
    def hop_s(self) -> float:
        """Step between frames in seconds."""
        return self.size / OVERLAP / self.sample_rate

    @property
    def scene(self) -> Scene:
        """What another clip can take over of where this one was recorded."""
        return Scene(self.background_db, self.loud_db)

    @cached_property
    def is_padded(self) -> bool:
        """Whether more than 0.1 s of digital silence lies before or after the sound."""
        start, stop = self.sounding
        return (start + self.num_frames - stop) * self.hop_s > 0.1 + 6 * self.hop_s

    @cached_property
    def inside(self) -> tuple[int, int]:
        """First and last frame (exclusive) that hear neither edge of the sound; all that sounds of a very short one.

        A frame that reaches over an edge is partly silent and ends in a jump, so it belongs there and nowhere else.
        """
        start, stop = self.sounding
        is_short = stop - start < 4 * OVERLAP
        return (start, stop) if is_short else (start + OVERLAP, stop - OVERLAP)

    @property
    def num_bytes(self) -> int:
        """Memory that it holds, for caches."""
        return int(self.spectra.nbytes + 3 * self.drift.nbytes + self.noise_db.nbytes + self.envelope_db.nbytes)


def analyse(waveform: Waveform, sample_rate: int, settings: ResynthSettings) -> Analysis:
    """Takes a clip apart.

    Args:
        waveform: ``[channels, samples]``, at least one sample.
        sample_rate: In Hz.
        settings: Says how long a frame is.
    """
    size = frame_size(sample_rate, settings.window_s)
    spectrum = spectra(waveform, size)
    power = np.square(spectrum.real)
    power += np.square(spectrum.imag)
    power *= np.float32(1 / np.square(hann(size)).sum())
    reference = int(np.argmax(power.sum(axis=(1, 2))))
    hop_s = size / OVERLAP / sample_rate
    power_db = to_db(power[reference])
    parts = separate(power_db, hop_s=hop_s, bin_width_hz=sample_rate / size)
    noise_share = 1 - parts.tonal - parts.transient
    level_db = to_db(power.sum(axis=0).sum(axis=1) * np.float32(2 / size))
    quiet = background_frames(level_db)
    noise = band_means(power * np.square(noise_share), sample_rate, size)
    return Analysis(
        sample_rate=sample_rate,
        num_samples=waveform.shape[1],
        size=size,
        spectra=spectrum,
        reference=reference,
        drift=_phase_drift(spectrum[reference]),
        tonal=parts.tonal,
        transient=parts.transient,
        envelope_db=to_db(band_means(power[reference], sample_rate, size)),
        noise_db=to_db(noise),
        background_db=to_db(noise[reference, quiet].mean(axis=0) if quiet.size else np.zeros_like(noise[0, 0])),
        level_db=level_db,
        events=find_events(level_db, hop_s=hop_s),
        onsets=find_onsets(level_db, hop_s=hop_s),
        sounding=sounding_span(level_db),
        loud_db=loud_level_db(waveform, sample_rate),
    )


def loud_level_db(waveform: Waveform, sample_rate: int) -> float:
    """Level in dB that a tenth of the sounding 20-ms blocks exceed; -120 for silence."""
    block = max(1, min(round(_BLOCK_S * sample_rate), waveform.shape[1]))
    whole = waveform[:, : waveform.shape[1] // block * block]
    power = np.square(whole).reshape(whole.shape[0], -1, block).mean(axis=(0, 2))
    sounding = power[power > 1e-10]
    return float(10 * np.log10(np.percentile(sounding, 90))) if sounding.size else -120.0


def _phase_drift(spectrum: Spectra) -> Floats:
    """Phase advance from the frame before, less that of the bin's centre (a quarter turn per bin), in [-pi, pi]."""
    turn = spectrum[1:] * np.conj(spectrum[:-1])
    turn *= np.array([1, -1j, -1, 1j], np.complex64)[np.arange(spectrum.shape[1]) % OVERLAP]
    drift = np.zeros(spectrum.shape, np.float32)
    np.arctan2(turn.imag, turn.real, out=drift[1:])
    return drift
