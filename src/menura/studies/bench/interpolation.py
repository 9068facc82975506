"""How much of the gain of clips between two recordings was leakage?

The published experiment splits clips at random, so that clips of one source recording stand on both sides, and a clip
between two training clips may lie next to a test clip of their source. Here the same recipe is measured twice: with as
many folds drawn at random, whatever the source (theirs), and with folds that keep sources together. What the random
split shows more is leakage.

Source:
    AudioDiffusionClassification (slides): 57.73 % to 62.77 % with 1,000 clips between clips of UrbanSound8K, one random
    split, one seed, the best epoch on the test set. None of the three is repeated but the random split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from menura.datasets.dataset import Dataset
from menura.datasets.folds import grouped_folds
from menura.errors import DatasetError
from menura.metrics.statistics import Interval, draw_cells
from menura.studies.arm_table import SYNTHETIC_ARMS
from menura.studies.bench.condition import Condition, Measured
from menura.studies.bench.report import StudyReport, report_of
from menura.studies.bench.tables import PublishedCell, read_table
from menura.studies.settings import EvaluationSettings
from menura.studies.splits import source_of
from menura.studies.summary import Table
from menura.studies.verdict import METRIC_NAMES, points, span

__all__ = ["GROUPED", "RANDOM", "independent_interval", "interpolation", "interpolation_report", "split_both_ways"]

RANDOM, GROUPED = "random split", "grouped split"


def split_both_ways(dataset: Dataset, *, folds: int) -> dict[str, Dataset]:
    """The same clips with folds drawn by label alone, and with folds that keep sources together.

    Raises:
        DatasetError: No source has two clips, so that the two would be the same; or there are too few sources.
    """
    sources = {source_of(clip) for clip in dataset.clips}
    if len(sources) == len({clip.id for clip in dataset.clips}):
        raise DatasetError(
            f"{dataset.name} has one clip of each source, or names none: nothing could leak. The study needs a dataset "
            "with several clips of a recording, speaker or animal (column `group`)"
        )
    alone = tuple(replace(clip, group=None, fold=None, split=None) for clip in dataset.clips)
    together = tuple(replace(clip, fold=None, split=None) for clip in dataset.clips)
    return {
        RANDOM: dataset.with_clips(grouped_folds(alone, num_folds=folds)),
        GROUPED: dataset.with_clips(grouped_folds(together, num_folds=folds)),
    }


def interpolation(dataset: Dataset, base: EvaluationSettings, *, folds: int) -> tuple[Condition, ...]:
    """The same evaluation under both splits.

    Args:
        dataset: With groups.
        base: Arms, seeds and runs.
        folds: Number of folds; the paper's 90:10 is ten.

    Raises:
        DatasetError: See :func:`split_both_ways`.
    """
    settings = base.model_copy(update={"folds": "official"})  # the folds that were just made
    return tuple(
        Condition(name, settings, dataset=split) for name, split in split_both_ways(dataset, folds=folds).items()
    )


def interpolation_report(dataset: Dataset, measured: Sequence[Measured]) -> StudyReport:
    """Rows by split and arm, and what of accuracy and gain is leakage."""
    tables = {one.condition.point: one.table for one in measured}
    published = [
        PublishedCell("", RANDOM, arm, row["arm"], float(row["percent"]) / 100, "AudioDiffusionClassification, slides")
        for arm, row in zip(("real", "synthetic"), read_table("interpolation"), strict=True)
        if dataset.name == "urbansound8k"
    ]
    return report_of(
        "interpolation", measured,
        question="How much of the gain of clips between two recordings was leakage?", axis="split",
        published=published, notes=_leakage(tables[RANDOM], tables[GROUPED]),
    )  # fmt: skip


def _leakage(random: Table, grouped: Table) -> list[str]:
    name = METRIC_NAMES[random.metric]
    found = []
    for arm in random.cells:
        more = random.mean(arm) - grouped.mean(arm)
        interval = independent_interval(random.values(arm), grouped.values(arm))
        found.append(
            f"{arm}: the random split shows {points(more)} points more {name} (95 % interval {span(interval)})"
        )
    for arm in (arm for arm in random.cells if arm in SYNTHETIC_ARMS):
        gains = [table.values(arm) - table.values(_baseline(table)) for table in (random, grouped)]
        more = float(gains[0].mean() - gains[1].mean())
        interval = independent_interval(*gains)
        sure = "leakage, beyond luck" if interval[0] > 0 else "no more than luck explains"
        found.append(
            f"gain of {arm} over {_baseline(random)!r}: {points(float(gains[0].mean()))} points with the random split, "
            f"{points(float(gains[1].mean()))} with the grouped one; the difference of {points(more)} (95 % interval "
            f"{span(interval)}) is {sure}"
        )
    return found


def _baseline(table: Table) -> str:
    """The paper's: real clips alone, where that arm is there."""
    return "real" if "real" in table.cells else table.best_baseline


def independent_interval(one: NDArray[np.float64], other: NDArray[np.float64]) -> Interval:
    """95 % hierarchical bootstrap interval of the difference of two means whose folds have nothing in common.

    Args:
        one, other: ``[folds, seeds]``; numbers of folds and seeds may differ.
    """
    means = [
        (draw_cells(*values.shape, seed=number) * values).sum(axis=(1, 2)) / values.size
        for number, values in enumerate((one, other))
    ]
    low, high = np.quantile(means[0] - means[1], [0.025, 0.975])
    return (float(low), float(high))
