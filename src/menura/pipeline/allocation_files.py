"""The rounds of an allocation on disk, each record written before its plan.

``allocation/N.json`` holds what the learner knew before round N and what it gave out; ``allocation/end.json`` why no
further round followed. What is written is never worked out again, so a run that was killed goes on to the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from menura.allocate.record import Ending, RoundRecord
from menura.errors import RunError
from menura.files import disk_errors, flush_folder, write_text
from menura.records import parse_json
from menura.seeding import canonical_json

__all__ = ["FOLDER_NAME", "read_ending", "read_records", "write_step"]

FOLDER_NAME = "allocation"
_END = "end.json"

StepT = TypeVar("StepT", RoundRecord, Ending)


def write_step(path: Path, step: RoundRecord | Ending) -> None:
    """Write a round, or the end, whole or not at all."""
    folder = path / FOLDER_NAME
    with disk_errors(str(folder)):
        folder.mkdir(exist_ok=True)
        name = _END if isinstance(step, Ending) else f"{step.round}.json"
        write_text(folder / name, canonical_json(step.to_json()) + "\n")
        flush_folder(folder)


def read_records(path: Path) -> list[RoundRecord]:
    """The rounds of allocation of a run; none for an even one.

    Raises:
        RunError: A record is damaged.
    """
    records: list[RoundRecord] = []
    while (file := path / FOLDER_NAME / f"{len(records)}.json").is_file():
        records.append(_read(file, RoundRecord.from_json))
    return records


def read_ending(path: Path) -> Ending | None:
    """Why no further round followed; None while there may be one, and for an even run.

    Raises:
        RunError: It is damaged.
    """
    file = path / FOLDER_NAME / _END
    return _read(file, Ending.from_json) if file.is_file() else None


def _read(file: Path, read: Callable[[Mapping[str, Any]], StepT]) -> StepT:
    try:
        return read(parse_json(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise RunError(f"{file} is damaged ({error}); make the run again with --fresh") from error
