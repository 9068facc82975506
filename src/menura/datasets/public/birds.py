"""Birds: the training recordings of BirdCLEF, and recordings of xeno-canto with their metadata."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import audio_by_stem, cc_name, need, read_json, read_table
from menura.errors import DatasetError
from menura.manifest import ManifestRow, path_inside

__all__ = ["BIRDCLEF", "BIRDCLEF_MULTILABEL", "XENO_CANTO"]

_TABLE = "train_metadata.csv"
_AUDIO = ("train_audio", "train_short_audio")
_NUMBER = re.compile(r"(\d+)$")


def _birdclef(root: Path, *, audio: str, with_secondary: bool) -> Iterator[ManifestRow]:
    for line, cells in read_table(root / _TABLE, root, columns=("primary_label", "filename")):
        label, name = cells["primary_label"], cells["filename"]
        place = name if "/" in name else f"{label}/{name}"
        others = _listed(cells.get("secondary_labels", ""), f"{root / _TABLE}: line {line}") if with_secondary else ()
        yield ManifestRow(
            path=path_inside(root, f"{audio}/{place}"), labels=tuple(dict.fromkeys((label, *others))), line=line,
            group=cells.get("author", "").strip() or None, licence=cc_name(cells.get("license")),
        )  # fmt: skip


def _listed(text: str, where: str) -> tuple[str, ...]:
    """The words of a list as Python writes it, such as ``['afrsil1', 'houspa']``."""
    try:
        words = ast.literal_eval(text) if text.strip() else []
    except (ValueError, SyntaxError):
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise DatasetError(f"{where}: secondary_labels is {text!r}, expected a list such as ['afrsil1', 'houspa']")
    return tuple(word for word in words if word)


def _xeno_canto(root: Path, *, tables: str) -> Iterator[ManifestRow]:
    files = {match.group(1): path for stem, path in audio_by_stem(root).items() if (match := _NUMBER.search(stem))}
    seen: set[str] = set()
    for table in sorted(root.glob(tables)):
        told = read_json(table, root)
        for facts in told.get("recordings", ()):
            number = str(need(facts, "id", table))
            if number in seen:
                continue
            seen.add(number)
            species = f"{need(facts, 'gen', table)} {need(facts, 'sp', table)}"
            yield ManifestRow(
                path=path_inside(root, files.get(number, f"XC{number}.mp3")), labels=(species,),
                group=facts.get("rec") or None, licence=cc_name(facts.get("lic")),
            )  # fmt: skip


def _is_answer(place: Path, *, tables: str) -> bool:
    first = min(place.glob(tables))
    with first.open(encoding="utf-8", errors="replace") as file:
        return '"recordings"' in file.read(100_000)


def _birdclef_layouts(*, with_secondary: bool) -> tuple[Layout, ...]:
    return tuple(
        Layout(_TABLE, partial(_birdclef, audio=audio, with_secondary=with_secondary), partial(_has, audio=audio))
        for audio in _AUDIO
    )


def _has(place: Path, *, audio: str) -> bool:
    return (place / audio).is_dir()


_WHAT = "recordings of birds and other animals of BirdCLEF"
_KAGGLE = (
    "join a BirdCLEF competition of 2021 or later on the page, take its data, and unpack them so that "
    "train_metadata.csv and train_audio/ (2021: train_short_audio/) stand in one folder"
)
_RARE = "Few species have hundreds of recordings and some have one: `--balance` and the recipe for rare labels help."

BIRDCLEF = PublicSet(
    name="birdclef", title=f"{_WHAT}, the species in front", url="https://www.kaggle.com/competitions?search=birdclef",
    checksum=None, size_mb=20_000, licence="of each recording", split="none",
    layouts=_birdclef_layouts(with_secondary=False), by_hand=_KAGGLE,
    note=f"A group is the recordist. {_RARE} What is heard behind: birdclef_multilabel.",
)  # fmt: skip
BIRDCLEF_MULTILABEL = PublicSet(
    name="birdclef_multilabel", title=f"{_WHAT}, all species that are heard",
    url="https://www.kaggle.com/competitions?search=birdclef", checksum=None, size_mb=20_000,
    licence="of each recording", split="none", layouts=_birdclef_layouts(with_secondary=True), by_hand=_KAGGLE,
    note=f"Secondary labels count as labels; recordists do not name all of them. A group is the recordist. {_RARE}",
)  # fmt: skip
XENO_CANTO = PublicSet(
    name="xeno_canto", title="recordings of xeno-canto with the answers of its API beside them",
    url="https://xeno-canto.org/explore/api", checksum=None, size_mb=0, licence="of each recording", split="none",
    layouts=tuple(
        Layout(tables, partial(_xeno_canto, tables=tables), partial(_is_answer, tables=tables))
        for tables in ("metadata/*/page*.json", "queries/*/page*.json", "page*.json")
    ),
    is_partial=True,
    note=f"The label is the scientific name, a group is the recordist. {_RARE} Without those answers a folder for each "
    "species is read as any folder is, without recordists and licences.",
    by_hand="keep the API's answers as metadata/QUERY/page1.json … and the recordings with their number at the end of "
    "the name (XC128013.mp3) below the same folder; the programs named xeno-canto do so",
)  # fmt: skip
