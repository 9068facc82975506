"""NSynth: the family of the instrument."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.hear import hear_layout
from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import need, read_json
from menura.manifest import ManifestRow, path_inside

__all__ = ["NSYNTH", "NSYNTH_PITCH"]

_PARTS = {"nsynth-train": "train", "nsynth-valid": "validation", "nsynth-test": "test"}
_MARKERS = tuple(f"{part}/examples.json" for part in _PARTS)


def _rows(root: Path) -> Iterator[ManifestRow]:
    for part, split in _PARTS.items():
        if not (root / part).is_dir():
            continue  # a copy of some parts only
        table = root / part / "examples.json"
        for note, facts in read_json(table, root).items():
            family = str(need(facts, "instrument_family_str", table))
            yield ManifestRow(
                path=path_inside(root, f"{part}/audio/{note}.wav"), labels=(family,), split=split,
                group=str(need(facts, "instrument_str", table)), licence="CC-BY-4.0",
            )  # fmt: skip


def _instrument(stem: str) -> str | None:
    """``keyboard_acoustic_004`` of ``keyboard_acoustic_004-060-025``."""
    parts = stem.rsplit("-", 2)
    return parts[0] if len(parts) == 3 else None


NSYNTH = PublicSet(
    name="nsynth", title="305,979 single notes of 4 s, 11 families of instruments",
    url="https://magenta.withgoogle.com/datasets/nsynth", checksum=None, size_mb=23_000, licence="CC-BY-4.0",
    split="train, valid and test parts",
    layouts=tuple(Layout(marker, _rows) for marker in _MARKERS),
    note="A group is an instrument: none of the test part is in the training part. The family synth_lead is in the "
    "training part alone.",
    by_hand="unpack nsynth-train, nsynth-valid and nsynth-test (.jsonwav.tar.gz) of the page into one folder; some "
    "of the three are enough",
)  # fmt: skip
NSYNTH_PITCH = PublicSet(
    name="nsynth_pitch", title="5,000 single notes of 4 s, 88 pitches: the part of 5 h of HEAR",
    url="https://zenodo.org/records/5887964", checksum=None, size_mb=1600, licence="CC-BY-4.0",
    split="train, valid and test parts",
    layouts=(hear_layout("nsynth_pitch", licence="CC-BY-4.0", group=_instrument),),
    note="Labels are MIDI note numbers. A group is an instrument.",
    by_hand="unpack the archive of nsynth_pitch (5h) of HEAR's prepared tasks on the page",
)  # fmt: skip
