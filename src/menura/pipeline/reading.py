"""Commands that read a run on object storage: what they need comes to its working copy, what they leave goes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from menura.errors import RunError
from menura.files import disk_errors
from menura.lock import LOCK_NAME, locked
from menura.objects.address import place_of
from menura.pipeline.identity import IDENTITY_NAME
from menura.pipeline.remote import RemoteRun
from menura.pipeline.working_copy import copy_at, copy_of

__all__ = ["brought", "here", "send_back", "writing"]


def brought(address: str) -> Path:
    """The working copy of a run, brought up to date; as it is while another process here works on it.

    Raises:
        BackendError: A library is missing, or ``--offline``.
        RunError: There is no run at the address, or it cannot be reached.
    """
    copy = copy_of(address)
    try:
        with disk_errors(str(copy.path)), locked(copy.path):
            RemoteRun(copy).pull()
    except RunError:
        if not _is_in_use(copy.path):
            raise
    if not (copy.path / IDENTITY_NAME).is_file():
        raise RunError(f"{address} is not a run ({IDENTITY_NAME} is missing); `menura augment` makes one")
    return copy.path


def _is_in_use(path: Path) -> bool:
    if not (path / LOCK_NAME).is_file():
        return False
    try:
        with locked(path):
            return False
    except RunError:
        return True


def here(run: str | Path) -> Path:
    """The folder of a run on this disk: its own, or its working copy."""
    place = place_of(run)
    return place if isinstance(place, Path) else brought(place)


def send_back(path: Path) -> None:
    """Upload what a command has left beside a run on object storage; nothing happens to any other folder."""
    copy = copy_at(path.absolute())
    if copy is not None:
        RemoteRun(copy).push_derived()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Keep others, on any machine, from writing to a run on object storage, and upload at the end what was left.

    Raises:
        RunError: Another process works on it.
    """
    copy = copy_at(path.absolute())
    if copy is None:
        yield
        return
    remote = RemoteRun(copy)
    with locked(path), remote.held():
        try:
            yield
        finally:
            remote.push_derived()
