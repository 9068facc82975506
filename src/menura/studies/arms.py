"""The arms: which clips each one learns from, and how often. Arrays and ids in, training examples out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import TrainingExamples
from menura.classify.weights import REAL_SHARE, example_weights, target_matrix
from menura.studies.arm_table import Arm

__all__ = ["REAL_SHARE", "Example", "arm_members", "example_weights", "target_matrix", "training_examples"]


@dataclass(frozen=True, slots=True)
class Example:
    """One training clip of an arm.

    Attributes:
        id: Key of its features.
        labels: Its labels.
        sources: Source of a real clip; those of all parents of a made one.
        origin: ``real``, or the family of a made one: ``synthetic``, ``classic``, ``mixup``, ….
        shares: Label to how much of it there is to learn, where it is not all of each: a mixture of two clips. Its
            ``labels`` are those of the larger part, for which it counts.
    """

    id: str
    labels: tuple[str, ...]
    sources: tuple[str, ...]
    origin: str
    shares: tuple[tuple[str, float], ...] = ()


def arm_members(arm: Arm, real: Sequence[Example], made: Mapping[str, Sequence[Example]]) -> list[Example]:
    """The clips of an arm: the real ones, and those of its families.

    ``real`` is what a person has: each clip as often as any other. All other arms draw labels equally often, so that
    ``oversample`` shows what balance and repetition alone do.
    """
    return [*(real if arm.has_real else ()), *(example for family in arm.families for example in made[family])]


def training_examples(
    members: Sequence[Example],
    features: Mapping[str, NDArray[np.float32]],
    labels: Sequence[str],
    *,
    balanced: bool,
    augment: bool,
    multilabel: bool,
) -> TrainingExamples:
    """What a classifier learns from.

    Args:
        members: Clips of the arm.
        features: Features by :attr:`Example.id`.
        labels: All labels of the dataset, in the order of the columns.
        balanced, augment: See :class:`menura.studies.arm_table.Arm`.
        multilabel: Whether clips may have several labels.
    """
    counted = target_matrix([member.labels for member in members], labels)
    targets = counted.copy()
    column = {label: i for i, label in enumerate(labels)}
    for row, member in enumerate(members):
        for label, share in member.shares:
            targets[row, column[label]] = share
    is_real = np.array([member.origin == "real" for member in members])
    if not is_real.any():
        is_real = np.ones(len(members), dtype=bool)  # without real clips, made ones are weighted and validated on
    return TrainingExamples(
        features=[features[member.id] for member in members],
        targets=targets,
        weights=example_weights(counted, is_real, balanced=balanced),
        augment=augment,
        groups=[member.sources for member in members],
        is_real=is_real,
        multilabel=multilabel,
    )
