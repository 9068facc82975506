"""Folders that stand for a part of the data: ``train``, ``test``, ``fold1``; and those that only look so."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from menura.errors import DatasetError
from menura.types import Finding

__all__ = ["fold_of", "is_part", "parts_below_labels", "refuse_mixed_parts", "some", "split_role"]

_SPLITS = {
    "train": "train", "training": "train",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
}  # fmt: skip
_FOLD_FOLDER = re.compile(r"fold[ _-]?(\w+)", re.IGNORECASE)


def split_role(name: str | None) -> str | None:
    """``train``, ``validation`` or ``test`` for the usual names of these parts, else None."""
    return _SPLITS.get(name.strip().lower()) if name else None


def fold_of(folder: str) -> str | None:
    """``3`` for ``fold3``, ``Fold 3``, ``fold_3`` and the like, else None."""
    match = _FOLD_FOLDER.fullmatch(folder)
    return match.group(1) if match else None


def is_part(folder: str) -> bool:
    """Whether a folder is named like a split or a fold."""
    return split_role(folder) is not None or fold_of(folder) is not None


def refuse_mixed_parts(root: Path, parts: Sequence[Sequence[str]], depth: int) -> None:
    """Refuse ``train/dog``, ``test/dog`` and ``extra/dog``: train, test and extra would become the labels.

    Two folders that are named like parts and hold folders of one name are parts; anything less may be labels.

    Raises:
        DatasetError: There are such folders, and others beside them.
    """
    inside: dict[str, set[str]] = defaultdict(set)
    for part in parts:
        if len(part) > depth + 1:
            inside[part[depth]].update(part[depth + 1 : depth + 2] if len(part) > depth + 2 else ())
    named = [name for name in inside if is_part(name)]
    shared = Counter(label for name in named for label in inside[name])
    if max(shared.values(), default=0) < 2:
        return
    others = set(inside) - set(named)
    beside = f"the folders {some(others)} lie beside them" if others else "some are splits and some are folds"
    raise DatasetError(
        f"{root}: the folders {some(named)} look like parts of the data with a folder for each label inside, but "
        f"{beside}, so it is not clear what the labels are; move them elsewhere, or add a manifest.csv with the "
        "columns path, label and split"
    )


def parts_below_labels(parts: Sequence[Sequence[str]], level: int) -> list[Finding]:
    """``dog/train/a.wav``: folders below the labels name no part, which their owner may not expect."""
    below = {part[level + 1] for part in parts if len(part) > level + 2}
    if len({name.strip().lower() for name in below if is_part(name)}) < 2:
        return []
    named = sorted(name for name in below if is_part(name))
    return [
        Finding(
            "parts_below_labels",
            "warning",
            f"folders below the labels are named {some(named)}, and are not read as splits or folds",
            "Put them above the folders of the labels, or write a manifest with a column split or fold.",
            (),
            {"folders": [*named]},
        )
    ]


def some(names: Iterable[str], limit: int = 5) -> str:
    """A few names in order, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - limit} more" if len(ordered) > limit else ""
    return ", ".join(ordered[:limit]) + more
