"""A clip in a few numbers that a person can name: its spectrum, its pitch, its onsets, its modulations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.audio.descriptors import (
    SPECTRAL_NAMES,
    TEMPORAL_NAMES,
    active_frames,
    bandwidth_hz,
    modulation_levels,
    spectral_complexity,
    spectral_flux,
    spectral_shape,
    temporal_shape,
    zero_crossings_hz,
)
from menura.types import Recording

__all__ = ["DESCRIPTORS", "SPECTRAL_FEATURES", "Feature", "clip_descriptors", "spectral_features"]

_WINDOW_S, _HOP_S = 0.032, 0.01
_MODULATION_HZ = (0.5, 4.0, 16.0, 50.0)


@dataclass(frozen=True, slots=True)
class Feature:
    """A number that describes a sound: its name and its unit."""

    name: str
    unit: str


SPECTRAL_FEATURES = (
    *(
        Feature(name, unit)
        for name, unit in zip(
            SPECTRAL_NAMES,
            ("octaves over 1 kHz", "octaves", "octaves over 1 kHz", "dB", "dB", "0 to 1", "octaves over 100 Hz"),
            strict=True,
        )
    ),
    Feature("flux", "0 to 1.41"),
    Feature("complexity", "peaks"),
    Feature("zero crossings", "Hz"),
)
"""Columns of :func:`spectral_features`."""

DESCRIPTORS = (
    *SPECTRAL_FEATURES,
    Feature("upper limit", "octaves over 1 kHz"),
    Feature("onsets", "log2(1 + onsets a second)"),
    Feature("modulation below 4 Hz", "log2(1 + dB)"),
    Feature("modulation 4 to 16 Hz", "log2(1 + dB)"),
    Feature("modulation above 16 Hz", "log2(1 + dB)"),
)
"""Columns of :func:`clip_descriptors`. Spread: the bandwidth around the centroid, harmonicity: salience of pitch."""


def spectral_features(recording: Recording) -> NDArray[np.float64]:
    """Mean of each feature over the frames within 25 dB of the loud ones, so that padding does not count.

    Frames of 32 ms, a step of 10 ms; channels are averaged.

    Returns:
        ``[len(SPECTRAL_FEATURES)]``, finite.
    """
    frames, power = _frames(recording)
    return _spectral(frames, power, active_frames(_level_db(power)), recording.sample_rate)


def clip_descriptors(recording: Recording) -> NDArray[np.float64]:
    """The spectral features, the upper limit of the mean spectrum, and how the level moves.

    Onsets are rises of 6 dB within 50 ms, the start of the sound always one of them; modulations are fluctuations of
    the level between the first and the last active frame, from 0.5 to 4, 4 to 16 and 16 to 50 Hz. None of them depends
    on the level of the recording.

    Returns:
        ``[len(DESCRIPTORS)]``, finite.
    """
    frames, power = _frames(recording)
    level_db = _level_db(power)
    active = active_frames(level_db)
    rate = recording.sample_rate
    limit = np.log2(max(20.0, bandwidth_hz(power[active], rate)) / 1000)
    first, last = np.flatnonzero(active)[[0, -1]]
    heard = np.maximum(level_db[first : last + 1], level_db.max() - 60)[:, None]
    modulations = modulation_levels(heard, frame_rate=1 / _HOP_S, edges_hz=_MODULATION_HZ)[0]
    return np.asarray(
        [*_spectral(frames, power, active, rate), limit, _onsets(recording), *modulations], dtype=np.float64
    )


def _onsets(recording: Recording) -> float:
    """After a moment of silence, so that a clip that is padded has no onset more than one that is not."""
    silence = np.zeros((recording.waveform.shape[0], round(2 * _WINDOW_S * recording.sample_rate)), np.float32)
    padded = Recording(np.concatenate([silence, recording.waveform], axis=1), recording.sample_rate)
    level_db = _level_db(_frames(padded)[1])
    shape = temporal_shape(level_db, active_frames(level_db), frame_rate=1 / _HOP_S)
    return float(shape[TEMPORAL_NAMES.index("events")])


def _frames(recording: Recording) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Samples ``[frames, window]`` and power spectra ``[frames, bins]``."""
    rate = recording.sample_rate
    window, hop = max(8, round(_WINDOW_S * rate)), max(1, round(_HOP_S * rate))
    waveform = recording.waveform.mean(axis=0, dtype=np.float64)
    padded = np.pad(waveform, (0, max(0, window - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    spectrum = np.fft.rfft(frames * np.hanning(window + 2)[1:-1])
    return frames, np.square(spectrum.real) + np.square(spectrum.imag)


def _level_db(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(power.sum(axis=1) + 1e-14))


def _spectral(
    frames: NDArray[np.float64], power: NDArray[np.float64], active: NDArray[np.bool_], rate: int
) -> NDArray[np.float64]:
    columns = [
        spectral_shape(power, rate),
        spectral_flux(power)[:, None],
        spectral_complexity(power, rate)[:, None],
        zero_crossings_hz(frames, rate)[:, None],
    ]
    return np.asarray(np.concatenate(columns, axis=1)[active].mean(axis=0), dtype=np.float64)
