"""What a worker process is told: one fold and seed of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.decide import KeepRate
from menura.studies.cells import safe_name
from menura.studies.lab import LabSpec
from menura.studies.settings import EvaluationSettings
from menura.studies.splits import source_of
from menura.types import Clip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from menura.studies.retrieval_pool import HeardPool

__all__ = ["MakeRun", "RunLike", "UnitJob", "augment_run"]


class RunLike(Protocol):
    """The part of a run that an evaluation reads."""

    def kept(self) -> tuple[Clip, ...]:
        """The synthetic clips."""
        ...

    def keep_rates(self) -> Mapping[str, KeepRate]:
        """Label to what became of its requests."""
        ...

    def embeddings(self, encoder: str, *, highest_rate: int) -> Mapping[str, NDArray[np.float32]]:
        """Clip id to an embedding of the encoder with this fingerprint, where there is one already."""
        ...


MakeRun = Callable[[TrainingPart, Path, RunSettings], RunLike]
"""Makes, or resumes, the run of a training part in a folder."""


_PATIENCE_S = 600.0


@dataclass(frozen=True)
class UnitJob:
    """Everything that a worker process needs for one fold and seed.

    Attributes:
        folder: Folder of the evaluation.
        fold, seed: Which unit.
        arms: Arms that have no cell yet, doses included (``synthetic@3``); empty only makes and describes the clips.
        training: Real training clips.
        test: Real test clips.
        labels: All labels, in the order of the columns.
        multilabel: Whether clips may have several labels.
        lab: Classifiers and working rate.
        settings: What is evaluated.
        working: Clip id to the same clip at the working rate.
        make_run: Makes the run of this unit.
        run: A run that is there already and serves all seeds; None makes one for each unit.
        real_packs: Classifier name to the features of the real clips.
        copies_as_asked: Whether there are as many classic copies as synthetic clips were asked for, not kept.
        cache: Where cells of other conditions of the same study are, see :mod:`menura.studies.cell_cache`.
        cell_arms: Arm to the name that its cells have, where they are called otherwise.
        pool: Real clips that the arm ``retrieval`` takes its own from; None has no such arm.
    """

    folder: Path
    fold: str
    seed: int
    arms: tuple[str, ...]
    training: TrainingPart
    test: tuple[Clip, ...]
    labels: tuple[str, ...]
    multilabel: bool
    lab: LabSpec
    settings: EvaluationSettings
    working: Mapping[str, Clip]
    make_run: MakeRun
    run: RunLike | None
    real_packs: Mapping[str, Path]
    copies_as_asked: bool = False
    cache: Path | None = None
    cell_arms: Mapping[str, str] = field(default_factory=dict)
    pool: HeardPool | None = None

    @property
    def key(self) -> str:
        """Name of the unit in file names."""
        return f"fold-{safe_name(self.fold)}-seed-{self.seed}"

    def sources_of(self, made: Clip) -> tuple[str, ...]:
        """The sources of all parents of a made clip; one without known parents is a source of its own."""
        parents = made.provenance.request.parents if made.provenance is not None else ()
        by_id = {clip.id: clip for clip in self.training.clips} | {
            self.working[clip.id].id: clip for clip in self.training.clips
        }
        sources = tuple(sorted({source_of(by_id[parent]) for parent in parents if parent in by_id}))
        return sources or (f"synthetic {made.id}",)


def augment_run(training: TrainingPart, out: Path, settings: RunSettings) -> RunLike:
    """The run that ``menura augment`` makes, in this process; another arm may be looking at it meanwhile."""
    from menura.recipes.augment import augment

    return augment(training, out=out, settings=settings, seed=settings.seed, workers=1, patience_s=_PATIENCE_S)
