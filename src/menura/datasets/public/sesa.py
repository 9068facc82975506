"""SESA, Sound Events for Surveillance Applications."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import audio_files, relative
from menura.manifest import ManifestRow

__all__ = ["SESA"]


def _rows(root: Path) -> Iterator[ManifestRow]:
    for split in ("train", "test"):
        for path in audio_files(root / split):
            label = path.stem.partition("_")[0]
            yield ManifestRow(path=relative(root, path), labels=(label,), split=split, licence="CC-BY-4.0")


SESA = PublicSet(
    name="sesa", title="585 gunshots, explosions, sirens and casual sounds of up to 33 s, 4 labels",
    url="https://zenodo.org/records/3519845/files/SESA.zip", checksum=None, size_mb=71, licence="CC-BY-4.0",
    split="train and test folders", layouts=(Layout("train/casual_*.wav", _rows),),
    note="Cut from recordings of Freesound that are not named: pieces of one may be in both parts, see `menura audit`.",
)  # fmt: skip
