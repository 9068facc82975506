"""Which clip of another label is heard behind a new clip."""

from __future__ import annotations

from menura.backends.base import Generator, ScenicGenerator
from menura.datasets.dataset import TrainingPart
from menura.recipes.amounts import leading_clips
from menura.seeding import item_generator
from menura.types import Clip

__all__ = ["Scenes"]


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
