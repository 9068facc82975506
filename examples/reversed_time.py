"""A generator in forty lines: the parent played backwards, at another level.

Only sensible where time has no direction (rain, engines, crowds). It shows all that a generator must do: numbers are
drawn in ``draw`` and only used in ``generate``, and a clip depends on nothing but its own request.

Make it known to Menura in the ``pyproject.toml`` of the package that holds it::

    [project.entry-points."menura.generators"]
    reversed_time = "my_package.reversed_time:ReversedTime"

Then: ``menura augment my_sounds/ -o runs/reversed --generator reversed_time``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from menura.audio import gain
from menura.backends.base import Parents
from menura.config import GeneratorSettings
from menura.errors import BackendError
from menura.types import Candidate, Clip, Params, Request


class ReversedTime:
    """Plays one parent backwards."""

    name = "reversed_time"
    parents_needed = (1, 1)

    def __init__(self, settings: GeneratorSettings) -> None:
        self.max_gain_db = 6.0 * (0.5 if settings.delta is None else settings.delta)

    @property
    def fingerprint(self) -> str:
        """Name, version of the method, and every setting that changes the sound."""
        return f"reversed_time-1-{self.max_gain_db:g}dB"

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        """The gain of one clip, in decibels."""
        return {"gain_db": round(float(generator.uniform(-self.max_gain_db, 0)), 3)}

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        """One candidate per request, in order."""
        return [self._one(request, parents) for request in requests]

    def _one(self, request: Request, parents: Parents) -> Candidate:
        if len(request.parents) != 1:
            raise BackendError(f"reversed_time got {len(request.parents)} parents, expected one")
        parent = parents(request.parents[0])
        backwards = np.ascontiguousarray(parent.waveform[:, ::-1])
        return Candidate(request, gain(backwards, float(str(request.params["gain_db"]))), parent.sample_rate)
