"""IEMOCAP with the four labels that papers compare on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import read_lines
from menura.errors import DatasetError
from menura.manifest import ManifestRow, path_inside

__all__ = ["IEMOCAP"]

_LABELS = {"neu": "neutral", "sad": "sad", "ang": "angry", "hap": "happy", "exc": "happy"}
_TURN = re.compile(r"\[[\d.]+ - [\d.]+\]\t(Ses(\d\d)[FM]_\w+_([FM])\d+)\t(\w+)\b")
_LICENCE = "research, by signed agreement"
_EVALUATION = "dialog/EmoEvaluation"


def _rows(root: Path) -> Iterator[ManifestRow]:
    sessions = sorted(root.glob("Session[1-5]"))
    for session in sessions:
        tables = sorted(path for path in (session / _EVALUATION).glob("Ses*.txt"))
        if not tables:
            raise DatasetError(f"{root} lacks {session.name}/{_EVALUATION}/Ses*.txt; unpack the official archive again")
        for table in tables:
            for line, text in enumerate(read_lines(table, root), start=1):
                match = _TURN.match(text)
                if match and match.group(4) in _LABELS:
                    turn, number, gender, emotion = match.groups()
                    path = f"{session.name}/sentences/wav/{table.stem}/{turn}.wav"
                    yield ManifestRow(
                        path=path_inside(root, path), labels=(_LABELS[emotion],), line=line,
                        fold=session.name.removeprefix("Session"), group=f"Ses{number}_{gender}", licence=_LICENCE,
                    )  # fmt: skip


IEMOCAP = PublicSet(
    name="iemocap", title="5,531 spoken turns of 10 actors, 4 labels: angry, happy with excited, neutral, sad",
    url="https://sail.usc.edu/iemocap/", checksum=None, size_mb=12_000, licence=_LICENCE,
    split="5 folds: a session of two actors each",
    layouts=(Layout("Session1/dialog/EmoEvaluation", _rows),),
    note="Turns with other labels, or on which the raters did not agree, are left out, as is usual.",
    by_hand="sign the release form on the page, and unpack what its authors send, so that Session1 to Session5 stand "
    "in one folder",
)  # fmt: skip
