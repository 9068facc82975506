"""The files that public datasets come with, read so that a missing or foreign one is told by its name."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from menura.datasets.layout import AUDIO_SUFFIXES
from menura.errors import DatasetError
from menura.manifest import path_inside
from menura.records import parse_json

__all__ = [
    "audio_by_stem",
    "audio_files",
    "cc_name",
    "first_of",
    "listed_path",
    "need",
    "read_json",
    "read_lines",
    "read_records",
    "read_table",
    "relative",
]

_AGAIN = "unpack the official archive again"


def read_table(
    path: Path, root: Path, *, columns: Sequence[str] = (), delimiter: str = ","
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells of a table with a header, by the names of its columns.

    Raises:
        DatasetError: It is not there, is no table, or lacks one of the columns that are needed.
    """
    reader = csv.reader(io.StringIO(_text(path, root), newline=""), delimiter=delimiter)
    names: list[str] | None = None
    for line, cells in _cells(reader, path):
        if names is None:
            names = cells
            missing = [name for name in columns if name not in names]
            if missing:
                raise DatasetError(f"{path} has the columns {', '.join(names)}; expected also {', '.join(missing)}")
        else:
            yield line, dict(zip_longest(names, cells[: len(names)], fillvalue=""))


def read_records(path: Path, root: Path, *, names: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of a table without a header.

    Raises:
        DatasetError: It is not there, is no table, or a line has fewer cells than there are names.
    """
    for line, cells in _cells(csv.reader(io.StringIO(_text(path, root), newline=""), delimiter=delimiter), path):
        if len(cells) < len(names):
            raise DatasetError(f"{path}: line {line} has {len(cells)} cells, expected {', '.join(names)}")
        yield line, cells


def read_lines(path: Path, root: Path) -> list[str]:
    """The lines of a text file that hold something.

    Raises:
        DatasetError: It is not there, or is no text.
    """
    return [line.strip() for line in _text(path, root).splitlines() if line.strip()]


def read_json(path: Path, root: Path) -> dict[str, Any]:
    """A JSON file that holds an object.

    Raises:
        DatasetError: It is not there, or is no such file.
    """
    try:
        told = parse_json(_text(path, root))
    except ValueError as error:
        raise DatasetError(f"{path} is no JSON ({error}); {_AGAIN}") from error
    if not isinstance(told, dict):
        raise DatasetError(f"{path} holds {type(told).__name__}, expected an object; {_AGAIN}")
    return told


def need(facts: Any, name: str, path: Path) -> Any:
    """What an entry of a JSON file says of ``name``.

    Raises:
        DatasetError: It says nothing.
    """
    found = facts.get(name) if isinstance(facts, dict) else None
    if found in (None, ""):
        raise DatasetError(f"{path} has an entry without {name!r}; {_AGAIN}")
    return found


def first_of(root: Path, names: Sequence[str], *, what: str) -> Path:
    """The first of these files or folders that a copy has; ``.`` stands for its root.

    Raises:
        DatasetError: It has none of them.
    """
    for name in names:
        if (root / name).exists():
            return root / name
    raise DatasetError(f"{root} lacks {what}, expected {' or '.join(names)}; {_AGAIN}")


def audio_files(folder: Path, pattern: str = "*") -> list[Path]:
    """The audio files of a folder, sorted.

    Raises:
        DatasetError: There are none.
    """
    found = sorted(
        path for path in folder.glob(pattern) if path.suffix.lower() in AUDIO_SUFFIXES and path.name[0] != "."
    )
    if not found:
        raise DatasetError(f"{folder} holds no audio files {pattern}; {_AGAIN}")
    return found


def audio_by_stem(root: Path) -> dict[str, str]:
    """Name without suffix to path, relative to ``root``, of every audio file below it.

    Of two files with one stem the first one by path counts.
    """
    found: dict[str, str] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name[0] != "." and name != "__MACOSX")
        for name in sorted(names):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in AUDIO_SUFFIXES and name[0] != ".":
                found.setdefault(stem, os.path.relpath(os.path.join(folder, name), root))
    return found


def listed_path(root: Path, files: Mapping[str, str], *stems: str) -> str:
    """Absolute path of the first of these names that a copy has; what the first would be called when it has none.

    Args:
        root: The copy.
        files: Of :func:`audio_by_stem`.
        stems: Names without suffix under which a clip may lie, the official one first.

    Raises:
        DatasetError: A link leads out of the copy.
    """
    for stem in stems:
        if stem in files:
            return path_inside(root, files[stem])
    path = os.path.join(os.path.abspath(root), f"{os.path.basename(stems[0])}.wav")
    return path_inside(root, path) if os.path.lexists(path) else path  # lists name 200,000 clips, and most are gone


def relative(root: Path, path: Path) -> str:
    """The path of a file in a copy; refused where a link leads out of it."""
    return path_inside(root, str(path.relative_to(root)))


_CC = re.compile(r"creativecommons\.org/licenses/([a-z+-]+)/(\d+(?:\.\d+)?)", re.IGNORECASE)
_CC0 = re.compile(r"creativecommons\.org/publicdomain/zero/(\d+(?:\.\d+)?)", re.IGNORECASE)


def cc_name(address: str | None) -> str | None:
    """Name of the Creative Commons licence at an address; other text as it stands, None when empty.

    Example:
        >>> cc_name("http://creativecommons.org/licenses/by-nc/3.0/")
        'CC-BY-NC-3.0'
        >>> cc_name("http://creativecommons.org/publicdomain/zero/1.0/")
        'CC0-1.0'
    """
    text = (address or "").strip()
    if match := _CC.search(text):
        kind = match.group(1).lower()
        return f"CC-{'Sampling+' if kind == 'sampling+' else kind.upper()}-{match.group(2)}"
    if match := _CC0.search(text):
        return f"CC0-{match.group(1)}"
    return text or None


def _text(path: Path, root: Path) -> str:
    if not path.is_file():
        raise DatasetError(f"{root} lacks {path.relative_to(root)}; {_AGAIN}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); {_AGAIN}") from error


def _cells(reader: Any, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of every row that holds something."""
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise DatasetError(f"{path}: line {reader.line_num} cannot be read ({error}); {_AGAIN}") from error
