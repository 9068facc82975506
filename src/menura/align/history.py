"""What is on disk of an alignment while it goes on: the log of its checks, and the adapters of these."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

from menura.align.checks import Check
from menura.align.learner import StepNumbers
from menura.backends.adapters import Adapter
from menura.errors import RunError
from menura.files import disk_errors, flush_file, move_into_place, temporary_beside, write_text
from menura.records import parse_json, record_from
from menura.seeding import canonical_json

__all__ = ["LOG", "Entry", "adapter_folder", "keep_only", "read_log", "save_adapter", "write_log"]

LOG = "log.jsonl"

_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log.

    Attributes:
        check: What was measured.
        training: Mean of the steps since the last one; None before training.
        words: What a person should know of it.
    """

    check: Check
    training: StepNumbers | None
    words: tuple[str, ...] = ()


def write_log(path: Path, entries: Sequence[Entry]) -> None:
    """All entries, whole or not at all."""
    with disk_errors(str(path)):
        write_text(path, "".join(canonical_json(_rounded(asdict(entry))) + "\n" for entry in entries))


def read_log(path: Path, *, until: int | None = None) -> list[Entry]:
    """The entries of a log.

    Args:
        path: Of the log; without one there are none.
        until: Leave out what came after this step: a state older than the log goes on from there.

    Raises:
        RunError: It is damaged.
    """
    if not path.exists():
        return []
    try:
        entries = [record_from(Entry, parse_json(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}); delete the folder to start again") from error
    return [entry for entry in entries if until is None or entry.check.step <= until]


def adapter_folder(hidden: Path, step: int) -> Path:
    """Where the adapter of a check lies."""
    return hidden / "adapters" / f"{step:06d}"


def save_adapter(adapter: Adapter, averaged: Mapping[str, Tensor], folder: Path, *, base_model: str) -> Path:
    """The averaged adapter as a folder, whole or not at all; what is there stays, unless it is damaged."""
    with disk_errors(str(folder)):
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = temporary_beside(folder)
        shutil.rmtree(beside, ignore_errors=True)
        adapter.save(beside, base_model=base_model, tensors=averaged)
        for file in beside.iterdir():
            flush_file(file)
        if folder.is_dir() and _bytes_in(folder) != _bytes_in(beside):
            shutil.rmtree(folder)
        move_into_place(beside, folder)
    return folder


def _bytes_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def keep_only(hidden: Path, steps: set[int]) -> None:
    """Deletes the adapters of other checks."""
    wanted = {adapter_folder(hidden, step).name for step in steps}
    parent = hidden / "adapters"
    for folder in sorted(parent.iterdir()) if parent.is_dir() else []:
        if folder.name not in wanted:
            shutil.rmtree(folder, ignore_errors=True)


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return round(value, _DIGITS) if isinstance(value, float) else value
