"""VocalSound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import first_of, need, read_json
from menura.errors import DatasetError
from menura.manifest import ManifestRow, path_inside

__all__ = ["VOCALSOUND"]

_LISTS = {"tr": "train", "val": "validation", "te": "test"}
_FOLDERS = ("audio_16k", "audio_44k", "data_44k")


def _rows(root: Path) -> Iterator[ManifestRow]:
    folder = first_of(root, _FOLDERS, what="its audio").name
    for stem, split in _LISTS.items():
        table = root / "datafiles" / f"{stem}.json"
        for entry in need(read_json(table, root), "data", table):
            name = PurePosixPath(need(entry, "wav", table)).name  # the list has the path of its author's machine
            parts = name.removesuffix(".wav").split("_")
            if len(parts) != 3:
                raise DatasetError(f"{table} lists {name!r}, expected a name such as f0003_0_cough.wav")
            yield ManifestRow(
                path=path_inside(root, f"{folder}/{name}"), labels=(parts[2],), split=split, group=parts[0],
                licence="CC-BY-SA-4.0",
            )  # fmt: skip


VOCALSOUND = PublicSet(
    name="vocalsound", title="21,024 laughs, sighs, coughs, sneezes and sniffs of 3,365 people, 6 labels",
    url="https://www.dropbox.com/s/c5ace70qh1vbyzb/vs_release_16k.zip?dl=1", checksum=None, size_mb=1700,
    licence="CC-BY-SA-4.0", split="train, validation and test lists, new speakers in each",
    layouts=(Layout("datafiles/tr.json", _rows),),
    note="The release of 16 kHz; a copy of that of 44.1 kHz is read as well. The lists hold 20,977 of the "
    "recordings.",
)  # fmt: skip
