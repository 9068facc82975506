"""What may happen to a run on Ray, each as a function that makes it happen and says what was lost by it: nothing.

``at`` is the number of shards that are there when it happens, or the change on the disk, as each function says. No
process of Ray may stay behind. After a kill of the leading process the same command goes on, else one process without
Ray: the files must not tell who made them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.faults.disturbances import Disturb, expected, resumed
from tests.faults.harness import COMMANDS, Bench, Command, ended

__all__ = ["RAY_DISTURBANCES", "drivers_death", "stop_once", "stop_twice"]

_MARK = "MENURA_TEST_MARK"
_PATIENCE_S = 100.0


def drivers_death(bench: Bench, command: Command, at: int) -> list[str]:
    """kill -9 of the leading process once so many shards are there."""
    return _struck(bench, command, lambda process: os.kill(process.pid, signal.SIGKILL), at, (-9, 0), goes_on=command)


def stop_once(bench: Bench, command: Command, at: int) -> list[str]:
    """Ctrl-C, which reaches all processes of the terminal, once so many shards are there."""
    return _struck(bench, command, lambda process: os.killpg(process.pid, signal.SIGINT), at, (130, 0))


def stop_twice(bench: Bench, command: Command, at: int) -> list[str]:
    """Ctrl-C, and Ctrl-C again while the first one is dealt with."""

    def strike(process: subprocess.Popen[str]) -> None:
        for _ in range(2):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.2)

    return _struck(bench, command, strike, at, (130, -2, 0))


def workers_death(bench: Bench, command: Command, at: int) -> list[str]:
    """kill -9 of every worker at one of its changes on the disk; the third death over one shard stops the run."""
    with _alone(bench) as alone:
        found = bench.run(command, fault={"kind": "kill", "at": at, "process": "worker"}, **alone)
        problems = [*expected(found, (0, 2), "the worker died 3 times"), *_left_behind(alone)]
    return [*problems, *resumed(bench, COMMANDS["augment"])]


def workers_memory(bench: Bench, command: Command, at: int) -> list[str]:
    """A worker gets no memory at one of its changes on the disk. Python says so here, and not the system: a process
    whose memory is used up to the last page may hang where it starts a thread, in Python and in Ray."""
    with _alone(bench) as alone:
        found = bench.run(command, fault={"kind": "refused memory", "at": at, "process": "worker"}, **alone)
        problems = [*expected(found, (0, 2), "the worker died 3 times"), *_left_behind(alone)]
    return [*problems, *resumed(bench, COMMANDS["augment"])]


def machines_loss(bench: Bench, command: Command, at: int) -> list[str]:
    """kill -9 of one of two raylets and all that it runs, once so many shards are there: the run goes on by itself."""
    with _alone(bench) as alone:
        with _two_nodes(bench.variables(command) | alone) as (nodes, address):
            process = bench.start(command, "--address", address, **alone)
            _wait_for_shards(bench, command, process, at)
            _say(nodes, "lose")
            problems = expected(ended(process), (0,))
        problems += _left_behind(alone)
    return [*problems, *resumed(bench, COMMANDS["augment"])]


def two_machines(bench: Bench, command: Command) -> list[str]:
    """Nothing happens to a training but that its two processes are on two machines."""
    with _alone(bench) as alone, _two_nodes(bench.variables(command) | alone) as (_, address):
        found = bench.run(command, "--engine", "ray", "--address", address, **alone)
        problems = [*expected(found, (0,)), *bench.losses(command)]
    bench.clear(command)
    return problems


RAY_DISTURBANCES: Mapping[str, Disturb] = {
    "ray: kill -9 of the leading process": drivers_death,
    "ray: Ctrl-C": stop_once,
    "ray: Ctrl-C twice": stop_twice,
    "ray: kill -9 of workers": workers_death,
    "ray: out of memory in a worker": workers_memory,
    "ray: loss of a machine": machines_loss,
}


def _struck(
    bench: Bench,
    command: Command,
    strike: Callable[[subprocess.Popen[str]], None],
    at: int,
    statuses: tuple[int, ...],
    *,
    goes_on: Command = COMMANDS["augment"],
) -> list[str]:
    with _alone(bench) as alone:
        process = bench.start(command, **alone)
        _wait_for_shards(bench, command, process, at)
        if process.poll() is None:
            strike(process)
        found = ended(process)
        problems = [*expected(found, statuses), *_left_behind(alone)]
    with _alone(bench) as alone:  # under a Ray of its own again, where it goes on with Ray
        return [*problems, *resumed(bench, goes_on, **alone), *_left_behind(alone)]


@contextmanager
def _alone(bench: Bench) -> Iterator[dict[str, str]]:
    """Variables of a command whose Ray has a folder of its own, and by which its processes are known."""
    bench.reference("augment")
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as short:  # for names of sockets
        alone = {_MARK: uuid.uuid4().hex, "RAY_TMPDIR": short}
        try:
            yield alone
        finally:
            for process in _marked(alone[_MARK]):
                os.kill(process, signal.SIGKILL)


def _left_behind(alone: Mapping[str, str]) -> list[str]:
    """Processes of a command that has ended which do not end."""
    until = time.monotonic() + _PATIENCE_S
    while found := _marked(alone[_MARK]):
        if time.monotonic() > until:
            return [f"process {process} stays behind: {_line_of(process)}" for process in found]
        time.sleep(0.2)
    return []


def _marked(mark: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _line_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
    except OSError:
        return "gone"


def _wait_for_shards(bench: Bench, command: Command, process: subprocess.Popen[str], at: int) -> None:
    """Until so many shards are there, or the command has ended."""
    while process.poll() is None and len(list(bench.out(command).glob("shards/0*"))) < at:
        time.sleep(0.02)


@contextmanager
def _two_nodes(variables: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    nodes = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("two_nodes.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, **variables},
    )  # fmt: skip
    try:
        yield nodes, _answer(nodes)
    finally:
        nodes.communicate(timeout=_PATIENCE_S)


def _say(nodes: subprocess.Popen[str], word: str) -> None:
    assert nodes.stdin is not None
    nodes.stdin.write(f"{word}\n")
    nodes.stdin.flush()
    _answer(nodes)


def _answer(nodes: subprocess.Popen[str]) -> str:
    assert nodes.stdout is not None
    return nodes.stdout.readline().strip()
