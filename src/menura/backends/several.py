"""Several generators in one run: each request is for one of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from menura.backends.base import DownloadingGenerator, Generator, HeavyGenerator, Parents
from menura.backends.weights.hub import Download
from menura.errors import BackendError
from menura.seeding import content_hash
from menura.types import Candidate, Clip, Params, Request

__all__ = ["SeveralGenerators", "is_heavy", "part_for", "parts_of", "pending"]


class SeveralGenerators:
    """Generators that share a run. A request names the one that it is for by its fingerprint.

    Recipes draw one for each request with :func:`part_for`; clips of different generators differ in what is wrong with
    them, which helps more than more clips of one (Ronchini et al. 2025, arXiv:2504.03329).

    Args:
        parts: At least one, no two with the same fingerprint.

    Raises:
        BackendError: Two of them are the same.
    """

    def __init__(self, parts: Sequence[Generator]) -> None:
        self.parts = tuple(parts)
        self._by_fingerprint = {part.fingerprint: part for part in self.parts}
        self.name = "+".join(part.name for part in self.parts)
        if len(self._by_fingerprint) < len(self.parts):
            raise BackendError(f"generator {self.name} names the same generator twice; name each once")

    @property
    def fingerprint(self) -> str:
        """Changes with any of the parts."""
        return content_hash(["several", *(part.fingerprint for part in self.parts)])

    @property
    def parents_needed(self) -> tuple[int, int]:
        """The least and the greatest number that any part takes; ask the part of a request for its own."""
        needed = [part.parents_needed for part in self.parts]
        return min(least for least, _ in needed), max(most for _, most in needed)

    @property
    def batch_tolerance(self) -> float:
        """The greatest of the parts'."""
        return max(float(getattr(part, "batch_tolerance", 0.0)) for part in self.parts)

    @property
    def one_process(self) -> bool:
        """Whether any part must not be loaded twice."""
        return any(is_heavy(part) for part in self.parts)

    def downloads(self) -> list[Download]:
        """Those of all parts."""
        return pending(*self.parts)

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        """Numbers are those of a part.

        Raises:
            BackendError: Always: a recipe draws from ``part_for(...)``.
        """
        raise BackendError(f"{self.name} draws nothing itself; the recipe must draw from one of its parts")

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        """One candidate per request, in order; each part gets its own in one call.

        Raises:
            BackendError: A request is for none of the parts, or a part gave another number of candidates.
        """
        made: dict[str, Candidate] = {}
        for fingerprint in dict.fromkeys(request.generator for request in requests):
            mine = [request for request in requests if request.generator == fingerprint]
            candidates = self._part(mine[0]).generate(mine, parents)
            if len(candidates) != len(mine):
                raise BackendError(f"{self._part(mine[0]).name} gave {len(candidates)} candidates for {len(mine)}")
            made.update(zip((request.id for request in mine), candidates, strict=True))
        return [made[request.id] for request in requests]

    def _part(self, request: Request) -> Generator:
        if request.generator not in self._by_fingerprint:
            raise BackendError(f"request {request.id} is for the generator {request.generator}, none of {self.name}")
        return self._by_fingerprint[request.generator]


def parts_of(generator: Generator) -> tuple[Generator, ...]:
    """The parts of several generators, or the one itself."""
    return getattr(generator, "parts", (generator,))


def pending(*generators: Generator) -> list[Download]:
    """What would have to be downloaded for these generators before their first clip."""
    found = [
        one for generator in generators if isinstance(generator, DownloadingGenerator) for one in generator.downloads()
    ]
    return list(dict.fromkeys(found))


def is_heavy(generator: Generator) -> bool:
    """Whether a run must keep to one process with it."""
    return isinstance(generator, HeavyGenerator) and generator.one_process


def part_for(generator: Generator, random: np.random.Generator, *, num_parents: int | None = None) -> Generator:
    """The part that a request is for, each as likely as any other; the generator itself where it is only one.

    Args:
        generator: One or several.
        random: Random state of this choice alone.
        num_parents: Only parts that take so many parents; None takes any.

    Raises:
        BackendError: No part takes so many parents.
    """
    parts = [part for part in parts_of(generator) if num_parents is None or _takes(part, num_parents)]
    if not parts:
        raise BackendError(f"no part of {generator.name} takes {num_parents} parents")
    return parts[int(random.integers(len(parts)))] if len(parts) > 1 else parts[0]


def _takes(generator: Generator, num_parents: int) -> bool:
    least, most = generator.parents_needed
    return least <= num_parents <= most
