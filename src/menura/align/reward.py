"""Scores by which generated clips of one prompt are ranked: agreement with the label, or gain of the whole set.

A score of a set, such as a distance to the real clips, says nothing of a single clip. What the set would lose without
the clip does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from menura.align.settings import RewardName
from menura.judge.agreement import margin
from menura.metrics.diversity import neighbour_radii

__all__ = ["agreement_scores", "coverage_gains", "kernel_gains", "scores_of"]

Floats = NDArray[np.float32] | NDArray[np.float64]

_TIE = 1e-6


def scores_of(
    name: RewardName,
    made: Floats,
    made_targets: NDArray[np.bool_],
    real: Floats,
    real_targets: NDArray[np.bool_],
    *,
    weights: NDArray[np.float32],
    bandwidth: float,
) -> NDArray[np.float64]:
    """Score of each generated clip ``[clips]``; a higher one is better.

    A reward of a distribution is taken label by label, against the real clips of the label, where there are two of
    them at least; else against all real clips.

    Args:
        name: Which reward.
        made, real: Placed embeddings ``[clips, dim]``.
        made_targets, real_targets: Which labels each carries ``[clips, labels]``.
        weights: Linear classifier of labels ``[dim, labels]``.
        bandwidth: Of the kernel.
    """
    if name == "label":
        return agreement_scores(made, made_targets, weights)
    scores = np.zeros(len(made))
    for row in np.unique(made_targets, axis=0):
        own = (made_targets == row).all(axis=1)
        alike = (real_targets & row).any(axis=1)
        reference = real[alike] if alike.sum() >= 2 else real
        scores[own] = (
            kernel_gains(reference, made[own], bandwidth=bandwidth)
            if name == "kad"
            else coverage_gains(reference, made[own])
        )
    return scores


def agreement_scores(made: Floats, targets: NDArray[np.bool_], weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far a classifier puts the clip's own label above all others ``[clips]``."""
    return margin(np.asarray(made @ weights, dtype=np.float64), targets)


def kernel_gains(real: Floats, made: Floats, *, bandwidth: float) -> NDArray[np.float64]:
    """How much farther from the real clips the generated set would be without each clip ``[clips]``.

    The unbiased squared maximum mean discrepancy of the others, less that of all: positive where the clip brings the
    set nearer. With ``M`` the sum of the kernel over pairs of generated clips, ``m_i`` the part of clip ``i`` and
    ``c_i`` its mean kernel with the real clips, all of it follows from one matrix.

    Args:
        real: Placed embeddings ``[real, dim]``.
        made: Placed embeddings ``[clips, dim]``; with fewer than three, nearness to the real clips decides.
        bandwidth: Of the Gaussian kernel.

    Source:
        The kernel distance of Chung et al. 2025, arXiv:2502.15602, as a reward of a distribution made one of single
        clips by leaving them out, after Bai et al. 2025, arXiv:2504.15217 (DRAGON).
    """
    across = _kernel(made, real, bandwidth).mean(axis=1)
    count = len(made)
    if count < 3:
        return np.asarray(across)
    within = _kernel(made, made, bandwidth)
    np.fill_diagonal(within, 0.0)
    rows, total = within.sum(axis=1), within.sum()
    of_all = total / (count * (count - 1)) - 2 * across.mean()
    of_others = (total - 2 * rows) / ((count - 1) * (count - 2)) - 2 * (across.sum() - across) / (count - 1)
    return np.asarray(of_others - of_all)


def coverage_gains(real: Floats, made: Floats, *, neighbours: int = 5) -> NDArray[np.float64]:
    """Share of the real clips that only this generated clip reaches ``[clips]``; nearness breaks ties.

    Source:
        The coverage of Naeem et al. 2020, arXiv:2002.09797, by leaving clips out.
    """
    from scipy.spatial.distance import cdist

    distances = cdist(np.asarray(real, dtype=np.float64), np.asarray(made, dtype=np.float64))
    reached = distances <= neighbour_radii(real, neighbours=min(neighbours, max(1, len(real) // 4)))[:, None]
    only = reached & (reached.sum(axis=1, keepdims=True) == 1)
    return np.asarray(only.mean(axis=0) - _TIE * distances.min(axis=0))


def _kernel(first: Floats, second: Floats, bandwidth: float) -> NDArray[np.float64]:
    from scipy.spatial.distance import cdist

    distances = cdist(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64), "sqeuclidean")
    return np.asarray(np.exp(-distances / (2 * bandwidth**2)))
