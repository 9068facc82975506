"""How much of the real clips is learned from: all, so many, a share, whole folds, or a long tail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from menura.datasets.subsets import long_tail_subset, subset
from menura.errors import DatasetError
from menura.seeding import item_seed
from menura.types import Clip

__all__ = ["RealAmount"]


@dataclass(frozen=True, slots=True)
class RealAmount:
    """An amount of real training clips; nothing given means all. Smaller amounts are part of larger ones.

    Attributes:
        per_label: Clips of each label.
        total: Clips in all, labels in the proportion that they have, at least one of each.
        share: Share of all clips, likewise.
        folds: Whole training folds.
        tail_ratio: With ``per_label``, the clips of the largest label: its size over that of the smallest.
    """

    per_label: int | None = None
    total: int | None = None
    share: float | None = None
    folds: int | None = None
    tail_ratio: float | None = None

    def draw(self, pool: Sequence[Clip], *, seed: int) -> tuple[Clip, ...]:
        """So many of the clips.

        Raises:
            DatasetError: There are fewer clips of a label, or fewer folds.
        """
        if self.folds is not None:
            return _some_folds(pool, self.folds, seed)
        if self.tail_ratio is not None and self.per_label is not None:
            return long_tail_subset(pool, largest=self.per_label, ratio=self.tail_ratio, seed=seed)
        if self.per_label is not None:
            return subset(pool, n_per_label=self.per_label, seed=seed)
        if self.total is not None:
            return subset(pool, total=self.total, seed=seed)
        if self.share is not None:
            return subset(pool, total=max(1, round(self.share * len(pool))), seed=seed)
        return tuple(pool)


def _some_folds(pool: Sequence[Clip], count: int, seed: int) -> tuple[Clip, ...]:
    names = sorted({str(clip.fold) for clip in pool if clip.fold is not None})
    if not 1 <= count <= len(names):
        raise DatasetError(f"{count} training folds asked for, there are {len(names)}; ask for 1 to {len(names)}")
    left = set(sorted(names, key=lambda fold: item_seed(seed, "training fold", fold))[:count])
    return tuple(clip for clip in pool if str(clip.fold) in left)
