"""MUSDB18: the stem as the label."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import relative
from menura.errors import DatasetError
from menura.manifest import ManifestRow

__all__ = ["MUSDB18"]

_STEMS = ("mixture", "drums", "bass", "other", "vocals")
_VALIDATION = frozenset((
    "ANiMAL - Rockshow", "Actions - One Minute Smile", "Alexander Ross - Goodbye Bolero",
    "Clara Berry And Wooldog - Waltz For My Victims", "Fergessen - Nos Palpitants", "James May - On The Line",
    "Johnny Lokke - Promises & Lies", "Leaf - Summerghost", "Meaxic - Take A Step",
    "Patrick Talbot - A Reason To Leave", "Skelpolu - Human Mistakes", "Traffic Experiment - Sirens",
    "Triviul - Angelsaint", "Young Griffo - Pennies",
))  # fmt: skip
"""The 14 tracks of the train folder that its publishers set aside for validation."""
_LICENCE = "academic use only"
_DECODE = "decode them with ffmpeg or take the uncompressed release MUSDB18-HQ (train/TRACK/drums.wav …)"


def _rows(root: Path) -> Iterator[ManifestRow]:
    for part in ("train", "test"):
        for track in sorted(entry for entry in (root / part).glob("*") if entry.is_dir()):
            split = "validation" if part == "train" and track.name in _VALIDATION else part
            for path in sorted(track.glob("*.wav")):
                if path.stem in _STEMS:
                    yield ManifestRow(
                        path=relative(root, path), labels=(path.stem,), split=split, group=track.name, licence=_LICENCE
                    )


def _stem_files(root: Path) -> Iterator[ManifestRow]:
    raise DatasetError(f"{root} holds MUSDB18 as .stem.mp4 files, whose five streams cannot be decoded here; {_DECODE}")


MUSDB18 = PublicSet(
    name="musdb18", title="150 whole tracks as mixture, drums, bass, vocals and other: 750 recordings, 5 labels",
    url="https://zenodo.org/records/3338373/files/musdb18hq.zip", checksum=None, size_mb=22_700,
    licence=_LICENCE, split="train, validation and test tracks",
    layouts=(Layout("train/*/vocals.wav", _rows), Layout("train/*.stem.mp4", _stem_files)),
    note="The release MUSDB18-HQ. The stem is the label and the track the group, so that no track is in two parts. "
    "Most are under CC BY-NC-SA. Recordings are whole tracks of minutes: cut them, and a stem may be silent for long.",
)  # fmt: skip
