"""Which clips a page lets people hear: drawn by their ids, which are hashes, so nobody's ear picked them."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from menura.report.material import Child

__all__ = ["SmallestById", "choose_children"]

T = TypeVar("T")


@dataclass
class SmallestById(Generic[T]):
    """Holds the ``limit`` items with the smallest ids of each section, and counts all; memory does not grow.

    Which ids those are does not depend on the order in which they come. An id that comes again (the same samples in
    two files) is counted, and its first item is held.
    """

    limit: int
    counts: dict[str, int] = field(default_factory=dict)
    _heaps: dict[str, list[tuple[_Reversed, T]]] = field(default_factory=dict)

    def add(self, section: str, item_id: str, item: T) -> None:
        """Offer an item."""
        self.counts[section] = self.counts.get(section, 0) + 1
        heap = self._heaps.setdefault(section, [])
        entry = (_Reversed(item_id), item)
        is_full = len(heap) >= self.limit
        if is_full and not (heap and heap[0][0] < entry[0]):
            return
        if any(held.text == item_id for held, _ in heap):
            return  # and two entries with one id would be compared by their items
        (heapq.heapreplace if is_full else heapq.heappush)(heap, entry)

    def items(self, section: str) -> list[T]:
        """The items held for a section, smallest id first."""
        return [item for _, item in sorted(self._heaps.get(section, []), key=lambda entry: entry[0].text)]

    def everything(self) -> list[T]:
        """The items of all sections, section after section by name."""
        return [item for section in sorted(self._heaps) for item in self.items(section)]


@dataclass(frozen=True, slots=True)
class _Reversed:
    """Text that compares the other way round, so that the heap's first entry has the largest id."""

    text: str

    def __lt__(self, other: _Reversed) -> bool:
        return self.text > other.text


def choose_children(by_label: Mapping[str, Sequence[Child]], *, max_sounds: int, per_label: int) -> list[Child]:
    """Children to hear, label after label, each label's first before any label's second.

    Within a label, a child whose leading parent has not been heard comes before one whose parent has.

    Args:
        by_label: Candidates of each label, in an order that nobody's taste decided.
        max_sounds: Most players, parents included.
        per_label: Most children of one label.
    """
    queues = {label: _unheard_parents_first(children)[:per_label] for label, children in by_label.items()}
    chosen: dict[str, list[Child]] = {label: [] for label in queues}
    left = max_sounds
    for turn in range(per_label):
        for label, queue in queues.items():
            if turn < len(queue) and 1 + len(queue[turn].parents) <= left:
                chosen[label].append(queue[turn])
                left -= 1 + len(queue[turn].parents)
    return [child for children in chosen.values() for child in children]


def _unheard_parents_first(children: Sequence[Child]) -> list[Child]:
    heard: set[str] = set()
    first: list[Child] = []
    later: list[Child] = []
    for child in children:
        lead = child.parents[0].clip_id if child.parents else child.sound.clip_id
        (later if lead in heard else first).append(child)
        heard.add(lead)
    return first + later
