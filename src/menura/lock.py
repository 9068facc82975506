"""One process at a time works on a folder: a run, a training, a study."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from menura.errors import RunError
from menura.files import disk_errors

__all__ = ["LOCK_NAME", "locked", "owner_of"]

LOCK_NAME = ".lock"
_POLL_S = 0.05


@contextmanager
def locked(folder: Path, *, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the lock of a folder. The system releases it when the process ends, however it ends.

    Args:
        folder: Of a run or a training; made if it is not there.
        patience_s: How long to wait for another process to finish with it, in seconds.

    Raises:
        RunError: Another living process works on it, or it cannot be written.
    """
    with disk_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            _take(handle, patience_s)
        except BlockingIOError as error:
            owner = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise RunError(
                f"{folder} is in use by process {owner}; wait for it or stop it, then run the same command again"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def owner_of(folder: Path) -> str | None:
    """Number of the process that holds the lock of a folder; None when nobody does. Leaves the lock as it is."""
    import fcntl

    try:
        handle = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
    finally:
        os.close(handle)
    return None


def _take(handle: int, patience_s: float) -> None:
    import fcntl

    last = time.monotonic() + patience_s
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= last:
                raise
        time.sleep(_POLL_S)
