"""Engines make the shards of a round, one shard a task: `local` on this machine, `ray` on many."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from menura.backends.several import is_heavy
from menura.datasets.index import num_cores
from menura.errors import ConfigError, RunError
from menura.pipeline.plan import read_requests
from menura.pipeline.pool import Done, Task, WorkerPool
from menura.pipeline.threads import one_thread
from menura.pipeline.work import make_shard

if TYPE_CHECKING:
    from menura.pipeline.context import Context

__all__ = ["ENGINES", "Engine", "EngineSettings", "LocalEngine", "choose_workers", "open_engine"]

ENGINES = ("local", "ray")

_HOST = re.compile(r"[\w.-]+|\[[0-9A-Fa-f:.]+\]", re.ASCII)
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


class Engine(Protocol):
    """Makes shards, round after round of a run; a context manager.

    Whatever the engine, a shard exists whole or not at all, and holds the same bytes.
    """

    def __enter__(self) -> Engine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def prepare(self, *, num_shards: int, audio_s: float, heavy: bool) -> None:
        """Start the workers for a round, so that they load while the caller prepares the first task.

        Args:
            num_shards, audio_s: How much there is to make.
            heavy: Whether the generator holds weights, or is a program of its own.

        Raises:
            BackendError: Ray is not installed, cannot be reached, or has no room for a worker.
        """
        ...

    def make(self, tasks: Sequence[Task], *, on_request: Callable[[int], None]) -> Generator[Done]:
        """Make all shards and report as they are finished, in any order.

        Args:
            tasks: The shards.
            on_request: Called with the number of requests of an unfinished shard that are done, if that is known.

        Raises:
            RunError: A parent is missing, the disk is full, or a shard could not be made in several tries.
        """
        ...


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Who makes the shards. Nothing of this is part of a run: another engine may go on with it.

    Attributes:
        name: ``local`` or ``ray``.
        address: Of a Ray cluster, ``HOST:PORT`` or ``auto``; None starts Ray on this machine, for this run.
        cpus: Cores that Ray sets aside for each worker.
        gpus: Graphics cards, or the fraction of one, that each worker gets; None gives a whole one to each worker of a
            generator with weights where the cluster has any.

    Raises:
        ConfigError: The engine is unknown, or a number is impossible.
    """

    name: str = "local"
    address: str | None = None
    cpus: float = 1.0
    gpus: float | None = None

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise ConfigError(f"no engine {self.name!r}. Known: {', '.join(ENGINES)}")
        if self.name != "ray" and (self.address is not None or self.cpus != 1 or self.gpus is not None):
            raise ConfigError(
                "an address, cores or graphics cards for each worker are for the engine ray; add --engine ray"
            )
        if self.address is not None and self.address.startswith("ray://"):
            raise ConfigError(
                f"{self.address} is the address of a Ray client; run the command on a machine of the cluster and give "
                "HOST:PORT or auto"
            )
        if self.address is not None and not _is_address(self.address):
            raise ConfigError(
                f"the address of a Ray cluster is {self.address!r}, expected HOST:PORT, or auto on one of its "
                "machines; without an address Ray is started here"
            )
        for name, number in (("cpus", self.cpus), ("gpus", self.gpus or 0.0)):
            if not 0 <= number < float("inf"):
                raise ConfigError(f"{name} for each worker is {number}, expected 0 or more")
            if number > 1 and number != int(number):
                raise ConfigError(f"{name} for each worker is {number}, expected a whole number or a fraction of one")
        if self.cpus == 0 and not self.gpus:
            raise ConfigError("a worker without a core and without a graphics card cannot be counted; give one of them")


def _is_address(text: str) -> bool:
    """Whether it says where a cluster is. What Ray understands besides, as `local` or nothing at all, would start
    another one here that listens to the whole network."""
    host, _, port = text.rpartition(":")
    return text == "auto" or (bool(_HOST.fullmatch(host)) and port.isascii() and port.isdigit() and int(port) < 2**16)


def open_engine(
    settings: EngineSettings,
    run: Path,
    *,
    workers: int | None,
    context: Callable[[], Context],
    address: str | None = None,
) -> Engine:
    """The engine of the settings.

    Args:
        settings: Which one.
        run: Folder of the run.
        workers: Processes that were asked for; None leaves it to the engine.
        context: Gives the context for work in this process.
        address: Where the run is on object storage, if it is; then workers elsewhere bring their shards there.
    """
    if settings.name == "ray":
        from menura.pipeline.ray_engine import RayEngine

        return RayEngine(run, settings, workers=workers, address=address)
    return LocalEngine(run, workers=workers, context=context)


class LocalEngine:
    """Makes shards on this machine; use it as a context manager.

    Args:
        run: Folder of the run.
        workers: Number of processes; 1 works in this one, None decides by the size of a round.
        context: Gives the context for work in this process; loaded when the first shard is due.
    """

    def __init__(self, run: Path, *, workers: int | None, context: Callable[[], Context]) -> None:
        self._run = run
        self._workers = workers
        self._context = context
        self._pool: WorkerPool | None = None

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._pool is not None:
            self._pool.__exit__()
            self._pool = None

    def prepare(self, *, num_shards: int, audio_s: float, heavy: bool) -> None:
        """See :class:`Engine`."""
        workers = choose_workers(1 if heavy else self._workers, num_shards=num_shards, audio_s=audio_s)
        self._stop()
        if workers > 1:
            self._pool = WorkerPool(self._run, workers)

    def make(self, tasks: Sequence[Task], *, on_request: Callable[[int], None]) -> Generator[Done]:
        """See :class:`Engine`."""
        if self._pool is not None:
            try:
                yield from self._pool.run(tasks)
            finally:
                self._stop()  # their memory and their cores are for what comes next
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
            waiting = iter(tasks)
            futures: set[Future[Done]] = {threads.submit(make, task) for task in islice(waiting, 2)}
            while futures:
                finished, futures = wait(futures, return_when=FIRST_COMPLETED)
                futures |= {threads.submit(make, task) for task in islice(waiting, len(finished))}
                for done in (future.result() for future in finished):
                    under_way.pop(done.task.target, None)
                    yield done
        except BaseException:
            stopped.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise
