"""Files that a report leaves: each is written beside its place and renamed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from menura.errors import RunError
from menura.files import disk_trouble, remove_leftovers_of_the_dead, write_text

__all__ = ["write_files", "write_page"]


def write_page(target: Path, text: str) -> Path:
    """Writes a text file and returns its path.

    Raises:
        RunError: It cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers_of_the_dead(target.parent, target.name)
        write_text(target, text)
    except OSError as error:
        trouble = disk_trouble(error) or f"{error.strerror or error}; choose another file with -o"
        raise RunError(f"{target} cannot be written: {trouble}") from error
    return target


def write_files(folder: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Writes several into one folder, by file name.

    Raises:
        RunError: One cannot be written.
    """
    return tuple(write_page(folder / name, text) for name, text in texts.items())
