"""Files that exist whole or not at all: written beside under a temporary name, flushed, then renamed."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from menura.errors import RunError

__all__ = [
    "TEMPORARY_PREFIX",
    "disk_errors",
    "disk_trouble",
    "flush_all",
    "flush_file",
    "flush_folder",
    "link_or_copy",
    "move_into_place",
    "remove_leftovers",
    "remove_leftovers_below",
    "remove_leftovers_of_the_dead",
    "sha256_of",
    "temporary_beside",
    "write_bytes",
    "write_durably",
    "write_text",
    "write_unflushed",
]

TEMPORARY_PREFIX = ".tmp-"


def _machine() -> str:
    """Eight digits for what gives processes their numbers: a machine, or a container on it."""
    try:
        numbers = os.readlink("/proc/self/ns/pid")
    except OSError:
        numbers = ""
    return hashlib.sha256(f"{platform.node()} {numbers}".encode()).hexdigest()[:8]


_MACHINE = _machine()
_TOKEN = f"{_MACHINE}{secrets.token_hex(4)}"
"""With the number of a process, tells it from every other one, on another machine with the same folder too."""
_TEMPORARY = re.compile(rf"{re.escape(TEMPORARY_PREFIX)}(?P<target>.+)-(?P<process>\d+)-(?P<machine>\w{{8}})\w{{8}}")
_DISK_ERRORS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EROFS: "the file system is read-only; choose another folder or make it writable",
    errno.EACCES: "permission denied; choose another folder or change the permissions",
    errno.EPERM: "the operation is not permitted; choose another folder or change the permissions",
    errno.EIO: "the disk reports an input/output error; check it",
}


def disk_trouble(error: OSError) -> str | None:
    """What is wrong with the disk and what to do; None of an error that is none of the disk."""
    return _DISK_ERRORS.get(error.errno or 0)


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn a full disk, a read-only one and the like into one clear line.

    Raises:
        RunError: The disk refuses to be written.
    """
    try:
        yield
    except OSError as error:
        trouble = disk_trouble(error)
        if trouble is None:
            raise
        where = error.filename or what
        raise RunError(
            f"{where} cannot be written: {trouble}. Everything finished so far is kept: "
            "run the same command again to go on"
        ) from error


def temporary_beside(target: Path) -> Path:
    """Name beside ``target``, on the same file system, that only this process uses."""
    return target.with_name(f"{TEMPORARY_PREFIX}{target.name}-{os.getpid()}-{_TOKEN}")


def write_bytes(target: Path, data: bytes) -> None:
    """Write a file that is either there with all its bytes or not there."""
    beside = temporary_beside(target)
    try:
        write_durably(beside, data)
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)  # half a file on a full disk
        raise
    flush_folder(target.parent)


def write_text(target: Path, text: str) -> None:
    """The same for text, UTF-8 with Unix line ends."""
    write_bytes(target, text.encode("utf-8"))


def write_durably(path: Path, data: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as sink:
        sink.write(data)
        sink.flush()
        os.fsync(sink.fileno())


def write_unflushed(path: Path, data: bytes) -> None:
    """Write a file and leave it to the system when the disk gets it.

    For audio in shards: its checksum is looked at before it is trusted, and the end of a run waits for the disk once
    (:func:`flush_all`), which costs less than waiting for every file.
    """
    path.write_bytes(data)


def flush_all() -> None:
    """Wait until the disk has everything that was written so far, where the system allows it."""
    if hasattr(os, "sync"):
        os.sync()


def move_into_place(folder: Path, target: Path) -> None:
    """Rename a finished folder to its name; when the same work is already there, that one stays."""
    flush_folder(folder)
    try:
        os.rename(folder, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(folder)
    flush_folder(target.parent)


def flush_file(path: Path) -> None:
    """Wait until the disk has a file that something else wrote."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def flush_folder(folder: Path) -> None:
    """Make renames and new names inside a folder durable, where the system allows it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # a system that does not open folders flushes names by itself
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> int:
    """Delete what killed processes left under temporary names; returns how many there were.

    A folder gets another name first: a process on another machine that is not as dead as it looks can then no longer
    put it in place while half of it is gone.
    """
    if not folder.is_dir():
        return 0
    with os.scandir(folder) as entries:
        leftovers = sorted(Path(entry.path) for entry in entries if entry.name.startswith(TEMPORARY_PREFIX))
    for path in leftovers:
        _remove(path)
    return len(leftovers)


def remove_leftovers_below(folder: Path) -> int:
    """The same in a folder and in all folders below it; none of these may be at work for somebody else."""
    if not folder.is_dir():
        return 0
    count = remove_leftovers(folder)
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    return count + sum(map(remove_leftovers_below, below))


def remove_leftovers_of_the_dead(folder: Path, target: str | None = None) -> int:
    """Delete what killed processes of this machine left, where others may be at work; returns how many there were.

    Args:
        folder: Only this one, not those below.
        target: Name of the file or folder that they were about to write; None takes all.
    """
    if not folder.is_dir():
        return 0
    with os.scandir(folder) as entries:
        dead = sorted(Path(entry.path) for entry in entries if _is_of_the_dead(entry.name, target))
    for path in dead:
        _remove(path)
    return len(dead)


def _is_of_the_dead(name: str, target: str | None) -> bool:
    found = _TEMPORARY.fullmatch(name)
    if found is None or found["machine"] != _MACHINE or target not in (None, found["target"]):
        return False
    try:
        os.kill(int(found["process"]), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        with suppress(FileNotFoundError):
            found = _TEMPORARY.fullmatch(path.name)
            target = found["target"] if found else "left"
            doomed = path.with_name(f"{TEMPORARY_PREFIX}{target}-{os.getpid()}-{_MACHINE}{secrets.token_hex(4)}")
            path.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Hard link, or a copy where links do not work."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        shutil.copyfile(source, target)
