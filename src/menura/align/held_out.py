"""The training part divided once more: what is learned from, and what is only compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from menura.datasets.dataset import Dataset, TrainingPart
from menura.datasets.folds import grouped_folds
from menura.errors import DatasetError
from menura.types import Clip

__all__ = ["Division", "divide"]


@dataclass(frozen=True, slots=True)
class Division:
    """Training clips, none of them in both parts.

    Attributes:
        learned: Pairs, prompts and captions come from these.
        validation: Checks compare with these; nothing else looks at them.
    """

    learned: TrainingPart
    validation: TrainingPart


def divide(training: TrainingPart, *, share: float, seed: int) -> Division:
    """Holds a share of the training clips out, whole groups of them, labels spread evenly.

    A label keeps clips to learn from: where all of its clips would be held out, they are not.

    Args:
        training: Of a dataset; its test clips are not there to be taken.
        share: Of the clips, about.
        seed: Breaks ties.

    Raises:
        DatasetError: There are too few clips or groups.
    """
    if isinstance(training, Dataset):
        raise DatasetError("alignment was given a whole dataset, expected its training part: pass dataset.train")
    num_groups = len({clip.group if clip.group is not None else clip.id for clip in training.clips})
    if num_groups < 2:
        raise DatasetError(
            f"{len(training.clips)} training clips of {num_groups} group cannot be divided; expected at least two "
            "groups, one of them to compare with"
        )
    folded = grouped_folds(training.clips, num_folds=min(num_groups, max(2, round(1 / share))), seed=seed)
    held = {clip.id for clip in folded if clip.fold == "1"}
    left = {label for clip in training.clips if clip.id not in held for label in clip.labels}
    bare = {_unit(clip) for clip in training.clips if clip.id in held and not set(clip.labels) <= left}
    held -= {clip.id for clip in training.clips if _unit(clip) in bare}
    validation = tuple(clip for clip in training.clips if clip.id in held)
    if len(validation) < 2:
        raise DatasetError(
            f"of {len(training.clips)} training clips {len(validation)} can be held out to compare with, expected at "
            "least two: give more clips for each label, or a larger share (validation)"
        )
    learned = tuple(clip for clip in training.clips if clip.id not in held)
    return Division(replace(training, clips=learned), replace(training, clips=validation))


def _unit(clip: Clip) -> str:
    return f"group {clip.group}" if clip.group is not None else f"clip {clip.id}"
