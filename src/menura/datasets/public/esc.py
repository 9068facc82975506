"""ESC-50 and its part under a freer licence, ESC-10."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import read_table
from menura.manifest import ManifestRow, path_inside

__all__ = ["ESC10", "ESC50"]

_URL = "https://github.com/karolpiczak/ESC-50/archive/master.zip"


def _rows(root: Path, *, only_esc10: bool) -> Iterator[ManifestRow]:
    table = root / "meta" / "esc50.csv"
    for line, cells in read_table(table, root, columns=("filename", "fold", "category", "esc10", "src_file")):
        is_esc10 = cells["esc10"] == "True"
        if is_esc10 or not only_esc10:
            yield ManifestRow(
                path=path_inside(root, f"audio/{cells['filename']}"), labels=(cells["category"],), line=line,
                fold=cells["fold"], group=cells["src_file"],
                licence="CC-BY-3.0" if is_esc10 else "CC-BY-NC-3.0",
            )  # fmt: skip


def _esc50(root: Path) -> Iterator[ManifestRow]:
    return _rows(root, only_esc10=False)


def _esc10(root: Path) -> Iterator[ManifestRow]:
    return _rows(root, only_esc10=True)


ESC50 = PublicSet(
    name="esc50", title="2,000 environmental sounds of 5 s, 50 labels", url=_URL, checksum=None,
    size_mb=616, licence="CC-BY-NC-3.0", split="5 folds", layouts=(Layout("meta/esc50.csv", _esc50),),
    note="The amount of digital silence differs by label: `menura audit` shows how much that alone gives away.",
)  # fmt: skip
ESC10 = PublicSet(
    name="esc10", title="the 400 clips of ESC-50 under CC BY, 10 labels", url=_URL, checksum=None,
    size_mb=616, licence="CC-BY-3.0", split="5 folds", layouts=(Layout("meta/esc50.csv", _esc10),),
    note="Read from a copy of ESC-50.",
)  # fmt: skip
