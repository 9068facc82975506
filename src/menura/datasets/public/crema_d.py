"""CREMA-D."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.hear import hear_layout
from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import audio_files, relative
from menura.errors import DatasetError
from menura.manifest import ManifestRow

__all__ = ["CREMA_D"]

_LABELS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}


def _rows(root: Path) -> Iterator[ManifestRow]:
    for path in audio_files(root / "AudioWAV", "*.wav"):
        parts = path.stem.split("_")
        if len(parts) != 4 or parts[2] not in _LABELS:
            raise DatasetError(f"{path} is none of CREMA-D, expected a name such as 1001_DFA_ANG_XX.wav")
        yield ManifestRow(path=relative(root, path), labels=(_LABELS[parts[2]],), group=parts[0], licence="ODbL-1.0")


CREMA_D = PublicSet(
    name="crema_d", title="7,442 spoken sentences of 91 actors, 6 emotions",
    url="https://github.com/CheyneyComputerScience/CREMA-D", checksum=None, size_mb=600, licence="ODbL-1.0",
    split="none, or the 5 folds of HEAR's copy",
    layouts=(Layout("AudioWAV/1001_*.wav", _rows), hear_layout("crema_d", licence="ODbL-1.0")),
    note="In the publisher's copy a group is an actor, and folds are made that keep actors together. The folds of "
    "HEAR's copy have every actor on both sides, so that copy is read without groups.",
    by_hand="git lfs clone the repository (a plain archive of it holds pointers instead of sound), or unpack the "
    "archive of crema_d of HEAR's prepared tasks (https://zenodo.org/records/5887964)",
)  # fmt: skip
