"""FSD50K."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import cc_name, read_json, read_table
from menura.errors import DatasetError
from menura.manifest import ManifestRow, path_inside

__all__ = ["FSD50K"]

_OFFICIAL = {
    "table": "FSD50K.ground_truth/{part}.csv",
    "audio": "FSD50K.{part}_audio/{name}.wav",
    "facts": "FSD50K.metadata/{part}_clips_info_FSD50K.json",
}
_PLAIN = {
    "table": "labels/{part}.csv",
    "audio": "clips/{part}/{name}.wav",
    "facts": "metadata/{part}_clips_info_FSD50K.json",
}
_SPLITS = {"train": "train", "val": "validation"}


def _rows(root: Path, *, where: dict[str, str]) -> Iterator[ManifestRow]:
    for part in ("dev", "eval"):
        columns = ("fname", "labels", "split") if part == "dev" else ("fname", "labels")
        facts_file = root / where["facts"].format(part=part)
        facts = read_json(facts_file, root)
        for line, cells in read_table(root / where["table"].format(part=part), root, columns=columns):
            name = cells["fname"]
            if name not in facts:
                raise DatasetError(f"{facts_file} says nothing of clip {name}; unpack FSD50K.metadata.zip again")
            yield ManifestRow(
                path=path_inside(root, where["audio"].format(part=part, name=name)),
                labels=tuple(cells["labels"].split(",")), line=line,
                split="test" if part == "eval" else _SPLITS.get(cells["split"]),
                group=facts[name].get("uploader"), licence=cc_name(facts[name].get("license")),
            )  # fmt: skip


FSD50K = PublicSet(
    name="fsd50k", title="51,197 sounds of Freesound, 200 labels, several a clip",
    url="https://zenodo.org/records/4060432", checksum=None, size_mb=26_000, licence="CC-BY-4.0",
    split="train and val clips of dev, eval clips for test",
    layouts=tuple(Layout(where["table"].format(part="dev"), partial(_rows, where=where)) for where in
                  (_OFFICIAL, _PLAIN)),
    note="Labels are complete upwards (Bark, Dog, Animal). Each clip has its own licence (CC0, CC-BY, CC-BY-NC, CC "
    "Sampling+) and its uploader as the group, both of FSD50K.metadata.",
    by_hand="join and unpack the split archives of dev_audio and eval_audio of the page (zip -s 0), and "
    "FSD50K.ground_truth.zip and FSD50K.metadata.zip beside them",
)  # fmt: skip
