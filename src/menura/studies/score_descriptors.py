"""Which descriptors of the sounds differ between two sets, by how much, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from menura.audio.clip_descriptors import DESCRIPTORS
from menura.metrics.effects import cliffs_delta, size_in_words
from menura.metrics.statistics import Interval, holm
from menura.studies.measured_clips import MeasuredClips

__all__ = ["DescriptorRow", "compare_descriptors"]

_FEWEST = 4


@dataclass(frozen=True, slots=True)
class DescriptorRow:
    """One descriptor of one label, or of all clips.

    Attributes:
        label: Which clips; empty for all.
        descriptor, unit: Which number.
        median, other_median: Of the reference, of the other set.
        delta: Cliff's delta, above 0 where the other set has more.
        interval: Its 95 % interval.
        effect: Its size in a word.
        p: Of a Mann-Whitney test, corrected after Holm over all descriptors, and over all labels for rows of a label.
        clips, other_clips: Numbers of clips.
    """

    label: str
    descriptor: str
    unit: str
    median: float
    other_median: float
    delta: float
    interval: Interval
    effect: str
    p: float
    clips: int
    other_clips: int


def compare_descriptors(
    reference: MeasuredClips, other: MeasuredClips, *, labels: Sequence[str] = (), seed: int = 0
) -> list[DescriptorRow]:
    """All descriptors of all clips, or of each label that has at least four clips in both sets.

    Clips of one source count as if they were independent, which makes p-values and intervals of sets with many clips a
    source too sure.

    Args:
        reference, other: Both sets.
        labels: Which labels are compared by themselves; none compares all clips together.
        seed: Of the bootstrap.
    """
    rows = [row for label in labels or ("",) for row in _rows(reference, other, label, seed)]
    return [replace(row, p=p) for row, p in zip(rows, holm([row.p for row in rows]), strict=True)]


def _rows(reference: MeasuredClips, other: MeasuredClips, label: str, seed: int) -> list[DescriptorRow]:
    chosen = [
        [row for row, clip in enumerate(part.clips) if not label or label in clip.labels] for part in (reference, other)
    ]
    if min(map(len, chosen)) < _FEWEST:
        return []
    rows = []
    for column, feature in enumerate(DESCRIPTORS):
        first, second = reference.descriptors[chosen[0], column], other.descriptors[chosen[1], column]
        found = cliffs_delta(first, second, seed=seed)
        rows.append(
            DescriptorRow(
                label, feature.name, feature.unit, float(np.median(first)), float(np.median(second)), found.delta,
                found.interval, size_in_words(found.delta), found.p, len(first), len(second),
            )
        )  # fmt: skip
    return rows
