"""Which labels synthetic clips serve, found out on training clips alone.

The real training clips are cut into inner folds that keep sources together. For each, a classifier learns from the
other folds, once without and once with synthetic clips; those made from a clip of the fold that is looked at are left
out. A label is served when its F1 over all inner folds is higher with them; where F1 is equal, when its clips get it
with a higher mean probability. F1 and not recall: a label must not win by taking the clips of others.

With no effect at all about half of the labels are chosen by luck. So the choice is a hypothesis, which the test fold
then tests once; its own numbers are no result. Only whether a label is served alone was looked at, not what labels do
together.

Source:
    Feng et al. 2024 (SynthAudio), arXiv:2406.08800, use synthetic clips only for labels that transfer; theirs were
    chosen on the test set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import Classifier
from menura.metrics.classification import clip_counts, decide
from menura.seeding import item_seed
from menura.studies.arms import Example, target_matrix, training_examples

__all__ = ["INNER_FOLDS", "ServedLabel", "inner_folds", "served_labels"]

INNER_FOLDS = 4
"""Inner folds; fewer where a dataset has fewer sources."""


@dataclass(frozen=True, slots=True)
class ServedLabel:
    """What validation says of one label.

    Attributes:
        label: Which.
        without, with_synthetic: F1 over all inner folds.
        probability_gain: Gain in the mean probability that its clips get, which decides where F1 is equal.
    """

    label: str
    without: float
    with_synthetic: float
    probability_gain: float

    @property
    def chosen(self) -> bool:
        """Whether synthetic clips are used for it."""
        gain = self.with_synthetic - self.without
        return gain > 0 or (gain == 0 and self.probability_gain > 0)


def served_labels(
    classifier: Classifier,
    real: Sequence[Example],
    made: Sequence[Example],
    features: Mapping[str, NDArray[np.float32]],
    labels: Sequence[str],
    *,
    steps: int,
    seed: int,
    multilabel: bool,
) -> tuple[ServedLabel, ...]:
    """What validation says of every label, in their order; of none where there are fewer than two sources.

    Args:
        classifier: Learns and is validated.
        real: Real training clips.
        made: Synthetic clips that were made from them.
        features: Of both, by id.
        labels: All labels of the dataset.
        steps: Optimiser steps.
        seed: Of the inner folds and of the classifier.
        multilabel: Whether clips may have several labels.
    """
    folds = inner_folds(real, seed=seed)
    truth = target_matrix([example.labels for example in real], labels) > 0
    answers = np.zeros((2, len(real), len(labels)))
    for fold in folds:
        held = {source for place in fold for source in real[place].sources}
        rest = [example for example in real if not held.intersection(example.sources)]
        joined = [*rest, *(example for example in made if not held.intersection(example.sources))]
        for number, members in enumerate((rest, joined)):
            learned = training_examples(members, features, labels, balanced=True, augment=False, multilabel=multilabel)
            fitted = classifier.fit(learned, validation=None, steps=steps, seed=seed)
            answers[number, fold] = fitted.predict([features[real[place].id] for place in fold])
    if not folds:
        return ()
    scores = [_f1(truth, decide(answer, multilabel=multilabel)) for answer in answers]
    counts = np.maximum(truth.sum(axis=0), 1)
    probability = ((answers[1] - answers[0]) * truth).sum(axis=0) / counts
    return tuple(
        ServedLabel(label, float(scores[0][i]), float(scores[1][i]), float(probability[i]))
        for i, label in enumerate(labels)
    )


def inner_folds(real: Sequence[Example], *, seed: int, most: int = INNER_FOLDS) -> list[list[int]]:
    """Places of the clips in each inner fold: sources stay together, and those of a label are spread evenly.

    Does not depend on the order of the clips.
    """
    of_source: dict[str, list[int]] = {}
    for place, example in enumerate(real):
        of_source.setdefault(example.sources[0], []).append(place)
    count = min(most, len(of_source))
    if count < 2:
        return []
    turn: dict[str, int] = {}
    folds: list[list[int]] = [[] for _ in range(count)]
    for source in sorted(of_source, key=lambda name: item_seed(seed, "inner fold", name)):
        lead = min(label for place in of_source[source] for label in real[place].labels[:1])
        number = turn.get(lead, item_seed(seed, "first inner fold", lead) % count)
        folds[number % count] += of_source[source]
        turn[lead] = number + 1
    return [fold for fold in folds if fold]


def _f1(truth: NDArray[np.bool_], decided: NDArray[np.bool_]) -> NDArray[np.float64]:
    """F1 of each label, ``[labels]``; 0 for one that is neither there nor decided for."""
    hit, predicted, true = clip_counts(truth, decided).sum(axis=0)
    return np.asarray(2 * hit / np.maximum(true + predicted, 1))
