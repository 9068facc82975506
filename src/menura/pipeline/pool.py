"""Worker processes that make shards, and what happens when one of them dies."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NoReturn, overload

from menura import errors
from menura.errors import MenuraError, RunError
from menura.pipeline.shards import shard_path

if TYPE_CHECKING:
    from menura.pipeline.work import Timings

__all__ = ["MAX_ATTEMPTS", "Done", "Task", "Tasks", "WorkerPool", "raise_again"]

MAX_ATTEMPTS = 3
"""How often one shard may kill its worker before the run stops."""


@dataclass(frozen=True, slots=True)
class Task:
    """One shard to be made. Paths are relative to the run.

    Attributes:
        plan: The plan that lists its requests.
        start, stop: Which of them.
        target: Folder of the shard.
    """

    plan: str
    start: int
    stop: int
    target: str


class Tasks(Sequence[Task]):
    """The shards of a round that are to be made; each task is written out when it is asked for.

    Args:
        plan: The plan of the round, relative to the run.
        missing: Indices of the shards.
        num_requests: Requests in the plan.
        shard_size: Requests in a shard.
    """

    def __init__(self, plan: str, missing: Sequence[int], *, num_requests: int, shard_size: int) -> None:
        self._plan, self._missing, self._total, self._size = plan, missing, num_requests, shard_size

    @property
    def num_requests(self) -> int:
        """Requests of all these shards."""
        return sum(min(self._total, (index + 1) * self._size) - index * self._size for index in self._missing)

    def __len__(self) -> int:
        return len(self._missing)

    @overload
    def __getitem__(self, position: int) -> Task: ...

    @overload
    def __getitem__(self, position: slice) -> Tasks: ...

    def __getitem__(self, position: int | slice) -> Task | Tasks:
        if isinstance(position, slice):
            return Tasks(self._plan, self._missing[position], num_requests=self._total, shard_size=self._size)
        index = self._missing[position]
        target = shard_path(Path(PurePosixPath(self._plan).parent), index)
        return Task(self._plan, index * self._size, min(self._total, (index + 1) * self._size), target.as_posix())


@dataclass(frozen=True, slots=True)
class Done:
    """A finished task, how many requests it held, and the time it took."""

    task: Task
    requests: int
    timings: Timings


class WorkerPool:
    """A fixed number of worker processes; use it as a context manager. At most one task each is under way.

    Args:
        run: Folder of the run.
        workers: Number of processes. They start at once and load their libraries while the caller goes on.
    """

    def __init__(self, run: Path, workers: int) -> None:
        self._run = run
        self._workers = [_Worker(run) for _ in range(workers)]

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *unused: object) -> None:
        for worker in self._workers:
            worker.stop()

    def run(self, tasks: Iterable[Task]) -> Iterator[Done]:
        """Make all shards; yields each as it is finished, in any order.

        Raises:
            MenuraError: What a worker raised.
            RunError: A shard killed its worker :data:`MAX_ATTEMPTS` times.
        """
        pending = iter(tasks)
        lock = threading.Lock()
        results: queue.Queue[Done | BaseException | None] = queue.Queue()

        def serve(worker: _Worker) -> None:
            try:
                while True:
                    with lock:
                        task = next(pending, None)
                    if task is None:
                        return
                    results.put(worker.make(task))
            except BaseException as error:  # raised again in the thread of the caller
                results.put(error)
            finally:
                results.put(None)

        for worker in self._workers:
            threading.Thread(target=serve, args=(worker,), daemon=True).start()
        running = len(self._workers)
        while running:
            result = results.get()
            if result is None:
                running -= 1
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result


class _Worker:
    def __init__(self, run: Path) -> None:
        self._run = run
        self._stopped = False
        self._start()

    def _start(self) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "menura.pipeline.worker", str(self._run)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        )

    def make(self, task: Task) -> Done:
        for _ in range(MAX_ATTEMPTS):
            answer = self._ask(task)
            if answer is not None:
                return _done(task, answer)
            if self._stopped:
                raise RunError("stopped")
            cause = self._cause_of_death()
            self._start()
        raise RunError(
            f"the worker died {MAX_ATTEMPTS} times while it made {task.target} ({cause}). Too little memory is the "
            "usual cause: use --workers 1 or shorter clips, then run the same command again to go on"
        )

    def _ask(self, task: Task) -> dict[str, Any] | None:
        """The answer; None when the process died before it gave one."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({name: getattr(task, name) for name in Task.__slots__}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except (BrokenPipeError, ValueError):
            return None
        return json.loads(line) if line.endswith("\n") else None

    def _cause_of_death(self) -> str:
        status = self._process.wait()
        self._log.seek(0)
        tail = self._log.read()[-2000:].decode(errors="replace").strip().splitlines()
        self._close()
        if status < 0:
            return f"killed by signal {signal.Signals(-status).name}"
        return f"exit status {status}" + (f", last words: {tail[-1]}" if tail else "")

    def stop(self) -> None:
        """End the process now; a shard under work only had a temporary name."""
        self._stopped = True
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                with suppress(OSError):  # the pipe of a dead process
                    stream.close()


def _done(task: Task, answer: dict[str, Any]) -> Done:
    if "error" in answer:
        raise_again(answer["error"], answer["message"], answer["traceback"], doing=task.target)
    from menura.pipeline.work import Timings  # heavy: workers of Ray import this module for its names alone

    return Done(task, answer["requests"], Timings(**answer["timings"]))


def raise_again(name: str, message: str, trace: str, *, doing: str) -> NoReturn:
    """Raise what a worker raised in another process.

    Args:
        name, message, trace: Class, message and traceback of the error.
        doing: What the worker was at.

    Raises:
        MenuraError: The same one, if it was one.
        RuntimeError: Anything else, with the traceback of the worker.
    """
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, MenuraError):
        raise kind(message)
    raise RuntimeError(f"a worker failed at {doing}:\n{trace}")
