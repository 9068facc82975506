"""What training learns from, made ahead by worker processes: the same with any number of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import torch

from menura.processes import obey_the_parent

__all__ = ["ahead"]

MadeT = TypeVar("MadeT")

_AHEAD = 2


def ahead(make: Callable[[int], MadeT], blocks: range, *, workers: int) -> Iterator[MadeT]:
    """What each block number makes, in order.

    Args:
        make: Can be pickled; what it makes follows from the number alone.
        blocks: Numbers.
        workers: Processes that work ahead; 0 makes each block when it is needed.
    """
    if not workers:
        yield from map(make, blocks)
        return
    spawn = get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, initializer=_begin) as pool:
        waiting: deque[Future[MadeT]] = deque()
        try:
            for block in blocks:
                while len(waiting) <= _AHEAD * workers and block + len(waiting) < blocks.stop:
                    waiting.append(pool.submit(make, block + len(waiting)))
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    obey_the_parent()
    torch.set_num_threads(1)
