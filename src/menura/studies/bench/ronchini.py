"""The cells of Ronchini et al. beside ours, each generator and network a method of its own."""

from __future__ import annotations

from collections.abc import Callable

from menura.studies.bench.tables import PublishedCell, read_table

__all__ = ["ronchini_cells"]

SOURCE = "Ronchini et al. 2024, arXiv:2403.17864, figures of the authors"
DATASET = "urbansound8k"


def ronchini_cells(dataset: str, experiment: str, point: Callable[[str], str]) -> tuple[PublishedCell, ...]:
    """What was published of an experiment; nothing for a dataset other than UrbanSound8K.

    Their networks and generators are none of ours, so that the cells stand in a table of their own.

    Args:
        dataset: Name of the dataset.
        experiment: ``augmentation``, ``synthetic only`` or ``folds replaced``.
        point: From the amount of the table (percent, or folds) to the point of the study.
    """
    if dataset != DATASET:
        return ()
    cells = []
    for row in read_table("ronchini"):
        if row["experiment"] in (experiment, "real"):
            method = f"{row['classifier']}, {row['generator'] or 'real clips alone'}"
            value = float(row["percent"]) / 100
            cells.append(PublishedCell(method, point(row["amount"]), "published", method, value, SOURCE))
    return tuple(cells)
