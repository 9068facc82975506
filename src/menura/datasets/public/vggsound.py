"""VGGSound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import audio_by_stem, listed_path, read_records
from menura.errors import DatasetError
from menura.manifest import ManifestRow

__all__ = ["VGGSOUND"]

_TABLE = "vggsound.csv"
_NAMES = ("YouTube id", "start in seconds", "label", "train or test")


def _rows(root: Path) -> Iterator[ManifestRow]:
    files = audio_by_stem(root)
    for line, (video, start, label, split, *_) in read_records(root / _TABLE, root, names=_NAMES, delimiter=","):
        if split not in ("train", "test") or not start.isdigit():
            raise DatasetError(f"{root / _TABLE}: line {line} has not {', '.join(_NAMES)}")
        stems = (f"{video}_{int(start):06d}", f"{video}_{int(start)}", video)
        yield ManifestRow(path=listed_path(root, files, *stems), labels=(label,), line=line, split=split, group=video)


VGGSOUND = PublicSet(
    name="vggsound", title="about 200,000 clips of 10 s of YouTube videos, 309 labels",
    url="https://www.robots.ox.ac.uk/~vgg/data/vggsound/", checksum=None, size_mb=300_000,
    licence="labels CC-BY-4.0; recordings as on YouTube", split="train and test lists",
    layouts=(Layout(_TABLE, _rows),), is_partial=True,
    note="One clip a video. Videos vanish, so that no two copies are alike.",
    by_hand="fetch vggsound.csv of the page and the videos that it lists, take 10 s of sound from each start, and "
    "name them ID_START.wav with START of six digits (such as --0PQM4-hqg_000030.wav) below the folder of the list",
)  # fmt: skip
