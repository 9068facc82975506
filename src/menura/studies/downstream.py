"""The tasks that encoders are compared on, as data: metric, folds, clip length, probe, licence, where to get them.

The first eight are those of the doppelgängers paper, by the protocols of the two harnesses that hold them; which
harness the authors used is not told in any readable source.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from menura.datasets.dataset import Dataset
from menura.datasets.local import find_local
from menura.datasets.public import PUBLIC_SETS
from menura.datasets.reading import load
from menura.errors import DatasetError
from menura.studies.protocols import Rule
from menura.types import Finding, Progress

__all__ = ["TASKS", "DownstreamTask", "check_task", "load_task_data", "pitch_numbers", "task_named"]


@dataclass(frozen=True, slots=True)
class DownstreamTask:
    """One task.

    Attributes:
        name: Name for the command line.
        title: What it is, in a few words.
        harness: Whose protocol it is: ``HEAR``, ``ARCH`` or ``Menura``.
        probe: The probe of that harness.
        metric: ``accuracy``, ``uar`` or ``mean_average_precision``.
        rule: How clips get their parts, see :data:`menura.studies.protocols.Rule`.
        num_folds: Folds that there should be; None with a published split or groups.
        clip_s: Seconds from the start of a clip that are heard; None hears all of it.
        num_labels: Labels that there should be.
        num_clips: Clips of the published set.
        group: What must not stand on both sides of a fold.
        licence: Licence of the set as a whole.
        url: Where its publisher has it.
        note: What a user should know.
        is_pitch: Labels are MIDI note numbers, so that the chroma (the note in any octave) is scored as well.
    """

    name: str
    title: str
    harness: Literal["HEAR", "ARCH", "Menura"]
    probe: Literal["mlp", "linear", "logistic"]
    metric: Literal["accuracy", "uar", "mean_average_precision"]
    rule: Rule
    num_folds: int | None
    clip_s: float | None
    num_labels: int
    num_clips: int
    group: str
    licence: str
    url: str
    note: str = ""
    is_pitch: bool = False

    @property
    def is_public(self) -> bool:
        """Whether ``menura datasets get`` knows it."""
        return self.name in PUBLIC_SETS


_HEAR_PARTS = "Folds or parts are those of HEAR's prepared copy (https://hearbenchmark.com/hear-tasks.html)."

TASKS: dict[str, DownstreamTask] = {
    task.name: task
    for task in (
        DownstreamTask(
            "esc50", "environmental sounds of 5 s", "HEAR", "mlp", "accuracy", "next_fold", 5, 5.0, 50, 2000,
            "recording", "CC-BY-NC-3.0", "https://github.com/karolpiczak/ESC-50",
        ),
        DownstreamTask(
            "urbansound8k", "street sounds of up to 4 s", "ARCH", "linear", "accuracy", "fold_share", 10, 5.0, 10, 8732,
            "recording", "CC-BY-NC-4.0", "https://urbansounddataset.weebly.com/urbansound8k.html",
        ),
        DownstreamTask(
            "vivae", "cries of emotion without words", "ARCH", "linear", "accuracy", "next_group", None, 5.0, 6, 1085,
            "speaker", "CC-BY-NC-SA-4.0", "https://zenodo.org/records/4066235",
            "The full set of 11 speakers; label and speaker stand in the file names (S01_anger_low_01.wav).",
        ),
        DownstreamTask(
            "nsynth_pitch", "pitch of single notes, the part of 5 h", "HEAR", "mlp", "accuracy", "split", None, 4.0, 88,
            5000, "instrument", "CC-BY-4.0", "https://hearbenchmark.com/hear-tasks.html",
            f"Labels are MIDI note numbers. {_HEAR_PARTS}", is_pitch=True,
        ),
        DownstreamTask(
            "crema_d", "emotion of spoken sentences", "HEAR", "mlp", "accuracy", "next_fold", 5, 5.0, 6, 7438, "actor",
            "ODbL-1.0", "https://github.com/CheyneyComputerScience/CREMA-D",
            f"{_HEAR_PARTS} With actors as groups, folds are made where there are none.",
        ),
        DownstreamTask(
            "fsd50k", "sound events, several labels a clip", "HEAR", "mlp", "mean_average_precision", "split", None,
            None, 200, 51_197, "uploader", "CC-BY-4.0", "https://zenodo.org/records/4060432",
            "Clips have licences of their own (CC0, CC-BY, CC-BY-NC, CC Sampling+). ARCH hears 10 s of each.",
        ),
        DownstreamTask(
            "vocal_imitation", "imitations of sounds by voice", "HEAR", "mlp", "mean_average_precision", "next_fold", 3,
            11.26, 302, 5601, "speaker", "CC-BY-4.0", "https://zenodo.org/records/1340763", _HEAR_PARTS,
        ),
        DownstreamTask(
            "libricount", "number of people who speak at once, 0 to 10", "HEAR", "mlp", "accuracy", "next_fold", 5, 5.0,
            11, 5720, "clip", "CC-BY-4.0", "https://zenodo.org/records/1216072", _HEAR_PARTS,
        ),
        DownstreamTask(
            "esc10", "the 400 clips of ESC-50 under CC BY", "Menura", "logistic", "accuracy", "next_fold", 5, 5.0, 10,
            400, "recording", "CC-BY-3.0", "https://github.com/karolpiczak/ESC-50",
        ),
        DownstreamTask(
            "fsdd", "spoken digits at 8 kHz", "Menura", "logistic", "accuracy", "split", None, None, 10, 3000,
            "speaker", "CC-BY-SA-4.0", "https://github.com/Jakobovski/free-spoken-digit-dataset",
            "The official test part holds takes 0 to 4 of every speaker: no new voices.",
        ),
        DownstreamTask(
            "donateacry", "reasons why babies cry", "Menura", "logistic", "uar", "next_fold", 5, None, 5, 457, "phone",
            "ODbL-1.0", "https://github.com/gveres/donateacry-corpus",
            "Five in six clips have one label, so that accuracy says nothing. No official folds.",
        ),
        DownstreamTask(
            "catmeows", "meows in three situations", "Menura", "logistic", "accuracy", "next_fold", 5, None, 3, 440,
            "cat", "CC-BY-4.0", "https://zenodo.org/records/4008297", "No official folds.",
        ),
    )
}  # fmt: skip


def task_named(name: str) -> DownstreamTask:
    """The task of that name.

    Raises:
        DatasetError: There is none; the message lists those that there are.
    """
    if name not in TASKS:
        close = get_close_matches(name, TASKS, n=1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise DatasetError(f"no task {name!r}; known tasks: {', '.join(TASKS)}.{guess}")
    return TASKS[name]


def load_task_data(source: str | Path, *, progress: Progress | None = None) -> Dataset:
    """The dataset in a folder or manifest, or the one of that name; says where to get a task that is not here.

    Raises:
        DatasetError: It is not on this machine, or cannot be read.
    """
    task = TASKS.get(str(source))
    if task is not None and not Path(source).exists() and (not task.is_public or find_local(task.name) is None):
        raise DatasetError(missing_text(task))
    return load(source, progress=progress)


def missing_text(task: DownstreamTask) -> str:
    """That a task is not here, and how to get it."""
    head = f"{task.name} ({task.title}; {task.num_clips:,} clips, {task.licence}) is not on this machine"
    if task.is_public:
        return f"{head}; get it: {PUBLIC_SETS[task.name].how_to_get}"
    part = {"split": "split", "next_group": "group"}.get(task.rule, "fold")
    columns = ", ".join(dict.fromkeys(["path", "label", part, "group"]))
    return (
        f"{head}. Get it from {task.url}, write a manifest.csv with the columns {columns} ({task.group}), and give its "
        f"folder: menura study probe FOLDER --task {task.name}. {task.note}".rstrip()
    )


def check_task(dataset: Dataset, task: DownstreamTask) -> tuple[Finding, ...]:
    """Where a dataset is not what the task says.

    Raises:
        DatasetError: The labels of a pitch task are no note numbers.
    """
    if task.is_pitch:
        pitch_numbers(dataset.labels)
    found = {"labels": len(dataset.labels), "clips": len(dataset.clips)}
    expected = {"labels": task.num_labels, "clips": task.num_clips}
    different = [
        f"{found[name]:,} {name} instead of {expected[name]:,}" for name in found if found[name] != expected[name]
    ]
    if not different:
        return ()
    return (
        Finding(
            kind="not_the_published_set",
            severity="warning",
            message=f"{dataset.name} has {' and '.join(different)}, so it is not {task.name} as it was published",
            remedy="numbers are not to be compared with published ones",
        ),
    )


def pitch_numbers(labels: Sequence[str]) -> tuple[int, ...]:
    """The MIDI note number at the end of each label, such as ``60`` or ``pitch_060``.

    Raises:
        DatasetError: A label does not end in a number.
    """
    numbers = [re.search(r"(\d+)$", label) for label in labels]
    wrong = [label for label, number in zip(labels, numbers, strict=True) if number is None]
    if wrong:
        raise DatasetError(f"label {wrong[0]!r} is no MIDI note number, expected labels such as 60 or pitch_60")
    return tuple(int(number.group(1)) for number in numbers if number is not None)
