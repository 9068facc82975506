"""What may happen to a command, each as a function that makes it happen and says what was lost by it: nothing, if well.

``at`` is the change on the disk at which it happens, from 1 to ``bench.changes(command.name)``. Afterwards the same
command is started again until it ends, and what it leaves is compared with what an undisturbed run leaves.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.faults.harness import Bench, Command, Ended, ended, newest

__all__ = ["DISTURBANCES", "Disturb", "expected", "on_a_small_disk", "resumed"]

_LOCKED = 5
"""Change on the disk at which every command has its lock."""

Disturb = Callable[[Bench, Command, int], list[str]]


def resumed(bench: Bench, command: Command, *, may_delete: bool = False, **variables: str) -> list[str]:
    """Go on until the end, compare, clear away."""
    try:
        _, said = bench.until_done(command, may_delete=may_delete, **variables)
        return [*_unclear(said), *bench.losses(command)]
    except AssertionError as error:
        return [str(error)]
    finally:
        bench.clear(command)


def _unclear(said: list[str]) -> list[str]:
    return [f"traceback: {words[-800:]}" for words in said if "Traceback" in words]


def expected(found: Ended, statuses: tuple[int, ...], words: str = "") -> list[str]:
    """What is wrong with how a command has ended."""
    problems = _unclear([found.words])
    if found.status not in statuses:
        problems.append(f"exit status {found.status} instead of {statuses}: {found.words[-800:]}")
    elif words and found.status != 0 and words not in " ".join(found.words.split()):
        problems.append(f"does not say {words!r}: {found.words[-800:]}")
    return problems


def kill(bench: Bench, command: Command, at: int) -> list[str]:
    """kill -9."""
    found = bench.run(command, fault={"kind": "kill", "at": at})
    if "--processes" in command.words:  # the one that writes was killed, and not the one that started it
        return [*expected(found, (2, 0), "process 1 of 2 died"), *resumed(bench, command)]
    return [*expected(found, (-9, 0)), *resumed(bench, command)]


def kill_worker(bench: Bench, command: Command, at: int) -> list[str]:
    """kill -9 of every worker process at one of its changes; the third death over one shard stops the run."""
    found = bench.run(command, fault={"kind": "kill", "at": at, "process": "worker"})
    return [*expected(found, (0, 2), "the worker died 3 times"), *resumed(bench, command)]


def torn(bench: Bench, command: Command, at: int) -> list[str]:
    """kill -9, and of the file that was written last only the first half is on the disk.

    A sound disk does not do that to what was flushed; where a command names such a file and the way out, it is taken.
    """
    bench.run(command, fault={"kind": "kill", "at": at})
    file = newest(bench.out(command))
    if file is not None:
        os.truncate(file, file.stat().st_size // 2)
    return resumed(bench, command, may_delete=True)


def full(bench: Bench, command: Command, at: int) -> list[str]:
    """The disk is full from one change on."""
    found = bench.run(command, fault={"kind": "full", "at": at})
    return [*expected(found, (2, 0), "the disk is full"), *resumed(bench, command)]


def read_only(bench: Bench, command: Command, at: int) -> list[str]:
    """The file system turns read-only."""
    found = bench.run(command, fault={"kind": "read-only", "at": at})
    return [*expected(found, (2, 0), "read-only"), *resumed(bench, command)]


def slow(bench: Bench, command: Command, at: int) -> list[str]:
    """Every change on the disk takes long."""
    found = bench.run(command, fault={"kind": "slow", "seconds": 0.02})
    return [*expected(found, (0,)), *resumed(bench, command)]


def clock(bench: Bench, command: Command, at: int) -> list[str]:
    """The wall clock jumps by hours and years, forwards and backwards, at every look."""
    found = bench.run(command, fault={"kind": "clock"})
    return [*expected(found, (0,)), *resumed(bench, command)]


def memory(bench: Bench, command: Command, at: int) -> list[str]:
    """The system gives no more memory, to the workers where there are some."""
    process = "worker" if "2" in command.words[-1:] else "main"
    found = bench.run(command, fault={"kind": "memory", "at": at, "process": process})
    return [*expected(found, (0, 1, 2, -6, -9, -11)), *resumed(bench, command)]


def refused_memory(bench: Bench, command: Command, at: int) -> list[str]:
    """The same, said by Python and not by the system."""
    found = bench.run(command, fault={"kind": "refused memory", "at": at, "process": "worker"})
    return [*expected(found, (0, 2), "the worker died 3 times"), *resumed(bench, command)]


def interrupt(bench: Bench, command: Command, at: int) -> list[str]:
    """Ctrl-C, and Ctrl-C again while the first one is dealt with."""
    found = bench.run(command, fault={"kind": "interrupt", "at": at})
    return [*expected(found, (130, -2, 0)), *resumed(bench, command)]


def second(bench: Bench, command: Command, at: int) -> list[str]:
    """The same command in the same folder while the first one is at work: refused, or waits for what it needs."""
    at = max(at, _LOCKED)
    with tempfile.TemporaryDirectory() as marks:
        reached, go = Path(marks) / "reached", Path(marks) / "go"
        first = bench.start(command, fault={"kind": "pause", "at": at, "reached": str(reached), "go": str(go)})
        while not reached.exists() and first.poll() is None:
            try:
                first.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        other = bench.start(command) if reached.exists() else None
        if command.is_patient:
            go.touch()
        refused = None if other is None else ended(other)
        go.touch()
        found = ended(first)
    wanted = (0,) if command.is_patient else (2,)
    problems = [] if refused is None else expected(refused, wanted, "in use by process")
    return [*problems, *expected(found, (0,)), *resumed(bench, command)]


def corrupt(bench: Bench, command: Command, at: int) -> list[str]:
    """One bit of one file of a finished run is another."""
    found = bench.run(command)
    files = sorted(path for path in bench.out(command).rglob("*.flac") if "shards" in path.parts)
    if files:
        file = files[at % len(files)]
        data = bytearray(file.read_bytes())
        data[at % len(data)] ^= 1 << (at % 8)
        file.write_bytes(data)
    return [*expected(found, (0,)), *resumed(bench, command)]


def on_a_small_disk(bench: Bench, command: Command, kib: int) -> list[str]:
    """A real file system of so many KiB, which needs the right to mount one; then a larger one."""
    out = bench.out(command)
    out.mkdir(parents=True)
    mounted = ["mount", "-t", "tmpfs", "-o"]
    subprocess.run([*mounted, f"size={kib}k", "menura-test", str(out)], check=True, capture_output=True)
    try:
        found = bench.run(command)
        subprocess.run([*mounted, "remount,size=64m", str(out)], check=True, capture_output=True)
        problems = [*expected(found, (2, 0), "the disk is full")]
        _, said = bench.until_done(command)
        return [*problems, *_unclear(said), *bench.losses(command)]
    finally:
        subprocess.run(["umount", str(out)], check=True)
        bench.clear(command)


DISTURBANCES: Mapping[str, Disturb] = {
    "kill -9": kill,
    "kill -9 of workers": kill_worker,
    "torn write": torn,
    "full disk": full,
    "read-only disk": read_only,
    "slow disk": slow,
    "clock jumps": clock,
    "out of memory": memory,
    "Ctrl-C twice": interrupt,
    "second process": second,
    "flipped bit": corrupt,
}
