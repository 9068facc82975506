"""Requests to candidates: neighbours share a call, and a request that fails costs only itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from menura.backends.base import Generator, Parents
from menura.errors import RunError, ran_out_of_disk, ran_out_of_memory
from menura.types import Candidate, Request

__all__ = ["BATCH_S", "batches", "generate_alone", "generate_batch"]

BATCH_S = 120.0
"""Seconds of audio in one call of a generator, about: bounds the memory of a worker, whatever the size of a shard."""


def batches(requests: Sequence[Request], duration_of: Callable[[Request], float]) -> Iterator[list[Request]]:
    """Neighbouring requests, as many as are worth one call: the generator analyses a shared parent once for all.

    The batches of a shard follow from its requests alone, for generators whose clips depend on their neighbours.
    """
    batch: list[Request] = []
    duration_s = 0.0
    for request in requests:
        batch.append(request)
        duration_s += duration_of(request)
        if duration_s >= BATCH_S:
            yield batch
            batch, duration_s = [], 0.0
    if batch:
        yield batch


def generate_batch(generator: Generator, batch: Sequence[Request], parents: Parents) -> list[Candidate | str]:
    """A candidate for each request, or the reason why there is none.

    Raises:
        RunError: A parent is missing or altered, which is no fault of the request.
    """
    try:
        candidates = list(generator.generate(batch, parents))
    except RunError:
        raise
    except Exception:  # any failure of a generator, a foreign one included; found again below, one by one
        candidates = []
    if len(candidates) == len(batch):
        return list(candidates)
    return [generate_alone(generator, request, parents) for request in batch]


def generate_alone(generator: Generator, request: Request, parents: Parents) -> Candidate | str:
    """The candidate of one request, or the reason why there is none.

    Raises:
        RunError: A parent is missing or altered, or the disk is full.
        MemoryError: There is none.
    """
    try:
        candidates = generator.generate([request], parents)
    except RunError:
        raise
    except Exception as error:  # recorded with the request, and the run goes on
        if ran_out_of_memory(error):
            raise MemoryError(str(error)) from error  # which says something of the machine, and nothing of the request
        if ran_out_of_disk(error):
            raise RunError(f"the disk is full; free some space, then run the same command again ({error})") from error
        return f"generator failed: {type(error).__name__}: {error}"
    return candidates[0] if len(candidates) == 1 else f"generator gave {len(candidates)} candidates for one request"
