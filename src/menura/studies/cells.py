"""Cells on disk: one JSON file for each fold, seed and arm, whole or absent; and whose cells they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from menura.errors import RunError
from menura.files import disk_errors, write_text
from menura.formats import EVALUATION_SETTINGS
from menura.lock import locked
from menura.metrics.classification import score_predictions
from menura.records import parse_json, record_from
from menura.seeding import canonical_json, content_hash
from menura.studies.settings import differences

__all__ = ["Cell", "cell_path", "claim_folder", "read_json", "served_path", "unit_path", "write_json"]

IDENTITY_NAME = "evaluation-settings.json"
_PATIENCE_S = 60.0
"""How long to wait for another evaluation that looks at the same folder, or writes its result there."""


@dataclass(frozen=True)
class Cell:
    """What one arm reached with one fold and seed.

    Attributes:
        fold, seed, arm: Which cell.
        clips: Number of training clips by origin.
        chosen: Name of the classifier, picked on validation where there is a choice.
        accuracy, macro_f1, uar, mean_average_precision: See :class:`menura.metrics.classification.Scores`.
        recall: Recall of each label; None where it does not occur in the fold.
        confusion: Counts ``[true][predicted]``; None when multi-label.
        predictions: Probabilities ``[clips][labels]`` for the test clips in their order, to four digits.
        each: The same of each classifier by name, where there was a choice.
    """

    fold: str
    seed: int
    arm: str
    clips: Mapping[str, int]
    chosen: str
    accuracy: float
    macro_f1: float
    uar: float
    mean_average_precision: float | None
    recall: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...] | None
    predictions: tuple[tuple[float, ...], ...]
    each: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)

    @classmethod
    def scored(
        cls,
        fold: str,
        seed: int,
        arm: str,
        *,
        clips: Mapping[str, int],
        chosen: str,
        truth: NDArray[np.bool_],
        probabilities: NDArray[np.float64],
        multilabel: bool,
        each: Mapping[str, NDArray[np.float64]] | None = None,
    ) -> Cell:
        """The cell of some predictions."""
        rounded = np.round(probabilities, 4)
        scores = score_predictions(truth, rounded, multilabel=multilabel)
        return cls(
            fold, seed, arm, dict(clips), chosen, scores.accuracy, scores.macro_f1, scores.uar,
            scores.mean_average_precision,
            tuple(float(value) if np.isfinite(value) else None for value in scores.recall),
            None if scores.confusion is None else tuple(tuple(map(int, row)) for row in scores.confusion),
            _rows(rounded), {name: _rows(np.round(found, 4)) for name, found in (each or {}).items()},
        )  # fmt: skip

    def alone(self, classifier: str, truth: NDArray[np.bool_], *, multilabel: bool) -> Cell:
        """The cell as it would be had this classifier been the only one."""
        return Cell.scored(
            self.fold, self.seed, self.arm,
            clips=self.clips, chosen=classifier, truth=truth, probabilities=np.array(self.each[classifier]),
            multilabel=multilabel,
        )  # fmt: skip

    def value(self, metric: str) -> float:
        """The named metric; NaN where it is not defined."""
        value = getattr(self, metric)
        return float("nan") if value is None else float(value)

    def summary(self) -> dict[str, Any]:
        """Everything but predictions and confusion, for ``evaluation.json``."""
        values = asdict(self)
        del values["predictions"], values["each"], values["confusion"]
        return values

    def write(self, folder: Path) -> None:
        """Store the cell under ``folder``."""
        write_json(cell_path(folder, self.fold, self.seed, self.arm), asdict(self))

    @classmethod
    def read(cls, folder: Path, fold: str, seed: int, arm: str) -> Cell | None:
        """The stored cell; None when it is missing or damaged, so that it is made again."""
        values = read_json(cell_path(folder, fold, seed, arm))
        try:
            if values is None or (values["fold"], values["seed"], values["arm"]) != (fold, seed, arm):
                return None
            return record_from(cls, values)
        except (KeyError, ValueError):
            return None


def _rows(probabilities: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in probabilities)


def cell_path(folder: Path, fold: str, seed: int, arm: str) -> Path:
    """File of a cell."""
    return unit_path(folder, fold, seed).parent / f"{arm.replace('@', '-at-')}.json"


def unit_path(folder: Path, fold: str, seed: int) -> Path:
    """File that says what became of the synthetic clips of one fold and seed; written before its cells."""
    return folder / "cells" / f"fold-{safe_name(fold)}-seed-{seed}" / "clips.json"


def served_path(folder: Path, fold: str, seed: int) -> Path:
    """File that says which labels the synthetic clips of one fold and seed serve, by validation."""
    return unit_path(folder, fold, seed).parent / "served-labels.json"


def safe_name(fold: str) -> str:
    """The name of a fold as part of a file name; unusual ones become a hash."""
    plain = fold.replace("-", "").replace("_", "").isalnum() and fold.isascii() and len(fold) <= 40
    return fold if plain else content_hash(fold)


def write_json(path: Path, value: object) -> None:
    """Write JSON that is whole or absent.

    Raises:
        RunError: The disk cannot be written.
    """
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, canonical_json(value) + "\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None when there is none."""
    try:
        values = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def claim_folder(folder: Path, identity: Mapping[str, Any]) -> None:
    """Say whose cells lie in a folder, or refuse to mix them with others.

    Raises:
        RunError: The folder holds cells of other settings (each difference is named), or cannot be written.
    """
    with locked(folder, patience_s=_PATIENCE_S):  # of two with other settings, one comes first
        _claim(folder, identity)


def _claim(folder: Path, identity: Mapping[str, Any]) -> None:
    path = folder / IDENTITY_NAME
    stored = read_json(path)
    asked = json.loads(canonical_json(identity))
    if stored is None:
        if path.exists():
            raise RunError(f"{path} cannot be read; choose another folder, or delete this one")
        write_json(path, {**asked, "format": EVALUATION_SETTINGS.current})
        return
    stored = EVALUATION_SETTINGS.brought_up(stored, source=path)
    del stored["format"]
    changed: Sequence[str] = differences(stored, asked)
    if changed:
        raise RunError(
            f"{folder} holds an evaluation with other settings ({'; '.join(changed)}). Choose another folder with -o, "
            "or delete this one"
        )
