"""Where a folder on object storage is: ``s3://bucket/runs/first`` and what fsspec knows besides."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from menura.errors import ConfigError

__all__ = ["is_address", "name_of", "place_of", "refuse_address"]

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):/+")
_PLAIN = ("file", "local")


def is_address(where: str | Path) -> bool:
    """Whether it names a folder on object storage and not one on a disk; ``file://`` names a disk.

    Example:
        >>> [is_address(where) for where in ("s3://bucket/first", "runs/first", "file:///runs/first")]
        [True, False, False]
    """
    found = _SCHEME.match(os.fspath(where))
    return found is not None and found[1].lower() not in _PLAIN


def place_of(where: str | Path) -> str | Path:
    """The address in one spelling, or the path of a folder on a disk.

    A path that has lost a slash (``s3:/bucket``, as ``pathlib`` makes of an address) gets it back.

    Raises:
        ConfigError: The address names no folder, or holds a key, a password or a query.

    Example:
        >>> place_of("s3:/bucket/runs//first/")
        's3://bucket/runs/first'
    """
    text = os.fspath(where)
    found = _SCHEME.match(text)
    if found is None:
        return Path(text)
    scheme, rest = found[1].lower(), text[found.end() :]
    if scheme in _PLAIN:
        return Path(unquote(urlsplit(f"file:///{rest}").path))
    host, _, key = rest.partition("/")
    if "@" in host or "?" in rest or "#" in rest:
        # what stands there may be a secret, so it is not repeated
        raise ConfigError(
            f"the {scheme}:// address holds a key, a password or a query, expected {scheme}://BUCKET/FOLDER; give keys "
            "in the environment or in the files of your provider (docs/object-storage.md)"
        )
    parts = [part for part in (host, *key.split("/")) if part]
    if len(parts) < 2 or not {".", ".."}.isdisjoint(parts) or not set("*[]").isdisjoint(rest):
        raise ConfigError(
            f"{text} names no folder, expected {scheme}://BUCKET/FOLDER, without dots, stars and brackets"
        )
    return f"{scheme}://{'/'.join(parts)}"


def refuse_address(where: str | Path) -> None:
    """Say that something is written to a disk alone.

    Raises:
        ConfigError: It is an address.
    """
    if is_address(where):
        raise ConfigError(
            f"{place_of(where)} is on object storage, which takes runs alone; give a folder of this machine"
        )


def name_of(address: str) -> str:
    """The last part of an address, as a person would name the folder."""
    return address.rpartition("/")[2]
