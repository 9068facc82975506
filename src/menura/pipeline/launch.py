"""One training in several processes: on this machine, or as workers of a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

from menura.datasets.index import num_cores
from menura.errors import ConfigError
from menura.pipeline.engine import EngineSettings
from menura.pipeline.training_group import Failure, Seat, Training, raise_worst, take_part
from menura.pretrain.place import check_accelerate
from menura.processes import nothing_of_main, obey_the_parent
from menura.types import Progress

__all__ = ["GRACE_S", "launch"]

ResultT = TypeVar("ResultT")
_FAREWELL_S = 10.0
GRACE_S = 2.0
"""How long after the first failure others are listened to: one of them may know the cause."""


def launch(
    training: Training[ResultT],
    *,
    processes: int,
    engine: EngineSettings | None = None,
    progress: Progress | None = None,
    kept: str = "what was saved last is kept",
) -> ResultT:
    """The result of a training that is done by several processes at once.

    Whatever ends it (an error, a death, Ctrl-C), no process stays behind, and what the training has saved is whole.

    Args:
        training: Can be pickled: a function at the top of a module, or a partial of one.
        processes: How many. Each has a graphics card of its own, where there are any.
        engine: Where they run; None is this machine.
        progress: Called with what the first process reports.
        kept: What is kept of a training that is stopped, and where, for messages.

    Raises:
        ConfigError: There are fewer graphics cards than processes, or they are to share one.
        BackendError: Accelerate or Ray is not installed, or Ray cannot be reached, or has no room.
        RunError: A process died.
        MenuraError: What the training raised.
    """
    if processes < 1:
        raise ConfigError(f"processes is {processes}, expected 1 or more")
    check_accelerate()
    if engine is not None and engine.name == "ray":
        from menura.pipeline.ray_launch import launch_on_ray

        return launch_on_ray(training, processes=processes, engine=engine, progress=progress, kept=kept)
    return _launch_here(training, processes, progress, kept)


def _launch_here(training: Training[ResultT], processes: int, progress: Progress | None, kept: str) -> ResultT:
    _check_cards(processes)
    with tempfile.TemporaryDirectory(prefix="menura-") as folder:
        meeting = (Path(folder) / "meeting").as_uri()  # a file, and no port that others could knock at
        threads = max(1, num_cores() // processes)
        seats = [Seat(rank, processes, meeting, rank, processes, threads, os.getcwd()) for rank in range(processes)]
        with _started(training, seats) as started:
            return _result(started, progress or (lambda *unused: None), kept)  # type: ignore[no-any-return]


def _check_cards(processes: int) -> None:
    import torch

    cards = torch.cuda.device_count()
    if 0 < cards < processes:
        raise ConfigError(
            f"processes is {processes}, but this machine has {cards} graphics cards, and each process needs its own; "
            "ask for fewer, or hide the cards with CUDA_VISIBLE_DEVICES="
        )


@contextmanager
def _started(training: Training[Any], seats: list[Seat]) -> Iterator[dict[Connection, BaseProcess]]:
    """The processes by what they say, in the order of their numbers; ends them all."""
    context = multiprocessing.get_context("spawn")
    started: dict[Connection, BaseProcess] = {}
    try:
        with nothing_of_main(), _ctrl_c_later():
            for seat in seats:
                reader, writer = context.Pipe(duplex=False)
                process: BaseProcess = context.Process(target=_begin, args=(training, seat, writer))
                process.start()
                started[reader] = process
                writer.close()
        yield started
    finally:
        for one in started.values():
            one.kill()
        for reader, one in started.items():
            one.join()
            reader.close()


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Ctrl-C waits until the end, and the processes that are started inside never see it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(training: Training[Any], seat: Seat, said: Connection) -> None:
    """What runs in a process of this machine."""
    obey_the_parent()
    report: Callable[[str, int, int], None] | None = None
    if seat.rank == 0:

        def report(stage: str, done: int, total: int) -> None:
            said.send(("progress", (stage, done, total)))

    try:
        said.send(("result", take_part(training, seat, report)))
    except BaseException as error:
        with suppress(OSError):  # nobody listens any more
            said.send(("failure", Failure.of(error)))


def _result(started: dict[Connection, BaseProcess], progress: Progress, kept: str) -> Any:
    """What the first process gives, when all have come to their end."""
    ranks = {reader: rank for rank, reader in enumerate(started)}
    open_ones, failures, until = list(started), dict[int, Failure](), float("inf")
    result: Any = None
    while open_ones and time.monotonic() < until:
        for reader in wait(open_ones, timeout=None if until == float("inf") else max(0.0, until - time.monotonic())):
            assert isinstance(reader, Connection)
            kind, value = _said(reader, started[reader])
            if kind == "progress":
                progress(*value)
                continue
            open_ones.remove(reader)
            if kind == "failure":
                failures[ranks[reader]] = value
                until = min(until, time.monotonic() + GRACE_S)
            elif ranks[reader] == 0:
                result = value
    if failures:
        raise_worst(failures, processes=len(started), kept=kept)
    for process in started.values():
        process.join(_FAREWELL_S)
    return result


def _said(reader: Connection, process: BaseProcess) -> tuple[str, Any]:
    try:
        return reader.recv()  # type: ignore[no-any-return]
    except (EOFError, OSError):
        process.join()
        return "failure", Failure("", _cause(process.exitcode or 0))


def _cause(status: int) -> str:
    return f"killed by signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
