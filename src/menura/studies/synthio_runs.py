"""The runs of one variant of the recipe ``synthio``; what variants share is made once.

An adapter depends on the training clips, the seed and the objective, and on nothing that an ablation of captions or
judges changes: all variants with one objective get the same files. Each run has them in its own folder, as if it had
trained them, so that it can be moved, opened and resumed like any other.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.files import disk_errors, link_or_copy, move_into_place, temporary_beside
from menura.pipeline.identity import ADAPTER_NAME
from menura.pipeline.plan import lead_labels
from menura.pipeline.run import Run
from menura.recipes.adapted import adapted
from menura.studies.job import RunLike, augment_run
from menura.studies.mixed_run import MixedRun
from menura.studies.synthio_variants import FULL, MIXED, RESYNTH, variant_settings

__all__ = ["VariantRuns", "share_adapter", "variant_folder"]

_CLAIM = Path(".work") / "align.json"
"""What says of a finished adapter from which clips and settings it was made."""


def variant_folder(out: Path, variant: str) -> Path:
    """Where the evaluation of a variant lies."""
    return out / "variants" / variant


@dataclass(frozen=True)
class VariantRuns:
    """Makes, or resumes, the run of one fold and seed: a :data:`menura.studies.job.MakeRun`.

    Attributes:
        variant: Which.
        out: Folder of the whole study.
        base: Settings of the whole method, with the rate of the runs.
    """

    variant: str
    out: Path
    base: RunSettings

    def __call__(self, training: TrainingPart, out: Path, settings: RunSettings) -> RunLike:
        """The finished run.

        Args:
            training: Real clips; nothing is learned from any others.
            out: Folder of the run; its name is that of the fold and seed.
            settings: Of the run, with its seed.

        Raises:
            MenuraError: It cannot be made.
        """
        if self.variant == MIXED:
            for name in (FULL, RESYNTH):
                part = variant_settings(self.base, name).model_copy(update={"seed": settings.seed})
                replace(self, variant=name)(training, variant_folder(self.out, name) / "runs" / out.name, part)
            return self.opened(out.name, settings.seed)
        if settings.makes_adapter:
            shared = self.out / "adapters" / f"{out.name}-{settings.synthio.align}"
            adapted(training, settings, shared)
            share_adapter(shared / ADAPTER_NAME, out / ADAPTER_NAME)
        return augment_run(training, out, settings)

    def opened(self, unit: str, seed: int) -> RunLike:
        """The run of a fold and seed that is finished.

        Raises:
            RunError: It is not there.
        """
        if self.variant == MIXED:
            first, second = (self._run(name, unit) for name in (FULL, RESYNTH))
            lead = lead_labels(first.training.counts())
            return MixedRun((first, second), lead=lead, seed=seed, key=unit)
        return self._run(self.variant, unit)

    def _run(self, variant: str, unit: str) -> Run:
        return Run.open(variant_folder(self.out, variant) / "runs" / unit)


def share_adapter(finished: Path, target: Path) -> None:
    """Puts a finished adapter into a run that has none, without what only its training needs.

    Raises:
        RunError: The disk cannot be written.
    """
    if target.exists():
        return
    with disk_errors(str(target)):
        beside = temporary_beside(target)
        shutil.rmtree(beside, ignore_errors=True)
        (beside / _CLAIM.parent).mkdir(parents=True)
        for file in sorted(path for path in finished.iterdir() if path.is_file()):
            link_or_copy(file, beside / file.name)
        if (finished / _CLAIM).is_file():
            link_or_copy(finished / _CLAIM, beside / _CLAIM)
        move_into_place(beside, target)
