"""What the spectra of synthetic sounds have and lack, beside those of real ones and of dense mixtures of real ones.

Source:
    Cherep and Singh 2024, arXiv:2406.05923, figure 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.audio.descriptors import (
    SPECTRAL_NAMES,
    active_frames,
    spectral_complexity,
    spectral_flux,
    spectral_shape,
    zero_crossings_hz,
)
from menura.errors import DatasetError
from menura.studies.sound_sets import SoundSet
from menura.types import Progress, Recording

__all__ = ["FEATURES", "Feature", "Spectra", "SpectraRow", "spectra", "spectral_features"]

_WINDOW_S, _HOP_S = 0.032, 0.01
_PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True, slots=True)
class Feature:
    """A spectral feature: its name and its unit."""

    name: str
    unit: str


FEATURES = (
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


@dataclass(frozen=True, slots=True)
class SpectraRow:
    """One feature of one set.

    Attributes:
        name: Of the set.
        feature, unit: Which feature.
        sounds: Number of sounds.
        p5, p25, median, p75, p95: Percentiles over sounds.
        mean: Over sounds.
        distance: Mean distance between the sorted values of the set and of the reference (earth mover's), in standard
            deviations of the reference; 0 for the reference.
    """

    name: str
    feature: str
    unit: str
    sounds: int
    p5: float
    p25: float
    median: float
    p75: float
    p95: float
    mean: float
    distance: float


@dataclass(frozen=True)
class Spectra:
    """Result of :func:`spectra`.

    Attributes:
        reference: Name of the first set.
        rows: By set, then by feature.
        values: Name of the set to ``[sounds, features]``.
        mean_distances: Name of the set to the mean over features of its distance.
        notes: What a reader must know of the sets.
    """

    reference: str
    rows: tuple[SpectraRow, ...]
    values: Mapping[str, NDArray[np.float64]]
    mean_distances: Mapping[str, float]
    notes: tuple[str, ...]


def spectral_features(recording: Recording) -> NDArray[np.float64]:
    """Mean of each feature over the frames within 25 dB of the loud ones, so that padding does not count.

    Frames of 32 ms, a step of 10 ms; channels are averaged.

    Returns:
        ``[len(FEATURES)]``, finite.
    """
    rate = recording.sample_rate
    window, hop = max(8, round(_WINDOW_S * rate)), max(1, round(_HOP_S * rate))
    waveform = recording.waveform.mean(axis=0, dtype=np.float64)
    padded = np.pad(waveform, (0, max(0, window - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    spectrum = np.fft.rfft(frames * np.hanning(window + 2)[1:-1])
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    active = active_frames(10 * np.log10(power.sum(axis=1) + 1e-14))
    columns = [
        spectral_shape(power, rate),
        spectral_flux(power)[:, None],
        spectral_complexity(power, rate)[:, None],
        zero_crossings_hz(frames, rate)[:, None],
    ]
    return np.asarray(np.concatenate(columns, axis=1)[active].mean(axis=0), dtype=np.float64)


def spectra(sets: Sequence[SoundSet], *, progress: Progress | None = None) -> Spectra:
    """Spectral features of each sound, and how far each set lies from the first.

    Args:
        sets: The reference first.
        progress: Called with ``spectra``, sounds done, sounds in all.

    Raises:
        DatasetError: There is no set, or two have one name.
    """
    names = [sounds.name for sounds in sets]
    if not sets or len(set(names)) < len(names):
        raise DatasetError(f"sets are {names}, expected at least one, each with a name of its own")
    total, done = sum(map(len, sets)), 0
    values: dict[str, NDArray[np.float64]] = {}
    for sounds in sets:
        values[sounds.name] = np.stack([spectral_features(recording) for recording in sounds.recordings])
        done += len(sounds)
        if progress is not None:
            progress("spectra", done, total)
    rows = tuple(
        _row(name, feature, values[name][:, position], values[names[0]][:, position])
        for name in names
        for position, feature in enumerate(FEATURES)
    )
    means = {name: float(np.mean([row.distance for row in rows if row.name == name])) for name in names}
    return Spectra(names[0], rows, values, means, tuple(sounds.note for sounds in sets if sounds.note))


def _row(name: str, feature: Feature, found: NDArray[np.float64], reference: NDArray[np.float64]) -> SpectraRow:
    from scipy.stats import wasserstein_distance

    deviation = max(float(reference.std()), 1e-9)
    p5, p25, median, p75, p95 = (float(value) for value in np.percentile(found, _PERCENTILES))
    distance = float(wasserstein_distance(found, reference)) / deviation
    return SpectraRow(
        name, feature.name, feature.unit, len(found), p5, p25, median, p75, p95, float(found.mean()), distance
    )
