"""Reading labelled audio: layouts, folds, splits, groups, subsets, audit, public sets."""

from __future__ import annotations

from menura.datasets.auditing import AuditReport, audit
from menura.datasets.dataset import Dataset, TrainingPart
from menura.datasets.folds import grouped_folds, leave_one_group_out
from menura.datasets.reading import load
from menura.datasets.subsets import long_tail_subset, percent_subset, subset

__all__ = [
    "AuditReport",
    "Dataset",
    "TrainingPart",
    "audit",
    "grouped_folds",
    "leave_one_group_out",
    "load",
    "long_tail_subset",
    "percent_subset",
    "subset",
]
