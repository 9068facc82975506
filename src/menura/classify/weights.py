"""How much each training clip counts, and its labels as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["REAL_SHARE", "example_weights", "target_matrix"]

REAL_SHARE = 0.5
"""How often a real clip is drawn in arms that also have made ones, within each label that has both."""


def example_weights(targets: NDArray[np.float32], is_real: NDArray[np.bool_], *, balanced: bool) -> NDArray[np.float64]:
    """How often each example is drawn, with mean 1.

    Within a label real clips get :data:`REAL_SHARE` together and made ones the rest (all of it where there is one
    kind). Labels count equally when ``balanced``, else as often as they occur among real clips. An example with
    several labels gets the mean over them.

    Args:
        targets: ``[examples, labels]`` zeros and ones, at least one a row.
        is_real: ``[examples]``.
        balanced: Whether labels count equally.
    """
    share = np.zeros_like(targets, dtype=np.float64)
    for origin, portion in ((is_real, REAL_SHARE), (~is_real, 1 - REAL_SHARE)):
        count = targets[origin].sum(axis=0)
        alone = targets[~origin].sum(axis=0) == 0
        share[origin] = targets[origin] * np.where(alone, 1.0, portion) / np.maximum(count, 1)
    if not balanced:
        share *= targets[is_real].sum(axis=0)
    weights = share.sum(axis=1) / targets.sum(axis=1)
    return np.asarray(weights / weights.mean())


def target_matrix(labels_of: Sequence[Sequence[str]], labels: Sequence[str]) -> NDArray[np.float32]:
    """Zeros and ones ``[clips, labels]``."""
    column = {label: i for i, label in enumerate(labels)}
    targets = np.zeros((len(labels_of), len(labels)), dtype=np.float32)
    for row, names in enumerate(labels_of):
        targets[row, [column[name] for name in names]] = 1.0
    return targets
