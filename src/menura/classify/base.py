"""What a classifier is, and what it learns from.

A classifier sees features and not recordings when it is fitted, so that features can be computed once per clip and
shared by all arms, seeds and amounts. It never sees a test clip before it predicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from menura.errors import BackendError, DatasetError
from menura.types import Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = [
    "BEST_OF", "CLASSIFIERS", "ON_EMBEDDINGS", "PRETRAINED_KINDS", "PRETRAINED_SETTINGS", "RATES", "SIDE_BY_SIDE",
    "Classifier", "FitTask", "FittedClassifier", "TrainingExamples", "fit_many", "get_classifier", "is_pretrained",
    "split_setting", "unknown_classifier",
]  # fmt: skip

ON_EMBEDDINGS = ("linear", "mlp", "knn", "prototypes", "adapter", "adapter-trained")
"""Classifiers whose features are the embeddings of an encoder."""

SIDE_BY_SIDE = ("mlp",)
"""Classifiers with a ``fit_many`` that is quicker than one ``fit`` after the other."""

CLASSIFIERS = (*ON_EMBEDDINGS, "cnn", "finetune", "supcon", "cnn-3conv", "cnn-ronchini", "crnn")
"""Names of the built-in classifiers; the first one is offered first, because it is better with few clips."""

BEST_OF = ("linear", "cnn")
"""What ``best`` chooses from."""

RATES: Mapping[str, int] = MappingProxyType(
    {"cnn": 22_050, "supcon": 22_050, "cnn-3conv": 22_050, "cnn-ronchini": 16_000, "crnn": 16_000}
)
"""Highest rate, in Hz, of which a network that hears waveforms itself makes use."""

PRETRAINED_KINDS = ("ast", "transformers")
"""What stands before the colon of a pretrained network, ``KIND:PATH`` or ``KIND:PATH@SETTING``."""

PRETRAINED_SETTINGS = ("synthio-a", "synthio-b", "synthaudio", "head")
"""How a pretrained network may be trained; see :data:`menura.classify.pretrained.SETTINGS`. First the default."""

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


@dataclass(frozen=True)
class FitTask:
    """What one fit of several learns from, chooses on and draws by; see :meth:`Classifier.fit`."""

    training: TrainingExamples
    validation: TrainingExamples | None
    seed: int


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


def is_pretrained(name: str) -> bool:
    """Whether the name is ``KIND:PATH`` of a pretrained network, with or without ``@SETTING``."""
    kind, _, path = name.partition(":")
    return kind in PRETRAINED_KINDS and bool(path)


def split_setting(name: str) -> tuple[str, str]:
    """``KIND:PATH`` and the setting; what stands behind ``@`` and is no setting is a revision on the Hub.

    Example:
        >>> split_setting("ast:./my-ast@synthio-b")
        ('ast:./my-ast', 'synthio-b')
        >>> split_setting("ast:owner/name@v1")
        ('ast:owner/name@v1', 'synthio-a')
    """
    path, _, setting = name.rpartition("@")
    return (path, setting) if path and setting in PRETRAINED_SETTINGS else (name, PRETRAINED_SETTINGS[0])


def unknown_classifier(name: str) -> str | None:
    """What is wrong with the name of a classifier; None when there is one of that name."""
    if name in CLASSIFIERS or is_pretrained(name):
        return None
    paths = " or ".join(f"{kind}:PATH" for kind in PRETRAINED_KINDS)
    return (
        f"no classifier {name!r}; known classifiers: {', '.join(CLASSIFIERS)}; a pretrained network is asked for as "
        f"{paths}, with @ and one of {', '.join(PRETRAINED_SETTINGS)} behind it if you like"
    )


def fit_many(classifier: Classifier, tasks: Sequence[FitTask], *, steps: int) -> list[FittedClassifier]:
    """The classifiers of all tasks, in their order: by the classifier's own ``fit_many``, or one after the other."""
    at_once = getattr(classifier, "fit_many", None)
    if at_once is not None:
        return list(at_once(tasks, steps=steps))
    return [classifier.fit(t.training, validation=t.validation, steps=steps, seed=t.seed) for t in tasks]


def get_classifier(name: str, *, encoder: Encoder, sample_rate: int) -> Classifier:
    """The built-in classifier of that name, or the one that trains on a pretrained network.

    Args:
        name: One of :data:`CLASSIFIERS`, or ``ast:PATH`` or ``transformers:PATH`` with or without ``@SETTING``.
        encoder: Gives the embeddings of :data:`ON_EMBEDDINGS` and the network of ``finetune``.
        sample_rate: Rate of the dataset in Hz; ``cnn`` and ``supcon`` work at this rate or at 22,050 Hz, whichever is
            lower. Published and pretrained networks have their own.

    Raises:
        BackendError: There is no such classifier, the encoder has no network to fine-tune, or a pretrained network
            cannot be loaded.
    """
    unknown = unknown_classifier(name)
    if unknown:
        raise BackendError(unknown)
    if is_pretrained(name):
        from menura.classify.pretrained import load_pretrained

        return load_pretrained(name)
    if name == "linear":
        from menura.classify.linear import LinearClassifier

        return LinearClassifier(encoder)
    if name == "mlp":
        from menura.classify.mlp import MlpClassifier

        return MlpClassifier(encoder)
    if name == "knn":
        from menura.classify.knn import KnnClassifier

        return KnnClassifier(encoder)
    if name == "prototypes":
        from menura.classify.prototypes import PrototypeClassifier

        return PrototypeClassifier(encoder)
    if name in ("adapter", "adapter-trained"):
        from menura.classify.adapter import AdapterClassifier, TrainedAdapterClassifier

        return (AdapterClassifier if name == "adapter" else TrainedAdapterClassifier)(encoder)
    if name == "finetune":
        from menura.classify.finetune import FinetuneClassifier, trained_part

        return FinetuneClassifier(trained_part(encoder))
    if name == "cnn":
        from menura.classify.cnn import CnnClassifier

        return CnnClassifier(sample_rate)
    if name == "supcon":
        from menura.classify.contrastive import ContrastiveClassifier

        return ContrastiveClassifier(sample_rate)
    from menura.classify.published import PublishedClassifier

    return PublishedClassifier(name)
