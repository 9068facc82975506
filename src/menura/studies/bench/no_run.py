"""A run without clips: for the point of a study where real clips stand alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.decide import KeepRate
from menura.types import Clip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NoClips", "no_run"]


@dataclass(frozen=True)
class NoClips:
    """Nothing was asked for and nothing kept."""

    def kept(self) -> tuple[Clip, ...]:
        """No clip."""
        return ()

    def keep_rates(self) -> Mapping[str, KeepRate]:
        """No label."""
        return {}

    def embeddings(self, encoder: str, *, highest_rate: int) -> Mapping[str, NDArray[np.float32]]:
        """None."""
        return {}


def no_run(training: TrainingPart, out: Path, settings: RunSettings) -> NoClips:
    """Makes no run: a :data:`menura.studies.job.MakeRun` for arms of real clips alone."""
    return NoClips()
