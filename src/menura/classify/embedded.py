"""What classifiers on the embeddings of a frozen encoder have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import TrainingExamples
from menura.classify.inner import inner_splits
from menura.classify.linear import Scaling, stacked
from menura.types import Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["Embedded", "HeldOut", "held_out", "real_scaling", "unit_vectors"]

_INNER_FOLDS = 4

HeldOut = tuple[NDArray[np.float64], NDArray[np.float32]]
"""What each setting says about clips that were not learned from, ``[settings, clips, labels]``, and their targets."""


class Embedded:
    """Features of a classifier that sees a clip as its embedding.

    Args:
        encoder: Gives the embeddings; stays as it is.
    """

    name: str

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.feature_fingerprint = f"linear:{encoder.fingerprint}"  # one kind of features, shared on disk

    def features(self, recording: Recording) -> NDArray[np.float32]:
        """Embedding ``[dim]``."""
        return np.asarray(self._encoder.embed([recording])[0], dtype=np.float32)


def real_scaling(training: TrainingExamples) -> Scaling:
    """Standardisation by the real clips, or by all where none is real."""
    embeddings = stacked(training.features)
    return Scaling.of(embeddings[training.is_real] if training.is_real.any() else embeddings)


def unit_vectors(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Embeddings ``[n, dim]`` brought to length one; those of length zero stay."""
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(length, 1e-12), dtype=np.float32)


def held_out(
    training: TrainingExamples,
    validation: TrainingExamples | None,
    predict: Callable[[TrainingExamples, TrainingExamples], NDArray[np.float64]],
    *,
    seed: int,
) -> HeldOut | None:
    """What settings say about real clips whose sources they have not learned from.

    Args:
        training: What may be learned from.
        validation: What settings are chosen on; None holds out each of four grouped folds of the real training clips.
        predict: From clips to learn from and clips to answer for to ``[settings, clips, labels]``.
        seed: Orders equal groups.

    Returns:
        None when no split is possible.
    """
    if validation is not None:
        return predict(training, validation), validation.targets
    found, targets = [], []
    for split in inner_splits(training, folds=_INNER_FOLDS, seed=seed):
        apart = training.take(split.held_out)
        found.append(predict(training.take(split.fit), apart))
        targets.append(apart.targets)
    return (np.concatenate(found, axis=1), np.concatenate(targets)) if found else None
