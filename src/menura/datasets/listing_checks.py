"""What is doubtful about a manifest, before any audio is read: splits, folds, parts of files, files left out."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from menura.datasets.parts import split_role
from menura.manifest import ManifestRow
from menura.tables import read_cells
from menura.types import Finding

__all__ = ["gaps_in_folds", "segments", "unknown_splits", "unlisted_files"]

_STARTS = frozenset(f"{name}{unit}" for name in ("start", "onset", "begin") for unit in ("", "_s", "_time", "_sec"))
_ENDS = frozenset(f"{name}{unit}" for name in ("end", "offset", "stop") for unit in ("", "_s", "_time", "_sec"))


def unknown_splits(rows: Sequence[ManifestRow]) -> tuple[Finding, ...]:
    """Rows that name a part, but none that is known: they are learned from, which their owner may not mean.

    Beside folds such a word says nothing that is lost (``cv5``).
    """
    unknown = [row for row in rows if row.split and not split_role(row.split) and row.fold is None]
    if not unknown:
        return ()
    words = Counter(str(row.split) for row in unknown)
    shown = ", ".join(f"{word!r} ({count})" for word, count in words.most_common(5))
    return (
        Finding(
            "unknown_split",
            "warning",
            f"{len(unknown)} of {len(rows)} rows name a split that is not known, and are training clips: {shown}",
            "Write train, validation or test.",
            tuple(row.path for row in unknown),
            {"count": len(unknown), "words": dict(words)},
        ),
    )


def gaps_in_folds(rows: Sequence[ManifestRow]) -> tuple[Finding, ...]:
    """Folds that some clips lack: none of them can be held out."""
    bare = tuple(row.path for row in rows if row.fold is None)
    if not bare or len({row.fold for row in rows}) < 3:
        return ()
    message = f"{len(bare)} of {len(rows)} rows have no fold, so the folds are not used"
    return (Finding("fold_gaps", "warning", message, "Give every clip a fold.", bare, {"count": len(bare)}),)


def segments(manifest: Path) -> tuple[Finding, ...]:
    """A manifest whose rows name parts of files by a start and an end, which are not read."""
    _, cells = next(iter(read_cells(manifest)))
    starts, ends = ([name for name in cells if name.strip().lower() in known] for known in (_STARTS, _ENDS))
    if not starts or not ends:
        return ()
    message = f"{manifest.name} has the columns {starts[0]} and {ends[0]}, which are not read: a clip is a whole file"
    remedy = "If they name the part of the file that has the label, cut the files first."
    return (Finding("segments", "warning", message, remedy, (str(manifest),)),)


def unlisted_files(
    root: Path, manifests: Sequence[Path], rows: Sequence[ManifestRow], files: Iterable[str]
) -> tuple[Finding, ...]:
    """Audio files of a folder that its manifest does not list."""
    listed = {_spelling(row.path) for row in rows}
    unlisted = tuple(path for path in files if _spelling(path) not in listed)
    if not unlisted:
        return ()
    names = ", ".join(manifest.relative_to(root).as_posix() for manifest in manifests)
    message = f"{len(unlisted)} audio files are not listed in {names} and were left out"
    remedy = "List them too, or remove them."
    return (Finding("unlisted", "warning", message, remedy, unlisted, {"count": len(unlisted)}),)


def _spelling(path: str) -> str:
    """A path as systems compare it that tell neither capitals nor ways of writing an accent apart."""
    return unicodedata.normalize("NFC", path).casefold()
