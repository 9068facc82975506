"""Generators whose truth is known: procedural clips of a world by label, and copies of training clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from menura.backends.base import Parents
from menura.synth.world import World
from menura.types import Candidate, Clip, Params, Request


@dataclass(frozen=True)
class ProceduralGenerator:
    """Makes clips of a world: the label is in the request, the number in its parameters."""

    world: World
    name: str = "procedural"
    copies: int = 0
    """Gives training clips of that many numbers instead of new ones."""

    @property
    def fingerprint(self) -> str:
        return repr(self)

    @property
    def parents_needed(self) -> tuple[int, int]:
        return (0, 0)

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        return {"seed": int(generator.integers(1 << 31))}

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        return [self._candidate(request) for request in requests]

    def _candidate(self, request: Request) -> Candidate:
        seed = int(str(request.params["seed"]))
        part, number = ("train", seed % self.copies) if self.copies else ("made", seed)
        clip = self.world.clips(request.labels[0], part=part, count=1, start=number)[0]
        return Candidate(request, clip.recording.waveform, clip.recording.sample_rate)
