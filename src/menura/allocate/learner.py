"""A cheap classifier that says what it knows of real clips that it has not learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.allocate.uncertainty import brier_scores
from menura.classify.base import TrainingExamples
from menura.classify.inner import inner_splits
from menura.classify.linear import STRENGTHS, Scaling, stacked
from menura.classify.logistic import fit_path, probabilities
from menura.errors import DatasetError
from menura.seeding import item_seed

__all__ = ["FOLDS", "REPEATS", "Learned", "learn"]

FOLDS = 5
REPEATS = 3
_ITERATIONS = 12
"""Of L-BFGS for each C, as in :class:`menura.classify.linear.LinearClassifier`."""


@dataclass(frozen=True)
class Learned:
    """What the learner says.

    Attributes:
        real: Probabilities of the real clips ``[real, labels]``, each from classifiers that have seen neither the clip
            nor its source nor a child of either; mean over the repeats.
        made: Probabilities of the made clips ``[made, labels]``, from the classifier of the real clips alone.
        strength: The C that did best out of fold.
    """

    real: NDArray[np.float64]
    made: NDArray[np.float64]
    strength: float


def learn(
    examples: TrainingExamples, *, seed: int, folds: int = FOLDS, repeats: int = REPEATS, hear_made: bool = False
) -> Learned:
    """Repeated grouped cross-validation of logistic regression on embeddings.

    The real clips are split by source; the made ones follow their parents (one with a held-out parent is left out).
    C is the one with the best Brier score over all held-out clips and repeats: how unsure a learner is depends on it,
    and the strongest within one standard error, which ``linear`` takes for its hits, would jump from round to round
    (seen: -0.036 of score with 40 clips more). The splits depend on the real clips and the seed alone, so that two
    amounts are compared on the same.

    Args:
        examples: Embeddings ``[dim]`` as features, real and made clips.
        seed: Of the run.
        folds, repeats: Of the cross-validation; fewer folds where there are fewer sources.
        hear_made: Whether ``made`` is wanted; empty otherwise.

    Raises:
        DatasetError: The real clips have one source only.
    """
    embeddings = stacked(examples.features)
    real = np.flatnonzero(examples.is_real)
    row_of = np.full(len(examples), -1)
    row_of[real] = np.arange(len(real))
    totals = np.zeros((len(STRENGTHS), len(real), examples.num_labels))
    times = np.zeros(len(real))
    for repeat in range(repeats):
        splits = inner_splits(examples, folds=folds, seed=item_seed(seed, "allocation", repeat))
        for split in splits:
            rows = row_of[split.held_out]
            totals[:, rows] += _predicted(embeddings, examples, split.fit, embeddings[split.held_out])
            times[rows] += 1
    if not times.all():
        raise DatasetError(
            "allocation by a learner needs real clips of two sources or more, so that some can be held out; "
            "name their groups, or use --allocate even"
        )
    by_strength = totals / times[:, None]
    truth, multilabel = examples.targets[real], examples.is_multilabel
    chosen = int(np.argmax([brier_scores(one, truth, multilabel=multilabel).mean() for one in by_strength]))
    made = np.zeros((0, examples.num_labels))
    if hear_made and not examples.is_real.all():
        made = _predicted(embeddings, examples, real, embeddings[~examples.is_real])[chosen]
    return Learned(by_strength[chosen], made, STRENGTHS[chosen])


def _predicted(
    embeddings: NDArray[np.float32], examples: TrainingExamples, fit: NDArray[np.int64], heard: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Probabilities ``[C, heard, labels]`` after learning from the examples ``fit``."""
    part = examples.take(fit)
    own = embeddings[fit]
    scaling = Scaling.of(own[part.is_real] if part.is_real.any() else own)
    path = fit_path(
        scaling.apply(own), part.targets, part.weights, STRENGTHS,
        multilabel=examples.is_multilabel, max_iterations=_ITERATIONS,
    )  # fmt: skip
    scaled = scaling.apply(heard)
    return np.stack([probabilities(scaled, weights) for weights in path])
