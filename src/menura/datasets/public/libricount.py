"""LibriCount."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from menura.datasets.public.hear import hear_layout
from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import audio_files, relative
from menura.manifest import ManifestRow

__all__ = ["LIBRICOUNT"]


def _rows(root: Path, *, folder: str) -> Iterator[ManifestRow]:
    for path in audio_files(root / folder, "*_*.wav"):
        yield ManifestRow(path=relative(root, path), labels=(path.stem.split("_")[0],), licence="CC-BY-4.0")


def _has_annotations(place: Path) -> bool:
    """Each clip has a file of who speaks when; other folders named test with numbered files have not."""
    return any(path.with_suffix(".wav").exists() for path in place.glob("**/10_*.json"))


LIBRICOUNT = PublicSet(
    name="libricount", title="5,720 clips of 5 s of 0 to 10 people who speak at once, 11 labels",
    url="https://zenodo.org/records/1216072/files/LibriCount10-0dB.zip", checksum=None, size_mb=900,
    licence="CC-BY-4.0", split="none, or the 5 folds of HEAR's copy",
    layouts=(
        Layout("test/10_*.wav", partial(_rows, folder="test"), _has_annotations),
        Layout("10_*.wav", partial(_rows, folder="."), _has_annotations),
        hear_layout("libricount", licence="CC-BY-4.0"),
    ),
    note="Only the part that its publisher calls test can be had. A label is the number of people. Clips mix several "
    "speakers, so that there are no groups.",
)  # fmt: skip
