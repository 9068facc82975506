"""Nearest neighbours among embeddings: nothing is trained, so that nothing but the encoder is judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NEIGHBOURS", "Neighbours"]

NEIGHBOURS = (1, 3, 5, 10, 20, 50)
"""Numbers of neighbours that are tried."""

_AT_ONCE = 256
_LEAST_DISTANCE = 1e-6
"""Added to every distance, so that a clip that is there already decides alone but divides nothing by zero."""


@dataclass(frozen=True)
class Neighbours:
    """Clips that others are compared with, by cosine distance.

    Attributes:
        directions: Embeddings of length one ``[clips, dim]`` float32.
        targets: ``[clips, labels]`` of zeros and ones.
        weights: ``[clips]``, > 0: how much each counts, relative.
    """

    directions: NDArray[np.float32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float64]

    @classmethod
    def of(
        cls, embeddings: NDArray[np.float32], targets: NDArray[np.float32], weights: NDArray[np.float64]
    ) -> Neighbours:
        """From embeddings ``[clips, dim]`` of any length."""
        return cls(_directions(embeddings), targets, weights)

    def votes(self, embeddings: NDArray[np.float32], counts: Sequence[int]) -> NDArray[np.float64]:
        """Share of the votes that each label gets from the nearest clips, which vote with ``1 / distance``.

        Args:
            embeddings: ``[queries, dim]``.
            counts: Numbers of neighbours to try, each at least 1; more than there are clips means all of them.

        Returns:
            ``[counts, queries, labels]``; rows sum to 1 where each clip has one label.
        """
        parts = list(self._votes(_directions(embeddings), counts))
        if not parts:
            return np.zeros((len(counts), 0, self.targets.shape[1]))
        return np.concatenate(parts, axis=1)

    def _votes(self, queries: NDArray[np.float32], counts: Sequence[int]) -> Iterator[NDArray[np.float64]]:
        most = min(max(counts), len(self.directions))
        for start in range(0, len(queries), _AT_ONCE):
            distances = 1.0 - queries[start : start + _AT_ONCE] @ self.directions.T
            nearest = np.argpartition(distances, most - 1, axis=1)[:, :most]
            near = np.take_along_axis(distances, nearest, axis=1)
            order = np.lexsort((nearest, near), axis=1)
            nearest = np.take_along_axis(nearest, order, axis=1)
            near = np.take_along_axis(near, order, axis=1).astype(np.float64)
            strength = self.weights[nearest] / (np.maximum(near, 0.0) + _LEAST_DISTANCE)
            yield np.stack([self._share(nearest[:, :count], strength[:, :count]) for count in counts])

    def _share(self, nearest: NDArray[np.int64], strength: NDArray[np.float64]) -> NDArray[np.float64]:
        share = strength / strength.sum(axis=1, keepdims=True)
        return np.asarray(np.einsum("qk,qkl->ql", share, self.targets[nearest]), dtype=np.float64)


def _directions(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(length, 1e-12), dtype=np.float32)
