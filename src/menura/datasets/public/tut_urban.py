"""TUT Urban Acoustic Scenes 2018, the development part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import read_lines, read_table
from menura.manifest import ManifestRow, path_inside

__all__ = ["TUT_URBAN_2018"]

_COLUMNS = ("filename", "scene_label", "identifier")
_LICENCE = "TUT academic, non-commercial"


def _rows(root: Path) -> Iterator[ManifestRow]:
    setup = root / "evaluation_setup"
    listed = {
        split: {line.split("\t")[0] for line in read_lines(setup / name, root)}
        for split, name in (("train", "fold1_train.txt"), ("test", "fold1_evaluate.txt"))
    }
    for line, cells in read_table(root / "meta.csv", root, columns=_COLUMNS, delimiter="\t"):
        split = next((split for split, names in listed.items() if cells["filename"] in names), None)
        yield ManifestRow(
            path=path_inside(root, cells["filename"]), labels=(cells["scene_label"],), line=line, split=split,
            group=cells["identifier"], licence=_LICENCE,
        )  # fmt: skip


def _is_2018(place: Path) -> bool:
    """The marker alone would fit many folders; later years have lists with a header, named .csv."""
    setup = place / "evaluation_setup"
    return setup.is_dir() and not any(setup.glob("*.csv"))


TUT_URBAN_2018 = PublicSet(
    name="tut_urban_2018", title="8,640 acoustic scenes of 10 s in six cities, 10 labels",
    url="https://zenodo.org/records/1228142", checksum=None, size_mb=23_000, licence=_LICENCE,
    split="train and test lists of the evaluation set-up",
    layouts=(Layout("meta.csv", _rows, _is_2018),),
    note="A group is a place in a city; the official test clips are of other places. The parts of the challenge whose "
    "labels were kept back are not read.",
    by_hand="unpack the 13 audio archives and the meta archive of the page into one folder, so that meta.csv, "
    "evaluation_setup/ and audio/ stand beside each other",
)  # fmt: skip
