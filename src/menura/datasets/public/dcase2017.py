"""DCASE 2017 task 4: weakly labelled sounds for smart cars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import audio_by_stem, listed_path, read_records
from menura.manifest import ManifestRow

__all__ = ["DCASE2017_TASK4"]

_TABLE = "groundtruth_weak_label_{part}_set.csv"
_FOLDERS = ("", "metadata/", "groundtruth_release/")
_SPLITS = {"training": "train", "testing": "validation", "evaluation": "test"}
_NAMES = ("file", "start", "end", "label")


def _rows(root: Path) -> Iterator[ManifestRow]:
    files = audio_by_stem(root)
    prefix = next(folder for folder in _FOLDERS if (root / folder / _TABLE.format(part="training")).is_file())
    has_evaluation = (root / prefix / _TABLE.format(part="evaluation")).is_file()
    for part, split in _SPLITS.items():
        if part == "evaluation" and not has_evaluation:
            continue
        labels: dict[str, list[str]] = {}
        lines: dict[str, int] = {}
        table = root / prefix / _TABLE.format(part=part)
        for line, (name, _, _, label, *_) in read_records(table, root, names=_NAMES, delimiter="\t"):
            labels.setdefault(name, []).append(label)
            lines.setdefault(name, line)
        for name, several in labels.items():
            stem = Path(name).stem if name.endswith(".wav") else name
            yield ManifestRow(
                path=listed_path(root, files, f"Y{stem}", stem), labels=tuple(dict.fromkeys(several)), line=lines[name],
                split=split if has_evaluation else split.replace("validation", "test"),
                group=stem.removeprefix("Y").rsplit("_", 2)[0],
            )  # fmt: skip


DCASE2017_TASK4 = PublicSet(
    name="dcase2017_task4", title="52,763 clips of 10 s of AudioSet, 17 labels of warnings and vehicles",
    url="https://github.com/ankitshah009/Task-4-Large-scale-weakly-supervised-sound-event-detection-for-smart-cars",
    checksum=None, size_mb=50_000, licence="labels CC-BY-4.0; recordings as on YouTube",
    split="training, testing and evaluation lists; testing validates where evaluation is there, else it tests",
    layouts=tuple(Layout(folder + _TABLE.format(part="training"), _rows) for folder in _FOLDERS), is_partial=True,
    note="Weak labels: what is heard anywhere in a clip. A group is a video. The 17 labels are read as published; "
    "Synthio splits those with a comma or slash into 19.",
    by_hand="fetch the lists groundtruth_weak_label_*_set.csv of the page into one folder, and below it the clips of "
    "the page's download links, named as in the lists with a Y in front (Y-5DNCQg8_cs_30.000_40.000.wav)",
)  # fmt: skip
