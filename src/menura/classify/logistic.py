"""Weighted logistic regression along a path of regularisation strengths, quick enough for an inner cross-validation.

The features are turned once into the eigenbasis of their weighted Gram matrix and scaled by the expected curvature in
each direction, so that L-BFGS sees a nearly round bowl; each strength starts from the solution of the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LogisticWeights", "fit_path", "log_loss", "probabilities"]

_BIAS_PENALTY = 1e-3
"""Keeps the bias of a label without examples finite."""


@dataclass(frozen=True)
class LogisticWeights:
    """Linear scores ``features @ slope + bias``.

    Attributes:
        slope: ``[dim, labels]``.
        bias: ``[labels]``.
        multilabel: Sigmoid per label instead of softmax.
    """

    slope: NDArray[np.float64]
    bias: NDArray[np.float64]
    multilabel: bool


def probabilities(features: NDArray[np.float32], weights: LogisticWeights) -> NDArray[np.float64]:
    """Probabilities ``[n, labels]`` of features ``[n, dim]``."""
    scores = features.astype(np.float64) @ weights.slope + weights.bias
    return np.asarray(_sigmoid(scores) if weights.multilabel else _softmax(scores), dtype=np.float64)


def log_loss(predicted: NDArray[np.float64], targets: NDArray[np.float32], *, multilabel: bool) -> float:
    """Mean over clips of the negative log probability of the truth; summed over labels when multi-label."""
    safe = np.clip(predicted, 1e-12, 1.0)
    loss = -(targets * np.log(safe)).sum(axis=1)
    if multilabel:
        loss = loss - ((1 - targets) * np.log(np.clip(1 - predicted, 1e-12, 1.0))).sum(axis=1)
    return float(loss.mean())


def fit_path(
    features: NDArray[np.float32],
    targets: NDArray[np.float32],
    weights: NDArray[np.float64],
    strengths: Sequence[float],
    *,
    multilabel: bool,
    max_iterations: int = 100,
) -> Iterator[LogisticWeights]:
    """Minimises ``sum_i w_i loss_i + |slope|^2 / (2 C)`` for each C, weights scaled to a mean of 1.

    Args:
        features: ``[n, dim]``, standardised.
        targets: ``[n, labels]`` of zeros and ones, or of shares (that sum to 1 unless multi-label).
        weights: ``[n]``, > 0, relative.
        strengths: Values of C, ascending: larger is less regularised.
        multilabel: Sigmoid per label instead of softmax.
        max_iterations: Limit of L-BFGS for each C.

    Yields:
        The solution for each C, in order.
    """
    from scipy.optimize import minimize

    weights = weights / weights.mean()
    curvatures, basis = _eigenbasis(features, weights)
    rotated = np.hstack([features @ basis, np.ones((len(features), 1), np.float32)])
    curvatures = np.append(curvatures, weights.sum())
    num_labels = targets.shape[1]
    solution = np.zeros((rotated.shape[1], num_labels))
    for strength in strengths:
        penalty = np.append(np.full(len(curvatures) - 1, 1 / strength), _BIAS_PENALTY)
        spread = 1 / np.sqrt(curvatures * (0.25 if multilabel else 1 / max(2, num_labels)) + penalty)
        problem = _Problem((rotated * spread).astype(np.float32), targets, weights, penalty * spread**2, multilabel)
        options = {"maxiter": max_iterations, "maxcor": 10, "ftol": 1e-7, "gtol": 1e-6}
        start = (solution / spread[:, None]).ravel()
        found = minimize(problem, start, jac=True, method="L-BFGS-B", options=options).x
        solution = found.reshape(solution.shape) * spread[:, None]
        yield LogisticWeights(basis.astype(np.float64) @ solution[:-1], solution[-1], multilabel)


@dataclass(frozen=True)
class _Problem:
    """Loss and gradient in scaled coordinates; the large products are float32."""

    features: NDArray[np.float32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float64]
    penalty: NDArray[np.float64]
    multilabel: bool

    def __call__(self, flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope = flat.reshape(self.features.shape[1], -1)
        scores = self.features @ slope.astype(np.float32)
        if self.multilabel:
            predicted, losses = _sigmoid(scores), np.logaddexp(0, scores) - self.targets * scores
        else:
            top = scores.max(axis=1, keepdims=True)
            powers = np.exp(scores - top)
            total = powers.sum(axis=1, keepdims=True)
            predicted, losses = powers / total, self.targets * (np.log(total) + top - scores)
        shrunk = self.penalty[:, None] * slope
        loss = float(self.weights @ losses.sum(axis=1, dtype=np.float64)) + 0.5 * float((shrunk * slope).sum())
        residual = (predicted - self.targets) * self.weights[:, None].astype(np.float32)
        return loss, (self.features.T @ residual + shrunk).ravel()


def _eigenbasis(
    features: NDArray[np.float32], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Eigenvalues, eigenvectors ``[dim, rank]`` of ``sum_i w_i x_i x_i'``, by the smaller of the two Gram matrices."""
    scaled = features.astype(np.float64) * np.sqrt(weights)[:, None]
    if scaled.shape[0] >= scaled.shape[1]:
        values, vectors = np.linalg.eigh(scaled.T @ scaled)
        keep = values > 1e-9 * max(values[-1], 1e-12)
        return values[keep], vectors[:, keep].astype(np.float32)
    values, left = np.linalg.eigh(scaled @ scaled.T)
    keep = values > 1e-9 * max(values[-1], 1e-12)
    vectors = scaled.T @ (left[:, keep] / np.sqrt(values[keep]))
    return values[keep], vectors.astype(np.float32)


def _softmax(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sigmoid(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * scores)))
