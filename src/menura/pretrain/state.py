"""A training run on disk: whose folder it is, and a state that is whole or not there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from menura.errors import RunError
from menura.files import disk_errors, remove_leftovers_below, write_bytes, write_text
from menura.formats import TRAINING
from menura.records import parse_json

__all__ = ["Trainable", "claim", "load_state", "optimiser_state", "optimiser_tensors", "save_state", "tidy"]


class Trainable(Protocol):
    """What a step of a training run changes, by name, and the number of steps so far."""

    step_number: int

    def tensors(self) -> dict[str, Tensor]:
        """All that a step changes."""
        ...

    def load(self, tensors: Mapping[str, Tensor], step_number: int) -> None:
        """Goes on from what :meth:`tensors` gave."""
        ...


def claim(path: Path, asked: Mapping[str, Any], *, words: Mapping[str, str] | None = None) -> None:
    """Says whose folder it is: writes the settings, or compares them with those that are there.

    Args:
        path: File of the settings; its folder is made.
        asked: The settings, plain values.
        words: Names of settings for people, where they differ.

    Raises:
        RunError: The folder holds a run with other settings, or cannot be read or written.
    """
    with disk_errors(str(path.parent)):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_text(path, json.dumps({"format": TRAINING.current, **asked}, indent=1) + "\n")
            return
    try:
        stored = parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(stored, dict):
            raise ValueError(f"it holds {type(stored).__name__}, expected a table")
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}); choose another folder, or delete this one") from error
    stored = TRAINING.brought_up(stored, source=path)
    changed = [
        f"{(words or {}).get(name, name)} was {stored.get(name)}, is {value}"
        for name, value in asked.items()
        if stored.get(name) != value
    ]
    if changed:
        raise RunError(
            f"{path.parent} holds a run with other settings ({'; '.join(changed)}); choose another folder with -o"
        )


def save_state(learner: Trainable, path: Path) -> None:
    """Write the state whole, or leave the one that is there."""
    with disk_errors(str(path)):
        write_bytes(path, save(learner.tensors(), metadata={"step": str(learner.step_number)}))


def load_state(learner: Trainable, path: Path) -> None:
    """Goes on from a stored state; leaves the learner new when there is none.

    Raises:
        RunError: The state is damaged, or of another training.
    """
    if not path.exists():
        return
    try:
        with safe_open(path, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            learner.load(tensors, int(stored.metadata()["step"]))
    except (SafetensorError, OSError, RuntimeError, KeyError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}); delete it to train from the start") from error


def tidy(folder: Path, log: Path, step: int) -> None:
    """Clears what a killed process left: temporary files, and lines of the log that came after the stored state.

    A line is written before its state, so that the log never lacks one; a process killed between the two would say it
    twice when it goes on.

    Args:
        folder: Of the training; all folders in it are looked through.
        log: One JSON object with ``step`` a line.
        step: Of the stored state, 0 without one.
    """
    with disk_errors(str(folder)):
        remove_leftovers_below(folder)
        if not log.is_file():
            return
        text = log.read_text(encoding="utf-8", errors="replace")
        kept = "".join(f"{line}\n" for line in text.splitlines() if _step_of(line) <= step)
        if kept != text:
            write_text(log, kept)


def _step_of(line: str) -> float:
    """The step that a line tells of; infinite for one that was cut off."""
    try:
        return float(parse_json(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The state of an optimiser as tensors named ``INDEX.FIELD``."""
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
    }


def optimiser_state(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """What the optimiser loads to go on from :func:`optimiser_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, field = name.partition(".")
        state.setdefault(int(index), {})[field] = tensor
    return {**optimiser.state_dict(), "state": state}
