"""Picks among classifiers, and their mean, on a validation part of the training clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import Classifier, FittedClassifier, TrainingExamples
from menura.classify.inner import inner_splits, validation_score
from menura.errors import ConfigError

__all__ = ["FittedBest", "candidates", "choose", "fit_best"]

_FOLDS, _FOLDS_USED = 4, 2
_STEPS_SHARE = 0.5


@dataclass(frozen=True)
class FittedBest:
    """All classifiers, and which of them were chosen.

    Attributes:
        fitted: Classifier name to fitted classifier.
        members: Names of the chosen one, or of those whose probabilities are averaged.
    """

    fitted: Mapping[str, FittedClassifier]
    members: tuple[str, ...]

    def predict_each(self, features: Mapping[str, Sequence[NDArray[np.float32]]]) -> dict[str, NDArray[np.float64]]:
        """Classifier name to probabilities ``[clips, labels]``, those that were not chosen included.

        Args:
            features: Classifier name to the features of the same clips.
        """
        return {name: fitted.predict(features[name]) for name, fitted in self.fitted.items()}

    def join(self, predicted: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Probabilities ``[clips, labels]`` of the choice, from those of :meth:`predict_each`."""
        return _mean([predicted[name] for name in self.members])


def candidates(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Name of each candidate to its members: the mean of all first, then each classifier alone.

    On development clips (40 labels of four) ``linear`` had 53.0 %, ``cnn`` 45.5 % and their mean 57.1 %.

    Example:
        >>> list(candidates(["linear", "cnn"]))
        ['linear+cnn', 'linear', 'cnn']
    """
    together = {"+".join(names): tuple(names)} if len(names) > 1 else {}
    return together | {name: (name,) for name in names}


def choose(
    classifiers: Sequence[Classifier], examples: Mapping[str, TrainingExamples], *, steps: int, seed: int
) -> tuple[str, dict[str, float]]:
    """The candidate with the best score on held-out real training clips, and the scores of all.

    Two of four grouped folds are held out in turn, and the networks get half of the steps, so that choosing costs
    about as much as training once. Children of held-out parents are left out. Equal scores, or too few groups to
    split, leave it to the order of :func:`candidates`.

    Args:
        classifiers: What to choose from.
        examples: Classifier name to the training examples of one arm, the same ones in the same order.
        steps: Optimiser steps of the final training.
        seed: Seed of everything that is drawn.

    Returns:
        Name of the candidate, and candidate name to mean score in [0, 1] (empty when nothing could be held out).
    """
    options = candidates([classifier.name for classifier in classifiers])
    first = examples[classifiers[0].name]
    predicted: dict[str, list[NDArray[np.float64]]] = {classifier.name: [] for classifier in classifiers}
    truth = []
    if len(classifiers) > 1:
        for split in inner_splits(first, folds=_FOLDS, seed=seed)[:_FOLDS_USED]:
            truth.append(first.targets[split.held_out])
            for classifier in classifiers:
                whole = examples[classifier.name]
                part_steps = max(1, round(_STEPS_SHARE * steps))
                fitted = classifier.fit(whole.take(split.fit), validation=None, steps=part_steps, seed=seed)
                predicted[classifier.name].append(fitted.predict(whole.take(split.held_out).features))
    if not truth:
        return next(iter(options)), {}
    targets = np.concatenate(truth)
    joined = {name: np.concatenate(parts) for name, parts in predicted.items()}
    scores = {
        option: validation_score(_mean([joined[member] for member in members]), targets, multilabel=first.is_multilabel)
        for option, members in options.items()
    }
    return max(scores, key=lambda option: scores[option]), scores


def fit_best(
    classifiers: Sequence[Classifier] | Mapping[str, Classifier],
    examples: Mapping[str, TrainingExamples],
    *,
    steps: int,
    seed: int,
) -> tuple[str, FittedBest]:
    """Chooses on validation clips and trains every classifier on all training examples, chosen or not.

    With one classifier there is nothing to choose, and nothing is trained to choose it.

    Args:
        classifiers: What to choose from.
        examples: Classifier name to the training examples of one arm, the same ones in the same order.
        steps: Optimiser steps.
        seed: Seed of everything that is drawn.

    Returns:
        Name of the choice, e.g. ``linear+cnn``, and the fitted classifiers, which predict from features by name.

    Raises:
        ConfigError: There is no classifier, or examples for one are missing.
    """
    available = list(classifiers.values()) if isinstance(classifiers, Mapping) else list(classifiers)
    missing = [classifier.name for classifier in available if classifier.name not in examples]
    if not available or missing:
        raise ConfigError(f"{len(available)} classifiers, without examples: {missing}; expected examples for each")
    chosen = available[0].name
    if len(available) > 1:
        chosen, _ = choose(available, examples, steps=steps, seed=seed)
    members = candidates([classifier.name for classifier in available])[chosen]
    fitted = {
        classifier.name: classifier.fit(examples[classifier.name], validation=None, steps=steps, seed=seed)
        for classifier in available
    }
    return chosen, FittedBest(fitted, members)


def _mean(probabilities: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.asarray(np.mean(probabilities, axis=0))
