"""UrbanSound8K."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import read_table
from menura.manifest import ManifestRow, path_inside

__all__ = ["URBANSOUND8K"]


def _rows(root: Path) -> Iterator[ManifestRow]:
    table = root / "metadata" / "UrbanSound8K.csv"
    for line, cells in read_table(table, root, columns=("slice_file_name", "fsID", "fold", "class")):
        yield ManifestRow(
            path=path_inside(root, f"audio/fold{cells['fold']}/{cells['slice_file_name']}"), labels=(cells["class"],),
            line=line, fold=cells["fold"], group=cells["fsID"], licence="CC-BY-NC-4.0",
        )  # fmt: skip


URBANSOUND8K = PublicSet(
    name="urbansound8k", title="8,732 street sounds of up to 4 s, 10 labels",
    url="https://zenodo.org/records/1203745/files/UrbanSound8K.tar.gz",
    checksum="md5:9aa69802bbf37fb986f71ec1483a196e", size_mb=6023, licence="CC-BY-NC-4.0", split="10 folds",
    layouts=(Layout("metadata/UrbanSound8K.csv", _rows),),
)  # fmt: skip
