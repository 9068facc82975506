"""Which clips of two sets are compared: as many of each label on both sides, and two halves of the reference.

Most figures depend on how many sounds there are and on the mix of labels. So the reference is split into halves without
a common source, and one half is compared with as many clips of the other set and with the other half, label by label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from menura.datasets.folds import grouped_folds
from menura.seeding import item_generator
from menura.types import Clip

__all__ = ["EvenSets", "even_sets", "same_mix"]

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class EvenSets:
    """Rows of sets of one size and one mix of labels.

    Attributes:
        half, other_half: Of the reference, without a common source.
        rows: Of the other set.
    """

    half: Rows
    other_half: Rows
    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)


def even_sets(reference: Sequence[Clip], other: Sequence[Clip], *, seed: int, number: int) -> EvenSets:
    """Halves of the reference and a part of the other set, drawn anew for each number.

    A clip counts for its first label. If all clips of the reference have one source, it is split inside it.
    """
    sources = {clip.group or clip.id for clip in reference}
    split = reference if len(sources) > 1 else [replace(clip, group=None) for clip in reference]
    renamed = [replace(clip, id=f"{row}") for row, clip in enumerate(split)]  # equal recordings are clips of their own
    generator = item_generator(seed, "halves", number)
    halved = grouped_folds(renamed, num_folds=2, seed=int(generator.integers(2**31)))
    folds = np.array([clip.fold for clip in halved])
    labels, others = (np.array([clip.labels[0] for clip in part]) for part in (reference, other))
    parts: list[list[Rows]] = [[], [], []]
    for label in sorted(set(labels)):
        groups = [
            np.flatnonzero((labels == label) & (folds == "1")),
            np.flatnonzero((labels == label) & (folds == "2")),
            np.flatnonzero(others == label),
        ]
        size = min(map(len, groups))
        for part, rows in zip(parts, groups, strict=True):
            part.append(np.sort(generator.choice(rows, size, replace=False)))
    return EvenSets(*(np.concatenate(part) for part in parts))


def same_mix(reference: Sequence[Clip], other: Sequence[Clip], *, seed: int) -> Rows:
    """Rows of the other set with the shares of labels of the reference, as many as there can be; none for no label."""
    wanted, there = (Counter(clip.labels[0] for clip in part) for part in (reference, other))
    times = min((there[label] / wanted[label] for label in wanted), default=0.0)
    generator = item_generator(seed, "same mix")
    labels = np.array([clip.labels[0] for clip in other])
    drawn = []
    for label in sorted(wanted):
        rows = np.flatnonzero(labels == label)
        count = min(len(rows), max(1, round(times * wanted[label])))
        drawn.append(np.sort(generator.choice(rows, count, replace=False)))
    return np.sort(np.concatenate(drawn)) if drawn else np.zeros(0, np.int64)
