"""VIVAE, the Variably Intense Vocalizations of Affect and Emotion."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import audio_files, relative
from menura.errors import DatasetError
from menura.manifest import ManifestRow

__all__ = ["VIVAE"]


def _rows(root: Path, *, folder: str) -> Iterator[ManifestRow]:
    for path in audio_files(root / folder, "S*.wav"):
        parts = path.stem.split("_")
        if len(parts) != 4:
            raise DatasetError(f"{path} is none of VIVAE, expected a name such as S01_anger_low_01.wav")
        speaker = parts[0]
        yield ManifestRow(
            path=relative(root, path), labels=(parts[1],), fold=speaker, group=speaker, licence="CC-BY-NC-SA-4.0"
        )


VIVAE = PublicSet(
    name="vivae", title="1,085 cries of emotion without words of 11 speakers, 6 labels",
    url="https://zenodo.org/records/4066235/files/VIVAE.zip", checksum=None, size_mb=150, licence="CC-BY-NC-SA-4.0",
    split="11 folds: one speaker each",
    layouts=tuple(Layout(f"{folder}/S01_*_*_*.wav".removeprefix("./"), partial(_rows, folder=folder)) for folder in
                  ("full_set", ".")),
    note="The full set; its core set is part of it. Given the folder core_set alone, that is read.",
)  # fmt: skip
