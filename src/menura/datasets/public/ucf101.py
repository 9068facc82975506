"""UCF101: the sound of the 20 actions that SynthAudio trains on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import audio_by_stem, listed_path, read_lines
from menura.errors import DatasetError
from menura.manifest import ManifestRow

__all__ = ["UCF101", "UCF101_SPLIT2", "UCF101_SPLIT3"]

_ACTIONS = frozenset((
    "BandMarching", "BasketballDunk", "BlowDryHair", "BlowingCandles", "Bowling", "BoxingPunchingBag", "BrushingTeeth",
    "CuttingInKitchen", "Haircut", "Hammering", "Knitting", "PlayingCello", "PlayingDhol", "PlayingFlute",
    "PlayingSitar", "ShavingBeard", "SoccerPenalty", "TableTennisShot", "Typing", "WritingOnBoard",
))  # fmt: skip
_NAME = re.compile(r"v_([A-Za-z]+)_g(\d\d)_c\d\d")
_LISTS = "ucfTrainTestlist"


def _rows(root: Path, *, number: int, folder: str) -> Iterator[ManifestRow]:
    files = audio_by_stem(root)
    for split in ("train", "test"):
        table = root / folder / f"{split}list{number:02d}.txt"
        for line, text in enumerate(read_lines(table, root), start=1):
            stem = PurePosixPath(text.split()[0]).stem
            match = _NAME.fullmatch(stem)
            if match is None:
                raise DatasetError(f"{table}: line {line} is {text!r}, expected Action/v_Action_g01_c01.avi")
            action, group = match.groups()
            if action in _ACTIONS:
                path = listed_path(root, files, stem)
                yield ManifestRow(path=path, labels=(action,), line=line, split=split, group=f"{action}_g{group}")


def _split(name: str, number: int) -> PublicSet:
    return PublicSet(
        name=name, title=f"the sound of 20 actions of UCF101, split {number}",
        url="https://www.crcv.ucf.edu/data/UCF101.php", checksum=None, size_mb=6900, licence="unknown",
        split=f"train and test list {number} of 3",
        layouts=tuple(
            Layout(f"{folder}trainlist{number:02d}.txt", partial(_rows, number=number, folder=folder))
            for folder in (f"{_LISTS}/", "")
        ),
        note="A group is one of the 25 recordings g01 to g25 of an action; the three official splits hold out others, "
        "each with its own name here: ucf101, ucf101_split2, ucf101_split3. Half of the 101 actions have no sound.",
        by_hand="unpack UCF101.rar and UCF101TrainTestSplits-RecognitionTask.zip of the page into one folder and take "
        "the sound of each video: ffmpeg -i v_Typing_g01_c01.avi -vn v_Typing_g01_c01.wav",
        is_partial=True,
    )  # fmt: skip


UCF101 = _split("ucf101", 1)
UCF101_SPLIT2 = _split("ucf101_split2", 2)
UCF101_SPLIT3 = _split("ucf101_split3", 3)
