"""Precision, recall, density and coverage: which sounds lie among the neighbours of the other set's sounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.errors import ConfigError, DatasetError
from menura.metrics.diversity import neighbour_radii, row_distances

__all__ = ["Overlap", "overlap"]

Floats = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Overlap:
    """How two sets lie in each other. Each sound reaches as far as its so-many-th nearest other one of its own set.

    Attributes:
        precision: Share of the other sounds within reach of a reference sound, in [0, 1]: are they plausible?
        recall: Share of the reference sounds within reach of one of the others, in [0, 1]: is everything reached?
        density: Number of reference sounds in whose reach one of the others lies, over ``neighbours``: about 1 for two
            draws of one distribution, more where the others crowd. An outlier of the reference matters little.
        coverage: Share of the reference sounds with one of the others in their own reach, in [0, 1]. An outlier
            among the others does not matter.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def overlap(reference: Floats, other: Floats, *, neighbours: int = 5) -> Overlap:
    """Precision, recall, density and coverage of the other set.

    All four depend on the numbers of sounds: compare sets of equal size only, beside the values of two halves of the
    reference. A set that copies the reference has 1 in all of them: they do not see copies.

    Args:
        reference, other: Embeddings ``[sounds, dim]``, more than ``neighbours`` sounds each.
        neighbours: Of which the last one says how far a sound reaches, >= 1.

    Raises:
        ConfigError: ``neighbours`` is below 1.
        DatasetError: A set has no more than ``neighbours`` sounds.

    Source:
        Kynkäänniemi et al. 2019, arXiv:1904.06991 (precision, recall); Naeem et al. 2020, arXiv:2002.09797,
        equations 3 and 4 (density, coverage).
    """
    if neighbours < 1:
        raise ConfigError(f"neighbours is {neighbours}, expected 1 or more")
    if min(len(reference), len(other)) <= neighbours:
        raise DatasetError(
            f"{len(reference)} and {len(other)} sounds, expected more than {neighbours} in each set for as many "
            "neighbours; add clips or ask for fewer neighbours"
        )
    own, others = (neighbour_radii(part, neighbours=neighbours) for part in (reference, other))
    reached = np.zeros(len(other), np.int64)
    start = covered = recalled = 0
    for distances in row_distances(reference, other):  # a block of reference sounds against all the others
        within = distances <= own[start : start + len(distances), None]
        reached += within.sum(axis=0)
        covered += int(within.any(axis=1).sum())
        recalled += int((distances <= others).any(axis=1).sum())
        start += len(distances)
    return Overlap(
        precision=float((reached > 0).mean()),
        recall=recalled / len(reference),
        density=float(reached.mean() / neighbours),
        coverage=covered / len(reference),
    )
