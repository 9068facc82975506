"""From what a learner says of clips to what is known of labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from menura.allocate.learner import Learned
from menura.allocate.record import Assessment, LabelState
from menura.allocate.uncertainty import Measure, brier_scores, label_means, uncertainty
from menura.classify.inner import validation_score

__all__ = ["assessment_of"]

_DIGITS = 6


def assessment_of(
    learned: Learned,
    targets: NDArray[np.float32],
    labels: Sequence[str],
    *,
    measure: Measure,
    multilabel: bool,
    first: Assessment | None = None,
) -> Assessment:
    """What the learner knows, out of fold.

    Args:
        learned: What it says of the real clips, ordered by clip id, and how many made ones there are.
        targets: Of the real clips ``[clips, labels]``.
        labels: In the order of the columns.
        measure: What unsure means.
        multilabel: Whether a clip may have several labels.
        first: What it knew of real clips alone; None when that is what is asked.
    """
    unsure = label_means(uncertainty(learned.real, targets, measure=measure, multilabel=multilabel), targets)
    scores = brier_scores(learned.real, targets, multilabel=multilabel)
    each = scores if scores.ndim == 2 else np.repeat(scores[:, None], len(labels), axis=1)
    of_label = label_means(each, targets, shrinkage=0.0)
    of_clip = scores.mean(axis=1) if scores.ndim == 2 else scores
    states = {}
    for column, label in enumerate(labels):
        score = _rounded(of_label[column])
        gain = 0.0 if first is None else _rounded(score - first.labels[label].score)
        states[label] = LabelState(_rounded(unsure[column]), score, gain)
    return Assessment(
        clips=len(learned.made),
        scores=tuple(_rounded(score) for score in of_clip),
        score=_rounded(of_clip.mean()),
        recall=_rounded(validation_score(learned.real, targets, multilabel=multilabel)),
        strength=learned.strength,
        labels=states,
    )


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
