"""Folders that Menura wrote: what lies in them was made or copied, and is no recording to learn from or to test on."""

from __future__ import annotations

import os
from collections.abc import Collection

__all__ = ["what_menura_made"]

_MARKS: tuple[tuple[str, frozenset[str]], ...] = (
    ("a run", frozenset(("run.json", "plan.parquet"))),
    ("an evaluation", frozenset(("evaluation-settings.json",))),
    ("an export", frozenset(("metadata.csv", "manifest.jsonl"))),
)
"""What a folder is, and the files by which it is known."""


def what_menura_made(folder: str, names: Collection[str]) -> str | None:
    """``a run``, ``an evaluation`` or ``an export``, by the files of a folder; None for any other one.

    An export looks like an ``audiofolder`` of somebody else, so its table must also have the column of requests.

    Args:
        folder: The folder.
        names: Names of the files in it.
    """
    for what, marks in _MARKS:
        if marks <= set(names) and (what != "an export" or _names_requests(os.path.join(folder, "metadata.csv"))):
            return what
    return None


def _names_requests(table: str) -> bool:
    try:
        with open(table, "rb") as source:
            return b"request_id" in source.readline(4096).strip().split(b",")
    except OSError:
        return False
