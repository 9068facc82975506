"""Which requests share one call of a model, and what happens when its memory is full."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from menura.errors import BackendError
from menura.types import Recording, Request, Waveform

__all__ = ["Job", "OneAtATime", "is_out_of_memory", "render_all", "shared_calls"]

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Job:
    """A request with everything that a model needs to answer it.

    Attributes:
        request: The request.
        prompt: Its prompt.
        negative_prompt: What the clip shall not contain; None for no wish.
        duration_s: Of the clip.
        seed: Of its random state.
        parent: The real clip that it starts from, mixed and resampled for the model, and as long as the clip.
        partner: The second one, where the clip lies between two; like the first.
        alpha: Share of the second one.
    """

    request: Request
    prompt: str
    negative_prompt: str | None
    duration_s: float
    seed: int
    parent: Recording | None = None
    partner: Recording | None = None
    alpha: float = 0.0


class OneAtATime:
    """What is the same for all models that make each clip in a call of its own."""

    def key(self, job: Job) -> Hashable:
        """No job shares a call."""
        return job.request.id

    def cost_s(self, duration_s: float) -> float:
        """The duration itself: there is no window to fill."""
        return duration_s

    def render(self, jobs: Sequence[Job]) -> list[Waveform]:
        """``[channels, samples]`` of each job."""
        return [self.make(job) for job in jobs]

    def make(self, job: Job) -> Waveform:
        """``[channels, samples]`` at the model's rate, at least as long as the clip."""
        raise NotImplementedError


def shared_calls(items: Sequence[T], key: Callable[[T], Hashable], *, most: int) -> list[list[T]]:
    """Items with equal keys, in their order, at most so many together. Follows from the items alone."""
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return [group[start : start + most] for group in groups.values() for start in range(0, len(group), most)]


def render_all(calls: Sequence[Sequence[T]], render: Callable[[Sequence[T]], Sequence[R]]) -> list[R]:
    """Results of all calls, one after another. A call that runs out of memory is halved, and so are the ones after it.

    Raises:
        BackendError: There is not enough memory for a single clip.
    """
    results: list[R] = []
    most = max(map(len, calls), default=1)
    waiting = [list(call) for call in reversed(calls)]
    while waiting:
        call = waiting.pop()
        if len(call) > most:
            waiting.extend([call[most:], call[:most]])
            continue
        done = _tried(call, render)
        if done is None:
            if len(call) == 1:
                raise BackendError(
                    "memory ran out on a single clip: take precision float16, offload, shorter clips or a smaller model"
                )
            most = len(call) // 2
            waiting.append(call)
        else:
            results.extend(done)
    return results


def _tried(call: Sequence[T], render: Callable[[Sequence[T]], Sequence[R]]) -> Sequence[R] | None:
    """What was rendered; None when memory ran out, and whatever the attempt held has been let go."""
    try:
        return render(call)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    _free()
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory ran out, on the processor or on a card."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or any(words in str(error).lower() for words in ("out of memory", "can't allocate memory", "alloc_failed"))
    )


def _free() -> None:
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
