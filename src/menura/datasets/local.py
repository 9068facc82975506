"""Where public datasets lie on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

from menura.datasets.download import download, unpack
from menura.datasets.index import cache_folder
from menura.datasets.public import place_of, public_set
from menura.errors import ConfigError, DatasetError
from menura.files import disk_errors, remove_leftovers_of_the_dead, write_text
from menura.lock import locked
from menura.records import parse_json
from menura.types import Progress

__all__ = ["fetch", "find_local", "remember"]

_POINTERS = "public.json"
_PATIENCE_S = 60.0
"""How long to wait for another process that notes a dataset."""


def find_local(name: str) -> Path | None:
    """Root of the local copy of a public dataset; None when there is none.

    Looks at what was remembered, then at ``NAME`` below each folder of ``MENURA_DATASETS``.
    """
    public = public_set(name)
    pointed = _pointers().get(name)
    places = [Path(pointed)] if pointed else []
    places += [Path(folder) / name for folder in os.environ.get("MENURA_DATASETS", "").split(os.pathsep) if folder]
    for place in places:
        found = place_of(public, place)
        if found:
            return found
    return None


def remember(name: str, root: Path) -> Path:
    """Note where the local copy of a public dataset lies.

    Returns:
        The folder that holds its files.

    Raises:
        DatasetError: The folder does not hold that dataset.
    """
    public = public_set(name)
    found = place_of(public, root)
    if found is None:
        raise DatasetError(f"{root} does not hold {name}: {public.looked_for()}")
    file = _pointer_file()
    with locked(file.parent, patience_s=_PATIENCE_S), disk_errors(str(file)):  # nobody's note is lost
        remove_leftovers_of_the_dead(file.parent, file.name)
        write_text(file, json.dumps({**_pointers(), name: str(found.absolute())}, indent=2))
    return found


def fetch(name: str, to: Path, *, url: str | None = None, progress: Progress | None = None) -> tuple[Path, str]:
    """Download and unpack a public dataset into ``to / name``, and remember it.

    Args:
        name: Name of the dataset.
        to: Folder that will hold a folder of that name; the archive is kept beside it.
        url: Another address of the same archive; the checksum must still agree.
        progress: Called as it goes on.

    Returns:
        The folder that holds its files, and the checksum of the archive.

    Raises:
        DatasetError: It cannot be fetched, is not what it should be, something else is in its place, or no single
            archive of it can be had; the message says how to get a copy by hand.
        ConfigError: ``MENURA_OFFLINE`` is set.
        RunError: Another process fetches it to the same place, or the disk cannot be written.
    """
    public = public_set(name)
    if public.by_hand and url is None:
        raise DatasetError(f"{name} cannot be fetched as one archive. To have it, {public.how_to_get}")
    address = url or public.url
    file_name = address.partition("?")[0].rpartition("/")[2]
    if file_name in ("", ".", ".."):
        raise ConfigError(f"--url names no file ({address.partition('?')[0]}), expected the address of an archive")
    folder, archive = to / name, to / file_name
    if folder.exists() and place_of(public, folder) is None:
        raise DatasetError(f"{folder} exists and does not hold {name}; move it away or choose another --to")
    pin = archive.with_name(archive.name + ".sha256")
    with locked(to / f".{name}"), disk_errors(str(to)):  # two would write into one archive
        remove_leftovers_of_the_dead(to, pin.name)
        pinned = pin.read_text(encoding="utf-8").strip() if pin.exists() else None
        found = download(address, archive, checksum=public.checksum or pinned, progress=progress)
        write_text(pin, found + "\n")
        if not folder.exists():
            unpack(archive, folder, progress=progress)
    return remember(name, folder), found


def _pointer_file() -> Path:
    folder = cache_folder()
    if folder is None:
        raise DatasetError("there is no home folder to remember datasets in; set MENURA_CACHE to a folder")
    return folder / _POINTERS


def _pointers() -> dict[str, str]:
    try:
        values = parse_json(_pointer_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, DatasetError):
        return {}
    return {str(key): str(value) for key, value in values.items()} if isinstance(values, dict) else {}
