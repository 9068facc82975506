"""What a generator, an encoder, a captioner, a language model and an audio-text scorer must be able to do.

Each protocol has an implementation that needs no weights, and one contract test suite over all implementations
(``tests/backends/``). Another package adds one through the entry-point groups ``menura.generators``,
``menura.encoders``, ``menura.captioners``, ``menura.language_models`` and ``menura.classifiers``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from pydantic import BaseModel

from menura.backends.weights.hub import Download
from menura.types import Candidate, Clip, Params, Recording, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

__all__ = [
    "AudioTextScorer",
    "Captioner",
    "DownloadingGenerator",
    "Encoder",
    "Generator",
    "HeavyGenerator",
    "LanguageModel",
    "Message",
    "Parents",
    "PromptedGenerator",
    "Question",
    "ScenicGenerator",
    "TrainableModel",
]

AnswerT = TypeVar("AnswerT", bound=BaseModel)

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
class HeavyGenerator(Generator, Protocol):
    """A generator that is loaded only once: weights on a graphics card, or a program of its own."""

    @property
    def one_process(self) -> bool:
        """Whether a run must not start several processes with it; it judges and stores meanwhile in this one."""
        ...


@runtime_checkable
class DownloadingGenerator(Generator, Protocol):
    """A generator whose weights may have to be downloaded before its first clip."""

    def downloads(self) -> Sequence[Download]:
        """What is not on this disk yet, so that a command can say so before it happens. Downloads nothing.

        Raises:
            BackendError: Something is not here, and the person forbids downloads.
        """
        ...


@runtime_checkable
class PromptedGenerator(Generator, Protocol):
    """A generator that makes nothing without a prompt, even where it starts from recordings. The recipe writes it."""

    @property
    def needs_prompt(self) -> bool:
        """Whether a request without a prompt would be refused."""
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


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: ``system``, ``user`` or ``assistant``.
        text: What is said.
    """

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Question(Generic[AnswerT]):
    """What is asked of a language model, and the shape of an answer that counts.

    Attributes:
        name: Kind of question, a stable word for caches, logs and budgets, e.g. ``descriptors``.
        messages: What a real language model reads.
        answer: Pydantic class of the answer; its JSON schema is sent along, its validators judge what comes back.
        offline: Makes an answer from phrases, without a model, by the random state that it is given.
    """

    name: str
    messages: tuple[Message, ...]
    answer: type[AnswerT]
    offline: Callable[[np.random.Generator], AnswerT]


class LanguageModel(Protocol):
    """Answers questions with validated objects. The same question and seed give the same answer from the cache."""

    name: str

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same question might be answered otherwise: model, temperature, version of the client."""
        ...

    def answer(self, question: Question[AnswerT], *, seed: int) -> AnswerT:
        """A validated answer; another seed asks for another one.

        Raises:
            BackendError: No valid answer after all repairs and retries, or the budget does not allow the question.
        """
        ...


@runtime_checkable
class Captioner(Protocol):
    """Describes recordings in words. A caption does not depend on the other recordings of the call."""

    name: str

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same recording would get another caption."""
        ...

    def caption(self, recordings: Sequence[Recording]) -> list[str]:
        """One caption per recording, of any rate, length and number of channels."""
        ...


@runtime_checkable
class AudioTextScorer(Protocol):
    """Compares recordings with texts in one space."""

    name: str

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same pair would be scored otherwise."""
        ...

    @property
    def scale(self) -> float:
        """The factor on a cosine that the model was trained with (``exp(logit_scale)``), for probabilities."""
        ...

    def similarity(self, recordings: Sequence[Recording], texts: Sequence[str]) -> NDArray[np.float32]:
        """Cosine ``[len(recordings), len(texts)]`` in [-1, 1]."""
        ...


@runtime_checkable
class TrainableModel(Protocol):
    """A pretrained network that is trained on with a head for labels. Holds no state between calls."""

    name: str
    sample_rate: int
    window_s: float
    """Longest stretch that it hears at once, in seconds."""
    pads: bool
    """Whether :meth:`inputs` fills a shorter stretch up to that; else the stretches of one call are equally long."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same training might give another network: weights, and what of them is trained."""
        ...

    def inputs(self, windows: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
        """What the network is given for stretches ``[samples]`` at :attr:`sample_rate`.

        Returns:
            ``[windows, mels, frames]`` or ``[windows, samples]``, each window as it would be alone; and ``[windows]``
            in (0, 1], the share of each that is no padding.
        """
        ...

    def new_network(self, num_labels: int) -> nn.Module:
        """A network from both of them to scores ``[windows, num_labels]``, its own copy of the weights each time.

        The head is new, by torch's random state. What wants no gradient is not trained.
        """
        ...
