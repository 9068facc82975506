"""How varied a set of sounds is, and how much of another set it reaches, by embeddings. Arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from menura.errors import ConfigError, DatasetError

__all__ = ["coverage", "nearest", "nearest_distances", "neighbour_radii", "row_distances", "vendi_score"]

Floats = NDArray[np.float32] | NDArray[np.float64]


_ROWS = 512


def vendi_score(embeddings: Floats, *, order: float = 1.0) -> float:
    """Number of different sounds that the set is worth: ``exp(-sum l ln l)``, ``l`` the eigenvalues of ``K / n``.

    ``K`` holds the cosines of the embeddings, those below 0 included: n copies of one sound are worth 1, n orthogonal
    ones n. It grows with the number of sounds: compare sets of equal size.

    Args:
        embeddings: ``[sounds, dim]``, centred on what counts as nothing in particular, such as the real clips' mean.
        order: Of the entropy, > 0: below 1 rare kinds of sound count for more, above 1 for less, with
            ``(sum l^order)^(1 / (1 - order))``; infinite asks for the most frequent one alone, ``1 / max l``.

    Raises:
        DatasetError: There is no sound.
        ConfigError: The order is not above 0.

    Source:
        Friedman and Dieng 2023, arXiv:2210.02410, definition 3.1; Pasarkar and Dieng 2024, arXiv:2310.12952 (orders).
    """
    exact = np.asarray(embeddings, dtype=np.float64)
    if exact.ndim != 2 or not len(exact):
        raise DatasetError(f"embeddings have the shape {exact.shape}, expected [sounds >= 1, dim]")
    if not order > 0:
        raise ConfigError(f"order is {order}, expected a number above 0, or infinity")
    length = np.linalg.norm(exact, axis=1, keepdims=True)
    unit = exact / np.where(length > 0, length, 1.0)
    values = np.square(np.linalg.svd(unit, compute_uv=False)) / len(unit)
    values = values[values > 1e-12]
    if not values.size:
        return 1.0
    if order == 1:
        return float(np.exp(-(values * np.log(values)).sum()))
    if np.isinf(order):
        return float(1 / values.max())
    return float(np.sum(values**order) ** (1 / (1 - order)))


def nearest_distances(embeddings: Floats, others: Floats) -> NDArray[np.float64]:
    """Euclidean distance of each sound ``[sounds, dim]`` to the nearest of the others ``[others, dim]``, ``[sounds]``.

    Raises:
        DatasetError: There are no others.
    """
    return nearest(embeddings, others)[1]


def nearest(embeddings: Floats, others: Floats) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which of the others is nearest to each sound, and its Euclidean distance, ``[sounds]`` each.

    Raises:
        DatasetError: There are no others.
    """
    if not len(others):
        raise DatasetError("there is no sound to be near to, expected at least one")
    found = [(rows.argmin(axis=1), rows.min(axis=1)) for rows in row_distances(embeddings, others)]
    which = np.concatenate([np.zeros(0, np.int64), *(one for one, _ in found)])
    return which, np.concatenate([np.zeros(0), *(distances for _, distances in found)])


def neighbour_radii(embeddings: Floats, *, neighbours: int = 5) -> NDArray[np.float64]:
    """Distance of each sound to its ``neighbours``-th nearest other one, or to the farthest where there are fewer.

    Raises:
        DatasetError: There are fewer than two sounds.
    """
    if len(embeddings) < 2:
        raise DatasetError(f"{len(embeddings)} sounds have no neighbours, expected at least two")
    place = min(neighbours, len(embeddings) - 1)
    return np.concatenate(
        [np.partition(rows, place, axis=1)[:, place] for rows in row_distances(embeddings, embeddings)]
    )


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


def row_distances(first: Floats, second: Floats) -> Iterator[NDArray[np.float64]]:
    """Euclidean distances ``[some of first, second]``, a few hundred rows at a time."""
    from scipy.spatial.distance import cdist

    others = np.asarray(second, dtype=np.float64)
    for start in range(0, len(first), _ROWS):
        yield np.asarray(cdist(np.asarray(first[start : start + _ROWS], dtype=np.float64), others))
