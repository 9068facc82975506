"""A run that made nothing new, for tests that are not about runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.decide import KeepRate
from menura.types import Clip


class Copies:
    """A run whose synthetic clips are its training clips."""

    def __init__(self, training: TrainingPart, out: Path, settings: RunSettings) -> None:
        self.clips = tuple(replace(clip, origin="synthetic") for clip in training.clips)
        self.labels = tuple(training.counts())

    def kept(self) -> tuple[Clip, ...]:
        return self.clips

    def keep_rates(self) -> dict[str, KeepRate]:
        return {label: KeepRate(target=1, planned=1, made=1, passed=1, kept=1) for label in self.labels}

    def embeddings(self, encoder: str, *, highest_rate: int) -> dict[str, Any]:
        return {}
