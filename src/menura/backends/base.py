"""What a generator, an encoder and a classifier must be able to do.

Each protocol has an implementation that needs no weights, and one contract test suite over all implementations
(``tests/backends/``). Another package adds one through the entry-point groups ``menura.generators``,
``menura.encoders`` and ``menura.classifiers``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from menura.types import Candidate, Clip, Params, Recording, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Encoder", "Generator", "Parents", "ScenicGenerator"]

Parents: TypeAlias = Callable[[str], Recording]
"""Gives the recording of a parent clip id, already at the sample rate of the run."""


@runtime_checkable
class Generator(Protocol):
    """Turns requests into waveforms. Holds settings or weights, but no state between calls."""

    name: str

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same request would sound different: name, version of the method, settings."""
        ...

    @property
    def parents_needed(self) -> tuple[int, int]:
        """Least and greatest number of parents of one request; (0, 0) for a generator that takes none."""
        ...

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        """The numbers of one request, drawn before anything is rendered, so that they can be stored and replayed.

        Args:
            parents: The real clips that the request will name, of one label; see :class:`ScenicGenerator` for another.
            generator: Random state of this item alone.
        """
        ...

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        """One candidate per request, in order. A clip is the same alone and in any batch.

        Raises:
            BackendError: The generator failed for a reason that a user can act on.
        """
        ...


@runtime_checkable
class ScenicGenerator(Generator, Protocol):
    """A generator that can take the surroundings of a new clip from a real clip of another label."""

    @property
    def scene_share(self) -> float:
        """Share of the requests, in [0, 1], whose last parent is a clip of another label. The recipe decides which."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """Turns waveforms into embeddings. An embedding does not depend on the other clips of the call."""

    name: str
    sample_rate: int
    dim: int

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same waveform would get another embedding; part of every cache key."""
        ...

    def embed(self, recordings: Sequence[Recording]) -> NDArray[np.float32]:
        """Embeddings ``[len(recordings), dim]``, float32, finite; any rate, length and number of channels."""
        ...
