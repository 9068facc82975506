"""Published tables, as data: what the papers report, and where."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

__all__ = ["SYNTHIO_METHODS", "PublishedCell", "read_table", "synthio_cells"]

SYNTHIO = "Ghosh et al. 2025, arXiv:2410.02056, table 1"
SYNTHIO_METHODS = {
    "Gold-only (No Aug.)": "real", "Random Noise": "noise", "Pitch Shifting": "pitch-2", "SpecAugment": "specaugment",
    "Audiomentations": "policy", "Retrieval": "retrieval", "Vanilla Syn. Aug.": "vanilla",
    "+ LLM Caps.": "vanilla-captions", "Synthio": "synthetic",
}  # fmt: skip
"""Method of the table to the arm here that is nearest to it; ablations have none."""


@dataclass(frozen=True, slots=True)
class PublishedCell:
    """One number of a paper.

    Attributes:
        series, point, arm: What it stands beside.
        method: As the paper calls it.
        value: As a fraction.
        source: Paper and table.
    """

    series: str
    point: str
    arm: str
    method: str
    value: float
    source: str


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of a published table, e.g. ``synthio-table-1``."""
    text = (files("menura.studies.bench") / "published" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def synthio_cells(dataset: str) -> tuple[PublishedCell, ...]:
    """What Synthio reports for a dataset, every method and size; nothing for one that it does not use.

    Transcribed from a figure; all relative gains printed in it agree with these numbers.
    """
    return tuple(
        PublishedCell(
            "",
            row["clips"],
            SYNTHIO_METHODS.get(row["method"], ""),
            row["method"],
            float(row["percent"]) / 100,
            SYNTHIO,
        )
        for row in read_table("synthio-table-1")
        if row["dataset"] == dataset
    )
