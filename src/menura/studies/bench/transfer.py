"""Which labels do synthetic clips serve? Found out on validation clips, tested once on the test fold.

The arm ``synthetic-chosen`` has the synthetic clips of those labels alone that they served on inner folds of the
training clips (:mod:`menura.studies.chosen_labels`); it stands against all synthetic clips and against none.

Source:
    Feng et al. 2024 (SynthAudio), arXiv:2406.08800, class-level filter list. Theirs was chosen by the class-wise
    results on the test set, so that its gain is too high by an unknown amount; no number is repeated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.arm_table import CHOSEN_ARM
from menura.studies.bench.compare import Side, comparisons
from menura.studies.bench.condition import Condition, Measured
from menura.studies.bench.report import StudyReport, report_of
from menura.studies.cells import read_json, served_path
from menura.studies.settings import EvaluationSettings
from menura.studies.verdict import points

__all__ = ["ARMS", "TransferRow", "transfer", "transfer_report", "transfer_rows"]

ARMS = ("real", "oversample", "synthetic", CHOSEN_ARM)


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One label, over all folds and seeds.

    Attributes:
        label: Which.
        chosen: Share of folds and seeds in which synthetic clips were used for it.
        validation: Gain in F1 on validation clips, mean.
        test: Gain in recall on test clips of all synthetic clips over ``oversample`` or the best of real clips; nothing
            was chosen by it. NaN for a label without test clips.
        test_chosen: The same of the chosen ones.
    """

    label: str
    chosen: float
    validation: float
    test: float
    test_chosen: float

    def shown(self) -> dict[str, object]:
        """Column to what is printed."""
        return {
            "label": self.label, "used": f"{100 * self.chosen:.0f} %", "validation F1": points(self.validation),
            "test recall, all": "" if np.isnan(self.test) else points(self.test),
            "test recall, chosen": "" if np.isnan(self.test_chosen) else points(self.test_chosen),
        }  # fmt: skip


def transfer(base: EvaluationSettings) -> tuple[Condition, ...]:
    """One evaluation.

    Args:
        base: Arms (``synthetic`` and ``synthetic-chosen`` among them), seeds and runs.

    Raises:
        ConfigError: One of these arms is missing.
    """
    if not {"synthetic", CHOSEN_ARM} <= set(base.arms):
        raise ConfigError(f"arms are {', '.join(base.arms)}; the study compares synthetic with {CHOSEN_ARM}: name both")
    return (Condition("all", base),)


def transfer_report(dataset: Dataset, measured: Sequence[Measured]) -> StudyReport:
    """Rows by arm, chosen against all synthetic clips, and every label."""
    one = measured[0]
    rows = transfer_rows(one)
    return report_of(
        "transfer", measured, question="Which labels do synthetic clips serve?", axis="labels", notes=_in_words(rows),
        more={
            "chosen-or-all": comparisons([(Side(CHOSEN_ARM, one, CHOSEN_ARM), Side("synthetic", one))]),
            "by-label": rows,
        },
    )  # fmt: skip


def transfer_rows(one: Measured) -> tuple[TransferRow, ...]:
    """Every label, those that gained most on validation clips first."""
    table = one.table
    served = [_served(one, split.name, seed) for split, seed in one.study.units]
    rival = "oversample" if "oversample" in table.cells else table.best_baseline
    gains = [_mean_gain(one, arm, rival) for arm in ("synthetic", CHOSEN_ARM)]
    rows = []
    for column, label in enumerate(table.labels):
        found = [unit[label] for unit in served if label in unit]
        rows.append(
            TransferRow(
                label,
                float(np.mean([bool(entry["chosen"]) for entry in found])) if found else 0.0,
                float(np.mean([entry["with_synthetic"] - entry["without"] for entry in found])) if found else 0.0,
                float(gains[0][column]), float(gains[1][column]),
            )
        )  # fmt: skip
    return tuple(sorted(rows, key=lambda row: (-row.validation, row.label)))


def _served(one: Measured, fold: str, seed: int) -> dict[str, dict[str, Any]]:
    values = read_json(served_path(one.study.folder, fold, seed)) or {"labels": []}
    return {entry["label"]: entry for entry in values["labels"]}


def _mean_gain(one: Measured, arm: str, rival: str) -> list[float]:
    gains = one.table.recalls(arm) - one.table.recalls(rival)
    known = np.isfinite(gains)
    totals, counts = np.where(known, gains, 0.0).sum(axis=(0, 1)), known.sum(axis=(0, 1))
    return [float(total / count) if count else float("nan") for total, count in zip(totals, counts, strict=True)]


def _in_words(rows: Sequence[TransferRow]) -> list[str]:
    known = [row for row in rows if not np.isnan(row.test)]
    rule = (
        "a label is used where its F1 over inner folds of the training clips is higher with synthetic clips; with no "
        "effect at all about half of the labels are used by luck, so only the comparison on test clips is a result"
    )
    said = [rule]
    moved = [row for row in known if row.validation and row.test]
    if moved:
        same = sum((row.validation > 0) == (row.test > 0) for row in moved)
        said.append(f"validation and test agree on the direction for {same} of {len(moved)} labels that moved in both")
    return said
