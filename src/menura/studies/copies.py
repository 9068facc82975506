"""Copies of real clips: as many of each label as there are synthetic ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from menura.augmentation.styles import CopyStyle
from menura.seeding import item_generator
from menura.studies.arms import Example
from menura.types import Recording

__all__ = ["CopyPlan", "drawn_for", "make_copies", "plan_copies", "plan_counted", "turn_of"]


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """One copy to be made.

    Attributes:
        parent: The real clip.
        number: Which copy of that clip.
        family: What kind of copy.
    """

    parent: Example
    number: int
    family: str

    @property
    def example(self) -> Example:
        """The copy as a training example; it has the source of its parent."""
        name = f"{self.parent.id}~{self.family}-{self.number}"
        return Example(name, self.parent.labels, self.parent.sources, self.family)


def plan_copies(real: Sequence[Example], synthetic: Sequence[Example], family: str) -> list[CopyPlan]:
    """As many copies as synthetic clips, label by label, spread evenly over the real clips of the label.

    A clip counts for its first label, so that clips with several labels are not counted twice.
    """
    return plan_counted(real, Counter(example.labels[0] for example in synthetic), family)


def plan_counted(real: Sequence[Example], wanted: Mapping[str, int], family: str) -> list[CopyPlan]:
    """So many copies of each label, spread evenly over its real clips; none of a label that has no real clip."""
    plans: list[CopyPlan] = []
    numbers: Counter[str] = Counter()
    for label in sorted(wanted):
        parents = [example for example in real if example.labels[0] == label] or [
            example for example in real if label in example.labels
        ]
        for i in range(wanted[label] if parents else 0):
            parent = parents[i % len(parents)]
            plans.append(CopyPlan(parent, numbers[parent.id], family))
            numbers[parent.id] += 1
    return plans


def drawn_for(plan: CopyPlan, *, seed: int, key: str) -> np.random.Generator:
    """The random stream of one copy."""
    return item_generator(seed, plan.family, key, plan.parent.id, plan.number)


def turn_of(plan: CopyPlan, *, seed: int, key: str) -> int:
    """Which value of a fixed set a copy gets: the copies of a clip go through all of them, from a random one on."""
    first = item_generator(seed, plan.family, key, plan.parent.id, "first turn").integers(2**31)
    return int(first) + plan.number


def make_copies(
    plans: Sequence[CopyPlan], hear: Callable[[str], Recording], style: CopyStyle, *, seed: int, key: str
) -> Iterator[tuple[CopyPlan, Recording]]:
    """The copies, each from a random stream of its own; a parent is decoded once for all its copies.

    Args:
        plans: What to make.
        hear: Gives a real clip by id, at the working rate.
        style: How to make it.
        seed: Seed of the cell.
        key: Name of the fold.

    Raises:
        BackendError: audiomentations is needed and not installed.
    """
    ordered = sorted(plans, key=lambda plan: plan.parent.id)
    heard: tuple[str, Recording] | None = None
    for plan in ordered:
        if heard is None or heard[0] != plan.parent.id:
            heard = (plan.parent.id, hear(plan.parent.id))
        generator, turn = drawn_for(plan, seed=seed, key=key), turn_of(plan, seed=seed, key=key)
        yield plan, style.copy(heard[1], turn=turn, generator=generator)
