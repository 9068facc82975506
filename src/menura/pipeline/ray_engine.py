"""The engine `ray`: shards are made by actors on many machines, in a run folder that all of them see."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from menura.errors import ConfigError, RunError
from menura.files import remove_leftovers
from menura.pipeline.identity import IDENTITY_NAME
from menura.pipeline.plan import read_requests
from menura.pipeline.pool import Done, Task
from menura.pipeline.ray_cluster import has_graphics_cards, joined, most_workers
from menura.pipeline.ray_pool import ActorPool
from menura.pipeline.shards import TABLE_NAME
from menura.pipeline.threads import one_thread
from menura.pipeline.work import Timings, make_shard

if TYPE_CHECKING:
    from menura.pipeline.context import Context
    from menura.pipeline.engine import EngineSettings

__all__ = ["RayEngine", "ShardMaker"]

_SIGHT_PATIENCE_S = 90.0
"""How long a network file system may take to show this machine what another one has written."""


class ShardMaker:
    """Makes shards of a run wherever it is called; loads generator and judges when the first is due, and keeps them.

    Args:
        run: Folder of the run, by the same path on every machine.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._loading, self._one_thread = threading.Lock(), one_thread()
        self._context: Context | None = None

    def __reduce__(self) -> tuple[type[ShardMaker], tuple[Path]]:
        return ShardMaker, (self._run,)

    def __call__(self, task: Task) -> tuple[int, Timings]:
        """Number of requests of the shard, and the time that it took.

        Raises:
            RunError: The run or a parent is not here, or the disk cannot be written.
        """
        context = self._loaded()
        requests = list(read_requests(self._run / task.plan, task.start, task.stop))
        return len(requests), make_shard(context, requests, self._run / task.target)

    def _loaded(self) -> Context:
        from menura.pipeline.context import load_context

        with self._loading:
            if self._context is None:
                if not (self._run / IDENTITY_NAME).is_file():
                    raise RunError(
                        f"{self._run} is not there on {socket.gethostname()}: the engine ray needs a run folder on a "
                        "file system that all machines share, under the same path"
                    )
                self._one_thread.__enter__()  # for good: this process does nothing else, perhaps in two threads
                self._context = load_context(self._run)
            return self._context


class RayEngine:
    """Makes shards on a Ray cluster; use it as a context manager. Actors stay, with what they loaded, for all rounds.

    With a generator that holds weights, an actor works on two shards, judging and storing one while the generator works
    on the other, and gets a graphics card where there are any.

    Args:
        run: Folder of the run.
        settings: Address, and what each worker takes.
        workers: Number of actors; None takes as many as the cluster has room for.
        address: Where the run is on object storage; the workers then bring their shards there, and share no folder.
    """

    def __init__(self, run: Path, settings: EngineSettings, *, workers: int | None, address: str | None = None) -> None:
        if workers is not None and workers < 1:
            raise ConfigError(f"workers is {workers}, expected 1 or more")
        self._run, self._settings, self._asked = run, settings, workers
        self._address = address
        self._stack = ExitStack()
        self._pool: ActorPool[Task, tuple[int, Timings]] | None = None
        self._most = 1

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def prepare(self, *, num_shards: int, audio_s: float, heavy: bool) -> None:
        """See :class:`~menura.pipeline.engine.Engine`."""
        if self._pool is None:
            settings = self._settings
            ray = self._stack.enter_context(joined(settings.address, cpus=settings.cpus, workers=self._asked))
            gpus = settings.gpus
            if gpus is None:
                gpus = 1.0 if heavy and has_graphics_cards(ray) else 0.0
            self._most = most_workers(ray, settings, gpus=gpus, asked=self._asked)
            self._pool = self._stack.enter_context(
                ActorPool(
                    ray,
                    self._maker(),
                    cpus=settings.cpus,
                    gpus=gpus,
                    at_once=2 if heavy else 1,
                    name_of=lambda task: task.target,
                )
            )
        self._pool.grow_to(min(self._most, num_shards))

    def _maker(self) -> ShardMaker:
        if self._address is None:
            return ShardMaker(self._run)
        from menura.pipeline.remote_worker import RemoteShardMaker

        return RemoteShardMaker(self._address)

    def make(self, tasks: Sequence[Task], *, on_request: Callable[[int], None]) -> Generator[Done]:
        """See :class:`~menura.pipeline.engine.Engine`; requests of unfinished shards are not reported."""
        if self._pool is None:
            raise RuntimeError("make was called before prepare")
        unseen: list[Path] = []
        for count, (task, (requests, timings)) in enumerate(self._pool.run(tasks)):
            table = self._run / task.target / TABLE_NAME
            if self._address is None and not table.exists():
                unseen.append(table)
            if count == 0:
                _wait_for(unseen)
            yield Done(task, requests, timings)
        _wait_for(unseen)
        if self._pool.lost and self._address is None:
            remove_leftovers((self._run / tasks[0].target).parent)  # of actors that died


def _wait_for(files: list[Path]) -> None:
    """Wait until this machine sees what others have written."""
    until = time.monotonic() + _SIGHT_PATIENCE_S
    while files := [file for file in files if not file.exists()]:
        if time.monotonic() > until:
            raise RunError(
                f"{files[0].parent} was made, but is not to be seen here: the engine ray needs a run folder on a file "
                "system that all machines share"
            )
        time.sleep(0.5)
