"""Embeddings made comparable and drawn on a plane: standardisation, principal components, cosine similarity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.errors import DatasetError

__all__ = ["Plane", "Standard", "cosine", "principal_plane"]

Floats = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True)
class Standard:
    """Zero mean and unit deviation in each dimension, measured on one set and applied to others.

    Attributes:
        mean: ``[dim]``.
        deviation: ``[dim]``, > 0; infinite where the set does not vary, so that this dimension says nothing.
        limit: Values further from the mean are held there, in deviations.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    limit: float = 5.0

    @classmethod
    def of(cls, embeddings: Floats) -> Standard:
        """Measured on embeddings ``[sounds, dim]``.

        Raises:
            DatasetError: There are fewer than two sounds, or all are equal.
        """
        if len(embeddings) < 2:
            raise DatasetError(f"{len(embeddings)} sounds have no deviation, expected at least two")
        mean = embeddings.mean(axis=0, dtype=np.float64)
        deviation = embeddings.std(axis=0, dtype=np.float64)
        varies = deviation > 1e-6 * np.maximum(1.0, np.abs(mean))
        if not varies.any():
            raise DatasetError("all embeddings are equal, expected sounds that differ")
        return cls(mean, np.where(varies, deviation, np.inf))

    def apply(self, embeddings: Floats) -> NDArray[np.float64]:
        """Standardised embeddings, same shape, within ``limit``."""
        return np.clip((embeddings - self.mean) / self.deviation, -self.limit, self.limit)


@dataclass(frozen=True)
class Plane:
    """The two directions in which a set varies most.

    Attributes:
        mean: ``[dim]``.
        axes: Orthonormal, ``[dim, 2]``.
        shares: Share of the variance along each axis, ``[2]``.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    shares: NDArray[np.float64]

    def place(self, embeddings: Floats) -> NDArray[np.float64]:
        """Positions ``[sounds, 2]`` of embeddings ``[sounds, dim]``."""
        return np.asarray((embeddings - self.mean) @ self.axes)


def principal_plane(embeddings: Floats) -> Plane:
    """Plane of the first two principal components of ``[sounds, dim]``; each axis points to its largest entry.

    Raises:
        DatasetError: There are fewer than three sounds or fewer than two dimensions.
    """
    if len(embeddings) < 3 or embeddings.shape[1] < 2:
        raise DatasetError(
            f"embeddings of shape {embeddings.shape} span no plane, expected three sounds in two dimensions or more"
        )
    mean = embeddings.mean(axis=0, dtype=np.float64)
    _, sizes, axes = np.linalg.svd(embeddings - mean, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][np.arange(2), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    total = float(np.square(sizes).sum()) or 1.0
    return Plane(mean, np.asarray(axes.T), np.asarray(np.square(sizes[:2]) / total))


def cosine(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Cosine similarity of each row of ``first`` with each of ``second``, ``[first, second]``; 0 for a row of zeros."""
    a, b = (_unit(np.asarray(rows, dtype=np.float64)) for rows in (first, second))
    return np.clip(a @ b.T, -1.0, 1.0)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(size > 0, size, 1.0))
