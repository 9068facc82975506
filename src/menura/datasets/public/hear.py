"""The tasks of HEAR as its authors prepared them: the same files for each, with folds or parts of their making."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from menura.datasets.public.record import Layout
from menura.datasets.public.tables import read_json
from menura.errors import DatasetError
from menura.manifest import ManifestRow, path_inside
from menura.records import parse_json

__all__ = ["hear_layout"]

_MARKER = "task_metadata.json"
_PARTS = {"train": "train", "valid": "validation", "test": "test"}
GroupOf = Callable[[str], str | None]


def hear_layout(task: str, *, licence: str | None, group: GroupOf | None = None) -> Layout:
    """The form of a task: ``task_metadata.json``, ``train.json`` … or ``fold00.json`` …, and ``48000/train/*.wav``.

    Args:
        task: Name of the task, or the end of it.
        licence: Licence of every clip.
        group: Group of a clip by its name without suffix. None where the folds do not keep groups together: a group
            would then forbid every training clip.
    """
    return Layout(_MARKER, partial(_rows, licence=licence, group=group), partial(_is_task, task=task))


def _is_task(place: Path, *, task: str) -> bool:
    try:
        told = parse_json((place / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and str(told.get("task_name", "")).endswith(task)


def _rows(root: Path, *, licence: str | None, group: GroupOf | None) -> Iterator[ManifestRow]:
    rates = sorted(int(entry.name) for entry in root.iterdir() if entry.is_dir() and entry.name.isdigit())
    if not rates:
        raise DatasetError(f"{root} lacks a folder of audio named by its rate such as 48000; unpack the archive again")
    folds = sorted(path.stem for path in root.glob("fold*.json"))
    for part in folds or _PARTS:
        for name, labels in read_json(root / f"{part}.json", root).items():
            yield ManifestRow(
                path=path_inside(root, f"{rates[-1]}/{part}/{name}"),
                labels=tuple(str(label) for label in labels),
                fold=str(int(part.removeprefix("fold"))) if folds else None,
                split=None if folds else _PARTS[part],
                group=group(Path(name).stem) if group else None,
                licence=licence,
            )
