"""How far synthetic sets lie from real sounds, beside how far two halves of the real sounds lie from each other.

Source:
    Cherep and Singh 2024, arXiv:2406.05923 (Fréchet audio distance between synthetic sounds and target tasks);
    Chung et al. 2025, arXiv:2502.15602 (kernel audio distance).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from menura.errors import DatasetError
from menura.metrics.distance import frechet_distance, frechet_limit, kernel_distance, sample_size_note
from menura.metrics.projection import Standard
from menura.metrics.statistics import Interval
from menura.studies.sound_sets import SoundSet, embed_sets
from menura.types import Progress

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["DistanceRow", "SetDistances", "set_distances"]

_FEWEST = 8


@dataclass(frozen=True, slots=True)
class DistanceRow:
    """One set against the reference.

    Attributes:
        name: Of the set.
        sounds: Number of sounds, the same for all sets and the reference.
        frechet: Fréchet audio distance.
        frechet_limit: The same extrapolated to infinitely many sounds.
        kernel: Kernel audio distance.
        kernel_interval: Its 95 % bootstrap interval.
        p: Share of random splits of both sets together that lie at least as far apart by the kernel distance.
    """

    name: str
    sounds: int
    frechet: float
    frechet_limit: float
    kernel: float
    kernel_interval: Interval
    p: float


@dataclass(frozen=True)
class SetDistances:
    """Result of :func:`set_distances`.

    Attributes:
        encoder: Name of the encoder.
        reference: Name of the first set.
        rows: One for each other set, in their order.
        notes: What a reader must know of the numbers.
    """

    encoder: str
    reference: str
    rows: tuple[DistanceRow, ...]
    notes: tuple[str, ...]


def set_distances(
    encoder: Encoder,
    sets: Sequence[SoundSet],
    *,
    standardise: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> SetDistances:
    """Fréchet and kernel audio distance of each set to the first one, all cut to the size of the smallest.

    Args:
        encoder: What hears them.
        sets: The reference first, at least two.
        standardise: Whether each dimension is first standardised by the reference; published distances of models such
            as VGGish or CLAP are measured without.
        seed: Of intervals and subsets.
        progress: Called with ``embedding``, sounds done, sounds in all.

    Raises:
        DatasetError: There are fewer than two sets, or one has fewer than eight sounds.
    """
    if len(sets) < 2:
        raise DatasetError(f"{len(sets)} sets, expected the reference and at least one other")
    smallest = min(sets, key=len)
    size = len(smallest)
    if size < _FEWEST:
        raise DatasetError(f"{smallest.name}: {size} sounds, expected at least {_FEWEST} in each set; add clips")
    even = [replace(sounds, recordings=sounds.recordings[:size]) for sounds in sets]
    embeddings = embed_sets(encoder, even, progress)
    heard: Sequence[NDArray[np.float32] | NDArray[np.float64]] = embeddings
    if standardise:
        standard = Standard.of(embeddings[0])
        heard = [standard.apply(found) for found in embeddings]
    reference, rows = heard[0], []
    for sounds, found in zip(even[1:], heard[1:], strict=True):
        kernel = kernel_distance(reference, found, seed=seed)
        rows.append(
            DistanceRow(
                name=sounds.name,
                sounds=size,
                frechet=frechet_distance(reference, found),
                frechet_limit=frechet_limit(reference, found, seed=seed),
                kernel=kernel.value,
                kernel_interval=kernel.interval,
                p=kernel.p,
            )
        )
    notes = (sample_size_note(size, encoder.dim), *(sounds.note for sounds in sets))
    return SetDistances(encoder.name, even[0].name, tuple(rows), tuple(note for note in notes if note))
