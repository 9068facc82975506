"""How varied a set of sounds is, and how much of another set it reaches, by embeddings. Arrays in, numbers out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from menura.errors import DatasetError

__all__ = ["coverage", "nearest_distances", "neighbour_radii", "vendi_score"]

Floats = NDArray[np.float32] | NDArray[np.float64]


def vendi_score(embeddings: Floats) -> float:
    """Number of different sounds that the set is worth: ``exp(-sum l ln l)``, ``l`` the eigenvalues of ``K / n``.

    ``K`` holds the cosines of the embeddings, those below 0 included: n copies of one sound are worth 1, n orthogonal
    ones n. It grows with the number of sounds: compare sets of equal size.

    Args:
        embeddings: ``[sounds, dim]``, centred on what counts as nothing in particular, such as the real clips' mean.

    Raises:
        DatasetError: There is no sound.

    Source:
        Friedman and Dieng 2023, arXiv:2210.02410, definition 3.1.
    """
    exact = np.asarray(embeddings, dtype=np.float64)
    if exact.ndim != 2 or not len(exact):
        raise DatasetError(f"embeddings have the shape {exact.shape}, expected [sounds >= 1, dim]")
    length = np.linalg.norm(exact, axis=1, keepdims=True)
    unit = exact / np.where(length > 0, length, 1.0)
    values = np.square(np.linalg.svd(unit, compute_uv=False)) / len(unit)
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum())) if values.size else 1.0


def nearest_distances(embeddings: Floats, others: Floats) -> NDArray[np.float64]:
    """Euclidean distance of each sound ``[sounds, dim]`` to the nearest of the others ``[others, dim]``, ``[sounds]``.

    Raises:
        DatasetError: There are no others.
    """
    if not len(others):
        raise DatasetError("there is no sound to be near to, expected at least one")
    return np.asarray(_distances(embeddings, others).min(axis=1))


def neighbour_radii(embeddings: Floats, *, neighbours: int = 5) -> NDArray[np.float64]:
    """Distance of each sound to its ``neighbours``-th nearest other one, or to the farthest where there are fewer.

    Raises:
        DatasetError: There are fewer than two sounds.
    """
    if len(embeddings) < 2:
        raise DatasetError(f"{len(embeddings)} sounds have no neighbours, expected at least two")
    ordered = np.sort(_distances(embeddings, embeddings), axis=1)
    return np.asarray(ordered[:, min(neighbours, len(ordered) - 1)])


def coverage(reference: Floats, other: Floats, *, neighbours: int = 5) -> float:
    """Share of the reference sounds that have a sound of the other set among their nearest neighbours, in [0, 1].

    Args:
        reference, other: Embeddings ``[sounds, dim]``.
        neighbours: A reference sound reaches as far as its so-many-th nearest other reference sound.

    Raises:
        DatasetError: There are fewer than two reference sounds, or no other one.

    Source:
        Naeem et al. 2020, arXiv:2002.09797, equation 4.
    """
    return float((nearest_distances(reference, other) <= neighbour_radii(reference, neighbours=neighbours)).mean())


def _distances(first: Floats, second: Floats) -> NDArray[np.float64]:
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)))
