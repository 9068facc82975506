"""Training parts without audio: a recipe sees records only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from tests.backends.conftest import tiny

from menura.backends.base import Parents
from menura.datasets.dataset import TrainingPart
from menura.types import Candidate, Clip, Params, Request

__all__ = ["tiny"]


def make_training(counts: Mapping[tuple[str, ...], int], *, groups: int = 0) -> TrainingPart:
    """Clips with these labels; ``groups`` sources in turn, or none."""
    clips = []
    for labels, count in counts.items():
        for take in range(count):
            name = "+".join(labels)
            group = f"{name}-{take % groups}" if groups else None
            clips.append(Clip(f"{name}-{take}", f"/{name}/{take}.wav", labels, 1.0, 8000, group=group))
    return TrainingPart("made up", tuple(clips))


@dataclass(frozen=True)
class PaperGenerator:
    """Draws a number, makes nothing."""

    parents_needed: tuple[int, int] = (1, 2)
    name: str = "paper"
    fingerprint: str = "paper-1"

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        return {"number": int(generator.integers(1 << 40)), "parents": len(parents)}

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        raise NotImplementedError


@pytest.fixture(scope="session")
def training_of() -> Callable[..., TrainingPart]:
    return make_training


@pytest.fixture(scope="session")
def paper() -> PaperGenerator:
    return PaperGenerator()


@pytest.fixture(scope="session")
def paper_of() -> Callable[..., PaperGenerator]:
    return PaperGenerator
