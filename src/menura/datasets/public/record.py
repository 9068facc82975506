"""What is known of one public dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from menura.manifest import ManifestRow

__all__ = ["PublicSet"]


@dataclass(frozen=True, slots=True)
class PublicSet:
    """One public dataset.

    Attributes:
        name: Name for the command line.
        title: What it is, in a few words.
        url: Official archive.
        checksum: ``sha256:…`` or ``md5:…`` as its publisher or several independent readers state it; None where the
            archive is packed anew for every download or nobody states one, then the first download is pinned.
        size_mb: Rough size of the archive.
        licence: Licence of the set as a whole.
        split: What is official: folds, a test part, or nothing.
        marker: A path inside the set by which a local copy is recognised.
        rows: Gives the rows of a local copy from its root.
        note: What a user should know.
    """

    name: str
    title: str
    url: str
    checksum: str | None
    size_mb: int
    licence: str
    split: str
    marker: str
    rows: Callable[[Path], Iterator[ManifestRow]]
    note: str = ""
