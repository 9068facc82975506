"""A dataset and its training part.

Only a :class:`TrainingPart` can be planned from, generated from or judged against. A whole :class:`Dataset` is
another type, so that a test clip cannot reach a recipe by habit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from menura.errors import DatasetError
from menura.seeding import content_hash
from menura.types import Clip, Finding

__all__ = ["Dataset", "TrainingPart"]


@dataclass(frozen=True)
class TrainingPart:
    """The clips that a run may learn from.

    Attributes:
        name: Name of the dataset.
        clips: Real training clips, in a stable order.
        root: The folder or manifest that the dataset was read from, for the record.
        test_fold: The fold that was held out, for the record.
    """

    name: str
    clips: tuple[Clip, ...]
    root: str = ""
    test_fold: str | None = None

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """All labels, sorted."""
        return tuple(sorted({label for clip in self.clips for label in clip.labels}))

    @cached_property
    def is_multilabel(self) -> bool:
        """Whether any clip has more than one label."""
        return any(len(clip.labels) > 1 for clip in self.clips)

    @cached_property
    def by_id(self) -> dict[str, Clip]:
        """Clip id to clip."""
        return {clip.id: clip for clip in self.clips}

    def with_label(self, label: str) -> tuple[Clip, ...]:
        """The clips that carry the label."""
        return tuple(clip for clip in self.clips if label in clip.labels)

    def counts(self) -> dict[str, int]:
        """Label to number of clips, in the order of :attr:`labels`."""
        counter = Counter(label for clip in self.clips for label in clip.labels)
        return {label: counter[label] for label in self.labels}

    @property
    def fingerprint(self) -> str:
        """Changes when a clip is added, removed, altered or labelled otherwise; not when a folder is moved."""
        return content_hash(sorted([clip.id, sorted(clip.labels), clip.group] for clip in self.clips))


@dataclass(frozen=True)
class Dataset:
    """Labelled clips with what is known of their folds, splits, groups and defects.

    Attributes:
        name: Name, usually of the folder.
        clips: All usable clips, in a stable order.
        layout: One line that says how the folder was understood.
        findings: What was noticed while reading (files left out, with the reason).
        test_fold: The fold that is held out; None uses the split column, and without one nothing is held out.
        root: The folder or manifest that it was read from.
    """

    name: str
    clips: tuple[Clip, ...]
    layout: str = ""
    findings: tuple[Finding, ...] = ()
    test_fold: str | None = None
    root: str = ""

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """All labels, sorted."""
        return tuple(sorted({label for clip in self.clips for label in clip.labels}))

    @cached_property
    def is_multilabel(self) -> bool:
        """Whether any clip has more than one label."""
        return any(len(clip.labels) > 1 for clip in self.clips)

    @cached_property
    def folds(self) -> tuple[str, ...]:
        """Names of the published folds in order; empty when there are fewer than two or a clip has none."""
        names = {clip.fold for clip in self.clips}
        if None in names or len(names) < 2:
            return ()
        return tuple(sorted((str(name) for name in names), key=lambda name: (len(name), name)))

    def with_test_fold(self, fold: str | int) -> Dataset:
        """The same clips with one fold held out as the test part.

        Raises:
            DatasetError: There is no such fold.
        """
        if str(fold) not in self.folds:
            bare = sum(clip.fold is None for clip in self.clips)
            gaps = (
                f"none, because {bare} of {len(self.clips)} clips have no fold"
                if 0 < bare < len(self.clips)
                else "none"
            )
            known = ", ".join(self.folds) or gaps
            raise DatasetError(f"{self.name} has no fold {str(fold)!r}; its folds are: {known}")
        return replace(self, test_fold=str(fold))

    def with_clips(self, clips: Sequence[Clip]) -> Dataset:
        """The same dataset with other clips, e.g. a subset."""
        return replace(self, clips=tuple(clips))

    @property
    def train(self) -> TrainingPart:
        """The clips that a run may learn from.

        Raises:
            DatasetError: No clip is left for training.
        """
        clips = tuple(clip for clip in self.clips if self.role(clip) == "train")
        if not clips:
            raise DatasetError(
                f"{self.name} has no training clips (test fold {self.test_fold}); check its split column"
            )
        return TrainingPart(name=self.name, clips=clips, root=self.root, test_fold=self.test_fold)

    @property
    def test(self) -> tuple[Clip, ...]:
        """The held-out clips; empty when neither a test fold nor a split column says so."""
        return tuple(clip for clip in self.clips if self.role(clip) == "test")

    @property
    def validation(self) -> tuple[Clip, ...]:
        """The published validation clips."""
        return tuple(clip for clip in self.clips if self.role(clip) == "validation")

    def role(self, clip: Clip) -> str:
        """``train``, ``validation`` or ``test``: by the test fold when one is chosen, else by the split column."""
        if self.test_fold is not None:
            return "test" if clip.fold == self.test_fold else "train"
        return clip.split if clip.split in ("test", "validation") else "train"

    def counts(self) -> dict[str, int]:
        """Label to number of clips, in the order of :attr:`labels`."""
        counter = Counter(label for clip in self.clips for label in clip.labels)
        return {label: counter[label] for label in self.labels}
