"""What the spectra of synthetic sounds have and lack, beside those of real ones and of dense mixtures of real ones.

Source:
    Cherep and Singh 2024, arXiv:2406.05923, figure 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.audio.clip_descriptors import SPECTRAL_FEATURES, Feature, spectral_features
from menura.errors import DatasetError
from menura.studies.sound_sets import SoundSet
from menura.types import Progress

__all__ = ["Spectra", "SpectraRow", "spectra"]

_PERCENTILES = (5, 25, 50, 75, 95)


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
        for position, feature in enumerate(SPECTRAL_FEATURES)
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
