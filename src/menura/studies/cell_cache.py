"""Cells by what they learn from what: two conditions of a study that train the same need to train it only once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from menura import __version__
from menura.classify.base import TrainingExamples
from menura.seeding import content_hash
from menura.studies.arms import Example
from menura.studies.cells import Cell
from menura.studies.job import UnitJob
from menura.studies.lab import Lab

__all__ = ["CellCache"]


class CellCache:
    """Finished cells under a folder, found by the content of what was learned and tested.

    Features follow from the clip and the classifier, so that ids and fingerprints stand for them. Copies are drawn by
    fold and seed, which are part of the key.

    Args:
        folder: None remembers nothing.
        job: The fold and seed.
        lab: The classifiers.
    """

    def __init__(self, folder: Path | None, job: UnitJob, lab: Lab) -> None:
        self._folder, self._job = folder, job
        self._fingerprints = {c.name: lab.fingerprint(c) for c in lab.all}
        self._common = [
            __version__, job.fold, job.seed, list(job.labels), job.multilabel, job.settings.steps,
            [clip.id for clip in job.test], [list(clip.labels) for clip in job.test],
        ]  # fmt: skip

    def key(self, members: list[Example], examples: Mapping[str, TrainingExamples]) -> str:
        """Equal for arms that learn the same from the same."""
        weights = next(iter(examples.values()))
        rows = [[e.id, list(e.labels), list(e.sources), e.origin] for e in members]
        digits = content_hash([np.round(weights.weights, 9).tolist(), np.round(weights.targets, 9).tolist()])
        classifiers = [[name, self._fingerprints[name]] for name in examples]
        return content_hash([*self._common, classifiers, rows, digits, weights.augment], length=32)

    def find(self, key: str) -> Cell | None:
        """The finished cell; None when there is none."""
        return None if self._folder is None else Cell.read(self._folder / key[:2], self._job.fold, self._job.seed, key)

    def keep(self, key: str, cell: Cell) -> None:
        """Remember a finished cell."""
        if self._folder is not None:
            replace(cell, arm=key).write(self._folder / key[:2])
