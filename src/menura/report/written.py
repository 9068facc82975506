"""Files that a report leaves: each is written beside its place and renamed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from menura.errors import RunError

__all__ = ["write_files", "write_page"]


def write_page(target: Path, text: str) -> Path:
    """Writes a text file and returns its path.

    Raises:
        RunError: It cannot be written.
    """
    beside = target.with_name(f".tmp-{target.name}-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(target)
    except OSError as error:
        raise RunError(f"{target} cannot be written: {error.strerror or error}; choose another file with -o") from error
    return target


def write_files(folder: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Writes several into one folder, by file name.

    Raises:
        RunError: One cannot be written.
    """
    return tuple(write_page(folder / name, text) for name, text in texts.items())
