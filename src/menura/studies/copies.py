"""Classic copies of real clips: as many of each label as there are synthetic ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from menura.seeding import item_generator
from menura.studies.arms import Example
from menura.types import Recording

__all__ = ["CopyPlan", "make_copies", "plan_copies", "plan_counted"]


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """One copy to be made.

    Attributes:
        parent: The real clip.
        number: Which copy of that clip.
    """

    parent: Example
    number: int

    @property
    def example(self) -> Example:
        """The copy as a training example; it has the source of its parent."""
        return Example(f"{self.parent.id}~{self.number}", self.parent.labels, self.parent.sources, "classic")


def plan_copies(real: Sequence[Example], synthetic: Sequence[Example]) -> list[CopyPlan]:
    """As many copies as synthetic clips, label by label, spread evenly over the real clips of the label.

    A clip counts for its first label, so that clips with several labels are not counted twice.
    """
    return plan_counted(real, Counter(example.labels[0] for example in synthetic))


def plan_counted(real: Sequence[Example], wanted: Mapping[str, int]) -> list[CopyPlan]:
    """So many copies of each label, spread evenly over its real clips; none of a label that has no real clip."""
    plans: list[CopyPlan] = []
    numbers: Counter[str] = Counter()
    for label in sorted(wanted):
        parents = [example for example in real if example.labels[0] == label] or [
            example for example in real if label in example.labels
        ]
        for i in range(wanted[label] if parents else 0):
            parent = parents[i % len(parents)]
            plans.append(CopyPlan(parent, numbers[parent.id]))
            numbers[parent.id] += 1
    return plans


def make_copies(
    plans: Sequence[CopyPlan], hear: Callable[[str], Recording], *, seed: int, key: str
) -> Iterator[tuple[CopyPlan, Recording]]:
    """The copies, each from a random stream of its own; a parent is decoded once for all its copies.

    Args:
        plans: What to make.
        hear: Gives a real clip by id, at the working rate.
        seed: Seed of the cell.
        key: Name of the fold.

    Raises:
        BackendError: audiomentations is not installed.
    """
    from menura.augmentation.classic import classic_copy

    ordered = sorted(plans, key=lambda plan: plan.parent.id)
    heard: tuple[str, Recording] | None = None
    for plan in ordered:
        if heard is None or heard[0] != plan.parent.id:
            heard = (plan.parent.id, hear(plan.parent.id))
        generator = item_generator(seed, "classic", key, plan.parent.id, plan.number)
        yield plan, classic_copy(heard[1], generator=generator)
