"""What a classifier is, and what it learns from.

A classifier sees features and not recordings when it is fitted, so that features can be computed once per clip and
shared by all arms, seeds and amounts. It never sees a test clip before it predicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from menura.errors import BackendError, DatasetError
from menura.types import Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["BEST_OF", "CLASSIFIERS", "Classifier", "FittedClassifier", "TrainingExamples", "get_classifier"]

CLASSIFIERS = ("linear", "cnn", "finetune")
"""Names of the built-in classifiers; the first one is offered first, because it is better with few clips."""

BEST_OF = ("linear", "cnn")
"""What ``best`` chooses from."""

_ROUNDING = 1e-5


@dataclass(frozen=True)
class TrainingExamples:
    """Everything that one arm may learn from.

    Attributes:
        features: One array per example, as :meth:`Classifier.features` returns it.
        targets: ``[examples, labels]`` float32 of zeros and ones; shares in [0, 1] for mixtures of clips, which are
            never real ones, because settings are chosen on those.
        weights: ``[examples]`` float64, > 0, relative: how often ``cnn`` draws an example, how much its loss
            weighs in ``linear``.
        augment: Whether features are masked and mixed while training (SpecAugment and mixup); ``linear`` ignores it.
        groups: Source of each example. An example made from a parent shares the group of the parent, so that no inner
            validation looks at a parent whose children are in training; with several parents it has a tuple of all
            their groups.
        is_real: ``[examples]`` bool; only real examples are validated on.
        multilabel: Whether an example may carry several labels or none; None looks at the targets.
    """

    features: Sequence[NDArray[np.float32]]
    targets: NDArray[np.float32]
    weights: NDArray[np.float64]
    augment: bool
    groups: Sequence[str | tuple[str, ...]]
    is_real: NDArray[np.bool_]
    multilabel: bool | None = None

    def __post_init__(self) -> None:
        """Refuses arrays that do not fit together.

        Raises:
            DatasetError: There is no example, the lengths differ, or a weight is not positive.
        """
        lengths = {
            "features": len(self.features), "targets": len(self.targets), "weights": len(self.weights),
            "groups": len(self.groups), "is_real": len(self.is_real),
        }  # fmt: skip
        if len(set(lengths.values())) != 1 or not lengths["features"]:
            raise DatasetError(f"training examples differ in number or are empty: {lengths}")
        if not (np.isfinite(self.weights).all() and (self.weights > 0).all()):
            raise DatasetError("weights of training examples must be positive numbers; leave out what weighs nothing")

    def __len__(self) -> int:
        return len(self.features)

    @property
    def num_labels(self) -> int:
        """Number of labels."""
        return int(self.targets.shape[1])

    @property
    def is_multilabel(self) -> bool:
        """Whether labels are decided one by one (sigmoid) or exclude each other (softmax)."""
        if self.multilabel is not None:
            return self.multilabel
        return bool((np.abs(self.targets.sum(axis=1) - 1) > _ROUNDING).any())

    def take(self, chosen: NDArray[np.int64]) -> TrainingExamples:
        """The examples at the given indices."""
        return replace(
            self,
            features=[self.features[i] for i in chosen],
            targets=self.targets[chosen],
            weights=self.weights[chosen],
            groups=[self.groups[i] for i in chosen],
            is_real=self.is_real[chosen],
            multilabel=self.is_multilabel,
        )


class FittedClassifier(Protocol):
    """A classifier after training."""

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Probabilities ``[clips, labels]``: softmax, or a sigmoid per label when multi-label.

        A clip gets the same probabilities alone and among others, to the last few bits.
        """
        ...


@runtime_checkable
class Classifier(Protocol):
    """Learns labels from features. Holds settings, but no state between calls."""

    name: str
    feature_fingerprint: str
    """Changes whenever the same recording would give other features; part of every cache key."""

    def features(self, recording: Recording) -> NDArray[np.float32]:
        """Features of one clip of any rate, length and number of channels."""
        ...

    def fit(
        self, training: TrainingExamples, *, validation: TrainingExamples | None, steps: int, seed: int
    ) -> FittedClassifier:
        """Learns from ``training``; the same seed gives the same classifier.

        Args:
            training: What to learn from.
            validation: Real examples on which settings may be chosen; None chooses within ``training``. Never test.
            steps: Optimiser steps, equal in all arms.
            seed: Seed of everything that is drawn.
        """
        ...


def get_classifier(name: str, *, encoder: Encoder, sample_rate: int) -> Classifier:
    """The built-in classifier of that name.

    Args:
        name: ``linear``, ``cnn`` or ``finetune``.
        encoder: Gives the embeddings of ``linear`` and the network of ``finetune``.
        sample_rate: Rate of the dataset in Hz; ``cnn`` works at this rate or at 22,050 Hz, whichever is lower.

    Raises:
        BackendError: There is no such classifier, or the encoder has no network to fine-tune.
    """
    if name == "linear":
        from menura.classify.linear import LinearClassifier

        return LinearClassifier(encoder)
    if name == "cnn":
        from menura.classify.cnn import CnnClassifier

        return CnnClassifier(sample_rate)
    if name == "finetune":
        from menura.classify.finetune import FinetuneClassifier, trained_part

        return FinetuneClassifier(trained_part(encoder))
    raise BackendError(f"no classifier {name!r}; known classifiers: {', '.join(CLASSIFIERS)}")
