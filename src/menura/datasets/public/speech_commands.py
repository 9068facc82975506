"""Speech Commands, second version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import read_lines, relative
from menura.manifest import ManifestRow

__all__ = ["SPEECH_COMMANDS"]


def _rows(root: Path) -> Iterator[ManifestRow]:
    listed = {
        role: set(read_lines(root / f"{stem}_list.txt", root))
        for role, stem in (("validation", "validation"), ("test", "testing"))
    }
    for path in sorted(root.glob("[a-z]*/*.wav")):
        name = f"{path.parent.name}/{path.name}"
        split = next((role for role, names in listed.items() if name in names), "train")
        speaker = path.stem.split("_nohash_")[0]
        yield ManifestRow(
            path=relative(root, path), labels=(path.parent.name,), split=split, group=speaker, licence="CC-BY-4.0"
        )


SPEECH_COMMANDS = PublicSet(
    name="speech_commands", title="105,829 spoken words of 1 s, 35 labels",
    url="https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
    checksum="sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58", size_mb=2429,
    licence="CC-BY-4.0", split="validation and test lists", layouts=(Layout("testing_list.txt", _rows),),
)  # fmt: skip
