"""GTZAN."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import PublicSet
from menura.manifest import ManifestRow

__all__ = ["GTZAN"]


def _rows(root: Path) -> Iterator[ManifestRow]:
    for path in sorted((root / "genres").glob("*/*.*")):
        if path.suffix in (".au", ".wav"):
            yield ManifestRow(path=str(path), labels=(path.parent.name,))


GTZAN = PublicSet(
    name="gtzan", title="1,000 excerpts of music of 30 s, 10 genres",
    url="http://opihi.cs.uvic.ca/sound/genres.tar.gz", checksum="md5:5b3d6dddb579ab49814ab86dba69e7c7",
    size_mb=1200, licence="unknown", split="none", marker="genres/blues", rows=_rows,
    note="The official host no longer answers: use --url or --local. Has repeated and distorted excerpts.",
)  # fmt: skip
