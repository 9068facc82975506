"""Where a run on object storage is worked on: a folder in the user's cache, one for each address."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from menura.datasets.index import cache_folder
from menura.errors import ConfigError
from menura.files import disk_errors, write_text
from menura.objects.address import name_of, place_of
from menura.records import parse_json
from menura.seeding import content_hash

__all__ = ["WorkingCopy", "copy_at", "copy_of", "remove_of_the_dead"]

_NOTE = "copy.json"
_STAGING = ".tmp-"


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """A run on this disk that belongs to one on object storage.

    Attributes:
        address: Of the run.
        path: Folder on this disk, laid out like any run; audio is there as far as it was made or needed here.
        token: Tells this copy from those on other machines.
    """

    address: str
    path: Path
    token: str

    @property
    def staging(self) -> Path:
        """Where downloads of this process go before they are whole; new at each call."""
        return self.path.parent / f"{_STAGING}{os.getpid()}-{secrets.token_hex(8)}"

    def tidy(self) -> None:
        """Delete what downloads of dead processes have left."""
        remove_of_the_dead(self.path.parent, _STAGING)


def copy_of(address: str) -> WorkingCopy:
    """The working copy of an address; its folder is made when it is first asked for.

    Raises:
        ConfigError: There is no folder for caches.
        RunError: It cannot be written.
    """
    cache = cache_folder()
    if cache is None:
        raise ConfigError(f"{address} needs a folder on this machine to work in; set MENURA_CACHE to one")
    base = cache.absolute() / "runs" / content_hash(address)
    path = base / name_of(address)
    with disk_errors(str(path)):
        path.mkdir(parents=True, exist_ok=True)
        note = _read(base)
        if note is None:
            note = {"address": address, "token": secrets.token_hex(16)}
            write_text(base / _NOTE, json.dumps(note) + "\n")
    return WorkingCopy(address, path, note["token"])


def copy_at(path: Path) -> WorkingCopy | None:
    """The working copy that a folder is; None of any other run."""
    note = _read(path.parent)
    if note is None or path.name != name_of(note["address"]):
        return None
    return WorkingCopy(note["address"], path, note["token"])


def remove_of_the_dead(base: Path, beginning: str) -> None:
    """Delete the folders whose names are a beginning, the number of a process that is gone, a dash, and anything."""
    for folder in base.glob(f"{beginning}*"):
        if not _lives(folder.name.removeprefix(beginning).partition("-")[0]):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _read(base: Path) -> dict[str, str] | None:
    try:
        note = parse_json((base / _NOTE).read_text(encoding="utf-8"))
        address, token = str(note["address"]), str(note["token"])
        return {"address": address, "token": token} if place_of(address) == address else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
