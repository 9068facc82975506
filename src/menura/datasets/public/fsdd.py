"""Free Spoken Digit Dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import relative
from menura.manifest import ManifestRow

__all__ = ["FSDD"]


def _rows(root: Path) -> Iterator[ManifestRow]:
    for path in sorted((root / "recordings").glob("*.wav")):
        digit, speaker, index = path.stem.split("_")
        yield ManifestRow(
            path=relative(root, path), labels=(digit,), group=speaker, split="test" if int(index) < 5 else "train",
            licence="CC-BY-SA-4.0",
        )  # fmt: skip


FSDD = PublicSet(
    name="fsdd", title="3,000 spoken digits of 6 speakers at 8 kHz",
    url="https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.zip", checksum=None,
    size_mb=16, licence="CC-BY-SA-4.0", split="test part: take 0-4 of every speaker",
    layouts=(Layout("recordings/0_jackson_0.wav", _rows),),
    note="All speakers are on both sides of the official split; `--folds groups` leaves one speaker out.",
)  # fmt: skip
