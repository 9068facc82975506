"""Vocal Imitation Set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from menura.datasets.public.hear import hear_layout
from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import read_table
from menura.manifest import ManifestRow, path_inside

__all__ = ["VOCAL_IMITATION"]

_TABLE = "vocal_imitations.txt"
_DEPTHS = tuple(f"category_d{depth}" for depth in range(1, 7))
_COLUMNS = ("imitation_filename", "category_id", *_DEPTHS, "included", "participant_id")


def _rows(root: Path) -> Iterator[ManifestRow]:
    table = [
        (line, cells)
        for line, cells in read_table(root / _TABLE, root, columns=_COLUMNS, delimiter="\t")
        if cells["included"].strip().lower() in ("true", "1")
    ]
    names = _class_names([cells for _, cells in table])
    for line, cells in table:
        yield ManifestRow(
            path=path_inside(root, f"vocal_imitations/included/{cells['imitation_filename']}"),
            labels=(names[cells["category_id"]],), line=line, group=cells["participant_id"] or None,
            licence="CC-BY-4.0",
        )  # fmt: skip


def _class_names(rows: list[dict[str, str]]) -> dict[str, str]:
    """Id of a class to its deepest name in the ontology, with the name above it where two classes share one."""
    of_name: dict[str, set[str]] = defaultdict(set)
    for cells in rows:
        of_name[_path(cells)[-1]].add(cells["category_id"])
    return {
        cells["category_id"]: ", ".join(reversed(_path(cells)[-2:]))
        if len(of_name[_path(cells)[-1]]) > 1
        else _path(cells)[-1]
        for cells in rows
    }


def _path(cells: Mapping[str, str]) -> list[str]:
    return [name for depth in _DEPTHS if (name := cells[depth].strip())] or [cells["category_id"]]


VOCAL_IMITATION = PublicSet(
    name="vocal_imitation", title="5,601 imitations of sounds by voice, 302 labels",
    url="https://zenodo.org/records/1340763/files/VocalImitationSet_v1.1.3.zip", checksum=None, size_mb=7600,
    licence="CC-BY-4.0", split="none, or the 3 folds of HEAR's copy",
    layouts=(Layout(_TABLE, _rows), hear_layout("vocal_imitation", licence="CC-BY-4.0")),
    note="In the publisher's copy a group is the person who imitates, and the imitations that its raters accepted are "
    "read. The folds of HEAR's copy (https://zenodo.org/records/5887964) have people on both sides, so that copy is "
    "read without groups; its labels are the names of the imitated files.",
)  # fmt: skip
