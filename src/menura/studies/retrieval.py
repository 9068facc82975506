"""Which clips of a pool are nearest to each label. Arrays in, indices out.

Source:
    Ghosh et al. 2025, arXiv:2410.02056 (Synthio), the baseline Retrieval: clips are fetched instead of generated. Its
    pool and query are not published; what is taken for them is said in docs/evaluate.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Taken", "embedding_similarity", "nearest_of_pool"]


@dataclass(frozen=True, slots=True)
class Taken:
    """A clip of the pool that was given to a label.

    Attributes:
        clip: Its index in the pool.
        label: The label.
        query: Index of the query of that label which it is nearest to.
        similarity: To that query.
    """

    clip: int
    label: str
    query: int
    similarity: float


def nearest_of_pool(
    similarity: NDArray[np.floating], labels: Sequence[str], wanted: Mapping[str, int]
) -> tuple[Taken, ...]:
    """As many clips of the pool for each label as are wanted, the nearest pairs first; no clip is given away twice.

    A clip is as near to a label as to the nearest query of it. Where two labels want one clip, the nearer one gets it,
    and the other one its next. Equal similarities go by the order of the labels and of the pool.

    Args:
        similarity: ``[queries, clips]``.
        labels: Label of each query.
        wanted: Label to a number of clips.

    Returns:
        By label, nearest first; fewer than wanted when the pool is exhausted.

    Example:
        >>> found = nearest_of_pool(np.array([[0.9, 0.8, 0.1], [0.7, 0.2, 0.0]]), ["a", "b"], {"a": 1, "b": 1})
        >>> [(one.label, one.clip) for one in found]
        [('a', 0), ('b', 1)]
    """
    names = sorted(label for label in set(labels) if wanted.get(label, 0) > 0)
    rows = {name: np.flatnonzero([label == name for label in labels]) for name in names}
    if not names or not similarity.shape[1]:
        return ()
    best = np.stack([similarity[rows[name]].max(axis=0) for name in names])
    free = np.ones(similarity.shape[1], dtype=np.bool_)
    taken: dict[str, list[Taken]] = {name: [] for name in names}
    for place in np.argsort(-best, axis=None, kind="stable"):
        row, clip = divmod(int(place), best.shape[1])
        name = names[row]
        if free[clip] and len(taken[name]) < wanted[name]:
            free[clip] = False
            query = int(rows[name][int(similarity[rows[name], clip].argmax())])
            taken[name].append(Taken(clip, name, query, float(best[row, clip])))
    return tuple(one for name in names for one in taken[name])


def embedding_similarity(queries: NDArray[np.floating], pool: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cosine of every query with every clip of the pool ``[queries, clips]``, after standardising by both together.

    Args:
        queries: Embeddings ``[queries, dim]``.
        pool: Embeddings ``[clips, dim]``.
    """
    both = np.concatenate([queries, pool]).astype(np.float64)
    deviation = both.std(axis=0)
    scaled = (both - both.mean(axis=0)) / np.where(deviation > 1e-9, deviation, 1.0)
    directions = scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-12)
    return np.asarray(directions[: len(queries)] @ directions[len(queries) :].T)
