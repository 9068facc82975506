"""GTZAN: all of it, and the split without its faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import audio_by_stem, audio_files, read_lines, relative
from menura.manifest import ManifestRow, path_inside

__all__ = ["GTZAN", "GTZAN_FILTERED"]

_FOLDERS = ("genres", "genres_original", ".")
_LISTS = {"train": "train_filtered.txt", "validation": "valid_filtered.txt", "test": "test_filtered.txt"}


def _rows(root: Path) -> Iterator[ManifestRow]:
    folder = next(root / name for name in _FOLDERS if (root / name / "blues").is_dir())
    for path in audio_files(folder, "*/*.*"):
        yield ManifestRow(path=relative(root, path), labels=(path.parent.name,))


def _filtered(root: Path) -> Iterator[ManifestRow]:
    files = audio_by_stem(root)
    for split, name in _LISTS.items():
        for line, text in enumerate(read_lines(root / name, root), start=1):
            stem = Path(text).stem
            genre = stem.partition(".")[0]
            path = path_inside(root, files.get(stem, f"genres/{genre}/{stem}.wav"))
            yield ManifestRow(path=path, labels=(genre,), line=line, split=split)


_WHAT = "excerpts of music of 30 s, 10 genres"
_URL, _MD5 = "http://opihi.cs.uvic.ca/sound/genres.tar.gz", "md5:5b3d6dddb579ab49814ab86dba69e7c7"
_HOST = "The official host no longer answers: use --url or --local."

GTZAN_FILTERED = PublicSet(
    name="gtzan_filtered", title=f"930 {_WHAT}: the split without repeated, distorted and mislabelled ones",
    url=_URL, checksum=_MD5, size_mb=1200, licence="unknown", split="train, validation and test lists",
    layouts=(Layout("train_filtered.txt", _filtered),),
    note="Faults after Sturm 2013, lists of Kereliuk et al. 2015 (443, 197 and 290 excerpts).",
    by_hand="put train_filtered.txt, valid_filtered.txt and test_filtered.txt (of Kereliuk, Sturm and Larsen 2015) "
    "beside the folder genres of a copy of gtzan",
)  # fmt: skip
GTZAN = PublicSet(
    name="gtzan", title=f"1,000 {_WHAT}", url=_URL, checksum=_MD5, size_mb=1200, licence="unknown", split="none",
    layouts=tuple(Layout(f"{folder}/blues/blues.00000.*".removeprefix("./"), _rows) for folder in _FOLDERS),
    note=f"{_HOST} Has repeated, distorted and mislabelled excerpts and no official split: gtzan_filtered is the "
    "published one without them. jazz.00054 cannot be decoded in some copies and is then left out with a finding.",
)  # fmt: skip
