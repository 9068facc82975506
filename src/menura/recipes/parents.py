"""Which real clips a new clip comes from: the one that leads, a partner of its labels, a scene of another label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from menura.backends.base import Generator, ScenicGenerator
from menura.datasets.dataset import TrainingPart
from menura.recipes.amounts import leading_clips
from menura.seeding import item_generator, item_seed
from menura.types import Clip

__all__ = ["PAIR_SHARE", "Scenes", "apart", "partner_of", "partners", "shuffled"]

PAIR_SHARE = 0.5
"""Share of the requests that get a second parent."""

NEIGHBOURS = 8
"""A partner is one of this many next clips in the shuffled order, so that one shard analyses few clips."""


def shuffled(clips: Iterable[Clip], seed: int) -> list[Clip]:
    """The clips in an order that depends on the seed and on who they are, not on how they were listed."""
    return sorted(clips, key=lambda clip: (item_seed(seed, "order", clip.id), clip.id))


def apart(leader: Clip, clips: Iterable[Clip]) -> list[Clip]:
    """Other clips with exactly the labels of a clip, those of other groups if there are any."""
    alike = [clip for clip in clips if set(clip.labels) == set(leader.labels) and clip.id != leader.id]
    return [clip for clip in alike if leader.group is None or clip.group != leader.group] or alike


def partners(order: Sequence[Clip], position: int) -> list[Clip]:
    """Possible partners of a clip, the next ones in the order first, and around its end."""
    return apart(order[position], [*order[position + 1 :], *order[:position]])


def partner_of(near: Sequence[Clip], key: tuple[str | int, ...], generator: Generator) -> list[Clip]:
    """The second parent among the next few partners, or none; a stream of its own decides."""
    near = near[:NEIGHBOURS]
    least, most = generator.parents_needed
    if most < 2:
        return []
    random = item_generator(0, "pair", *key)
    paired, choice = random.random() < PAIR_SHARE, int(random.integers(max(1, len(near))))
    return [near[choice]] if near and (paired or least > 1) else []


class Scenes:
    """Gives a request a clip of another label, each label as often as any other, or none.

    Where clips have several labels there are none: what sounds in a scene would be a label that the new clip has and
    does not name.
    """

    def __init__(self, training: TrainingPart) -> None:
        self._is_single = all(len(clip.labels) == 1 for clip in training.clips)
        self._by_label = leading_clips(training)

    def __call__(self, parent: Clip, key: tuple[str | int, ...], generator: Generator) -> list[Clip]:
        share = generator.scene_share if isinstance(generator, ScenicGenerator) else 0.0
        random = item_generator(0, "scene", *key)
        if not self._is_single or len(self._by_label) < 2 or random.random() >= share:
            return []
        others = [label for label in self._by_label if label not in parent.labels]
        clips = self._by_label[others[int(random.integers(len(others)))]]
        return [clips[int(random.integers(len(clips)))]]
