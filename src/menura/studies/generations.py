"""What generated clips are worth where the truth is known: nearness to the goal, labels, variety, copies, use.

Held-out clips of the goal are looked at here alone. All measures are on the same sounds, so that one number cannot
look good at the cost of another: a generator that collapses, copies, or forgets its labels shows in one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import TrainingExamples
from menura.classify.linear import FittedLinear, fit_logistic
from menura.errors import DatasetError
from menura.judge.signature import course_correlation
from menura.metrics.distance import kernel_distance
from menura.metrics.diversity import vendi_score
from menura.metrics.projection import Standard, cosine
from menura.metrics.statistics import Interval
from menura.studies.arms import example_weights, target_matrix
from menura.studies.heard_sounds import DESCRIPTORS, HeardSounds

__all__ = ["Generations", "Truth", "measure_generations", "truth_of"]

_ALARM_SHARE, _ALARM_P, _EXPECTED_SHARE = 0.05, 0.01, 0.01
_SAME_COURSE = 0.7
_MOVED = 0.25


@dataclass(frozen=True)
class Truth:
    """What generated clips are measured with.

    Attributes:
        training: The small real set that a method may learn from.
        held_out: Clips of the goal that nothing has learned from.
        classifier: Knows the labels in the goal and elsewhere, from many clips of both.
        labels: In the order of its columns.
        moved: Descriptors in which the goal differs from where a generator starts; see :func:`truth_of`.
        yardstick: Similarity to the nearest training clip that 1 % of the held-out clips exceed.
        accuracy_real: Accuracy on held-out clips of a classifier that learned from the training clips alone.
        agreement_real: Share of the held-out clips that the classifier of the truth puts with their label.
    """

    training: HeardSounds
    held_out: HeardSounds
    classifier: FittedLinear
    labels: tuple[str, ...]
    moved: tuple[str, ...]
    yardstick: float
    accuracy_real: float
    agreement_real: float


@dataclass(frozen=True)
class Generations:
    """What was measured of one set of generated clips.

    Attributes:
        clips: How many.
        kad: Kernel audio distance to the held-out clips, around 0 for clips of the goal itself.
        kad_interval: Its 95 % bootstrap interval over clips.
        kad_second: The same by the second encoder.
        descriptors: Descriptor to the distance of its distribution from that of the held-out clips (earth mover's), in
            standard deviations of these.
        descriptor_distance: Mean over the descriptors that the goal moves.
        agreement: Share of clips that the classifier of the truth puts with their label.
        agreement_of: The same by label.
        vendi: Vendi score within a label, mean over labels; it grows with the clips of a label.
        nearest: Median over clips of the similarity to the nearest training clip.
        near_share: Share of clips nearer to a training clip than 99 % of the held-out clips are.
        copied_share: Share that is so near, and has the course in time of that training clip.
        accuracy: Accuracy on held-out clips of a classifier that learned from training and generated clips.
        accuracy_real: From the training clips alone, as many iterations.
    """

    clips: int
    kad: float
    kad_interval: Interval
    kad_second: float
    descriptors: Mapping[str, float]
    descriptor_distance: float
    agreement: float
    agreement_of: Mapping[str, float]
    vendi: float
    nearest: float
    near_share: float
    copied_share: float
    accuracy: float
    accuracy_real: float

    @property
    def is_near_training(self) -> bool:
        """Whether more than 5 % of the clips lie near training clips, beyond chance; 1 % would by the yardstick."""
        from scipy.stats import binom

        near = round(self.near_share * self.clips)
        return bool(binom.sf(near - 1, self.clips, _ALARM_SHARE) < _ALARM_P)


def truth_of(*, training: HeardSounds, held_out: HeardSounds, start: HeardSounds, goal: HeardSounds) -> Truth:
    """What to measure with.

    A descriptor counts as moved when the distribution of ``start`` lies a quarter of a deviation farther from the
    held-out clips than that of ``goal`` does: the goal differs there by more than the draw.

    Args:
        training: The small real set.
        held_out: Clips of the goal.
        start: Many labelled clips of the world that a generator comes from.
        goal: Many further labelled clips of the goal; with ``start`` they teach the classifier.

    Raises:
        DatasetError: A part has other labels than the held-out clips.
    """
    labels = tuple(sorted(set(held_out.labels)))
    for name, part in (("training", training), ("start", start), ("goal", goal)):
        if set(part.labels) != set(labels):
            raise DatasetError(f"{name} clips have the labels {sorted(set(part.labels))}, expected {list(labels)}")
    away = _distances(start, held_out)
    floor = _distances(goal, held_out)
    moved = tuple(name for name in DESCRIPTORS if away[name] - floor[name] > _MOVED) or DESCRIPTORS
    classifier = _taught(labels, (start, True), (goal, True))
    return Truth(
        training, held_out, classifier, labels, moved,
        float(np.quantile(_nearest(held_out, training, held_out)[0], 1 - _EXPECTED_SHARE)),
        _accuracy(_taught(labels, (training, True)), labels, held_out),
        _accuracy(classifier, labels, held_out),
    )  # fmt: skip


def measure_generations(generated: HeardSounds, truth: Truth, *, seed: int = 0) -> Generations:
    """All measures of one set of generated clips.

    Args:
        generated: With the labels that were asked for; two of each label or more.
        truth: See :func:`truth_of`.
        seed: Of the interval.

    Raises:
        DatasetError: A label is none of the truth, or has fewer than two clips.
    """
    counts = {label: len(generated.with_label(label)) for label in truth.labels}
    unknown = sorted(set(generated.labels) - set(truth.labels))
    if unknown or min(counts.values()) < 2:
        raise DatasetError(
            f"generated clips of each label: {counts}, of unknown labels: {unknown or 'none'}; expected at least two "
            "of each label and no others"
        )
    kernel, second = (
        kernel_distance(standard.apply(goal), standard.apply(found), seed=seed, resamples=resamples)
        for goal, found, resamples in (
            (truth.held_out.embeddings, generated.embeddings, 1000), (truth.held_out.second, generated.second, 1),
        )
        for standard in (Standard.of(goal),)
    )  # fmt: skip
    placed = Standard.of(truth.held_out.embeddings).apply(generated.embeddings)
    right = _right(truth.classifier, truth.labels, generated)
    descriptors = _distances(generated, truth.held_out)
    similarity, rows = _nearest(generated, truth.training, truth.held_out)
    is_near = similarity > truth.yardstick
    same = [
        near and course_correlation(course, truth.training.courses[row]) >= _SAME_COURSE
        for near, course, row in zip(is_near, generated.courses, rows, strict=True)
    ]
    taught = _taught(truth.labels, (truth.training, True), (generated, False))
    return Generations(
        clips=len(generated),
        kad=kernel.value,
        kad_interval=kernel.interval,
        kad_second=second.value,
        descriptors=descriptors,
        descriptor_distance=float(np.mean([descriptors[name] for name in truth.moved])),
        agreement=float(right.mean()),
        agreement_of={label: float(right[generated.with_label(label)].mean()) for label in truth.labels},
        vendi=float(np.mean([vendi_score(placed[generated.with_label(label)]) for label in truth.labels])),
        nearest=float(np.median(similarity)),
        near_share=float(is_near.mean()),
        copied_share=float(np.mean(same)),
        accuracy=_accuracy(taught, truth.labels, truth.held_out),
        accuracy_real=truth.accuracy_real,
    )


def _distances(found: HeardSounds, reference: HeardSounds) -> dict[str, float]:
    from scipy.stats import wasserstein_distance

    columns = zip(DESCRIPTORS, found.descriptors.T, reference.descriptors.T, strict=True)
    return {
        name: float(wasserstein_distance(values, goal)) / max(float(goal.std()), 1e-9) for name, values, goal in columns
    }


def _nearest(
    found: HeardSounds, training: HeardSounds, standard: HeardSounds
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cosine to the nearest training clip, and its row; standardised by the held-out clips."""
    place = Standard.of(standard.embeddings)
    similarity = cosine(place.apply(found.embeddings), place.apply(training.embeddings))
    return similarity.max(axis=1), similarity.argmax(axis=1)


def _taught(labels: Sequence[str], *parts: tuple[HeardSounds, bool]) -> FittedLinear:
    """Logistic regression on all parts, each with whether it is real; as in the arms of an evaluation."""
    targets = target_matrix([(label,) for part, _ in parts for label in part.labels], labels)
    is_real = np.array([real for part, real in parts for _ in part.labels])
    examples = TrainingExamples(
        features=list(np.concatenate([part.features for part, _ in parts])),
        targets=targets,
        weights=example_weights(targets, is_real, balanced=True),
        augment=False,
        groups=[f"clip {row}" for row in range(len(targets))],
        is_real=is_real,
        multilabel=False,
    )
    return fit_logistic(examples, validation=None, seed=0)


def _right(classifier: FittedLinear, labels: Sequence[str], sounds: HeardSounds) -> NDArray[np.bool_]:
    found = classifier.predict(list(sounds.features)).argmax(axis=1)
    return np.array([labels[column] == label for column, label in zip(found, sounds.labels, strict=True)])


def _accuracy(classifier: FittedLinear, labels: Sequence[str], sounds: HeardSounds) -> float:
    return float(_right(classifier, labels, sounds).mean())
