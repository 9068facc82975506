"""Medley-solos-DB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import first_of, read_table
from menura.manifest import ManifestRow, path_inside

__all__ = ["MEDLEY_SOLOS"]

_TABLE = "Medley-solos-DB_metadata.csv"
_COLUMNS = ("subset", "instrument", "instrument_id", "song_id", "uuid4")
_SPLITS = {"training": "train", "validation": "validation", "test": "test"}


def _rows(root: Path) -> Iterator[ManifestRow]:
    table = first_of(root, (_TABLE, f"annotation/{_TABLE}"), what="its metadata")
    folder = first_of(root, ("Medley-solos-DB", "audio/Medley-solos-DB", "audio", "."), what="its audio")
    for line, cells in read_table(table, root, columns=_COLUMNS):
        name = f"Medley-solos-DB_{cells['subset']}-{cells['instrument_id']}_{cells['uuid4']}.wav"
        yield ManifestRow(
            path=path_inside(root, str((folder / name).relative_to(root))), labels=(cells["instrument"],), line=line,
            split=_SPLITS.get(cells["subset"]), group=f"{cells['subset']}-{cells['song_id']}", licence="CC-BY-4.0",
        )  # fmt: skip


MEDLEY_SOLOS = PublicSet(
    name="medley_solos", title="21,571 clips of 3 s of single instruments, 8 labels",
    url="https://zenodo.org/records/3464194", checksum=None, size_mb=5800, licence="CC-BY-4.0",
    split="training, validation and test subsets",
    layouts=(Layout(_TABLE, _rows), Layout(f"annotation/{_TABLE}", _rows)),
    note="Training and validation clips are of MedleyDB, test clips of solosDB. Songs are numbered within a subset.",
    by_hand=f"unpack Medley-solos-DB.tar.gz of the page into a folder and put {_TABLE} of the page beside the WAV "
    "files or their folder",
)  # fmt: skip
