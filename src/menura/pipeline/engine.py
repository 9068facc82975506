"""The local engine: makes the shards of a round in this process or in several, one shard a task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from menura.backends.several import is_heavy
from menura.datasets.index import num_cores
from menura.errors import ConfigError, RunError
from menura.pipeline.plan import read_requests
from menura.pipeline.pool import Done, Task, WorkerPool
from menura.pipeline.threads import one_thread
from menura.pipeline.work import make_shard

if TYPE_CHECKING:
    from menura.pipeline.context import Context

__all__ = ["LocalEngine", "choose_workers"]

SMALL_RUN_S = 60.0
"""Runs of less audio than this are made in this process: starting others would take longer."""


def choose_workers(workers: int | None, *, num_shards: int, audio_s: float) -> int:
    """Number of worker processes; 1 means this process.

    Args:
        workers: What was asked for; None takes all cores for a run that is worth it.
        num_shards: Shards that are to be made.
        audio_s: Seconds of audio that are to be made.

    Raises:
        ConfigError: ``workers`` is less than 1.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"workers is {workers}, expected 1 or more")
    if workers is None:
        workers = 1 if audio_s < SMALL_RUN_S else num_cores()
    return max(1, min(workers, num_shards))


class LocalEngine:
    """Makes shards on this machine; use it as a context manager.

    Args:
        run: Folder of the run.
        workers: Number of processes; 1 works in this one.
        context: Gives the context for work in this process; loaded when the first shard is due.
    """

    def __init__(self, run: Path, *, workers: int, context: Callable[[], Context]) -> None:
        self._run = run
        self._context = context
        self._pool = WorkerPool(run, workers) if workers > 1 else None

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.__exit__()

    def make(self, tasks: Sequence[Task], *, on_request: Callable[[int], None]) -> Iterator[Done]:
        """Make all shards and report as they are finished.

        Args:
            tasks: The shards.
            on_request: Called with the number of requests of an unfinished shard that are done, if that is known.

        Raises:
            RunError: A parent is missing, the disk is full, or a worker died too often.
        """
        if self._pool is not None:
            yield from self._pool.run(tasks)
            return
        context = self._context()
        if len(tasks) > 1 and is_heavy(context.generator_of(0)):
            yield from _two_at_a_time(self._run, context, tasks, on_request)
            return
        for task in tasks:
            yield _made(self._run, context, task, on_request)


def _made(run: Path, context: Context, task: Task, on_request: Callable[[int], None]) -> Done:
    requests = list(read_requests(run / task.plan, task.start, task.stop))
    timings = make_shard(context, requests, run / task.target, on_request=on_request)
    return Done(task, len(requests), timings)


def _two_at_a_time(
    run: Path, context: Context, tasks: Sequence[Task], on_request: Callable[[int], None]
) -> Iterator[Done]:
    """While one shard is judged and stored, the generator works on the next; each is what it would be alone."""
    under_way: dict[str, int] = {}
    stopped = threading.Event()

    def make(task: Task) -> Done:
        def watched(done: int) -> None:
            if stopped.is_set():
                raise RunError("stopped")
            under_way[task.target] = done
            on_request(sum(under_way.values()))

        return _made(run, context, task, watched)

    with one_thread(), ThreadPoolExecutor(max_workers=2, thread_name_prefix="shard") as threads:
        try:
            for future in as_completed([threads.submit(make, task) for task in tasks]):
                done = future.result()
                under_way.pop(done.task.target, None)
                yield done
        except BaseException:
            stopped.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise
