"""The tables that public datasets come with."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from menura.errors import DatasetError

__all__ = ["read_table"]


def read_table(path: Path, root: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file by the names of its columns.

    Raises:
        DatasetError: It is not there.
    """
    if not path.is_file():
        raise DatasetError(f"{root} lacks {path.relative_to(root)}; unpack the official archive again")
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)
