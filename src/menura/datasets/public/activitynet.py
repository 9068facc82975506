"""ActivityNet: the sound of whole videos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.record import Layout, PublicSet
from menura.datasets.public.tables import audio_by_stem, listed_path, need, read_json
from menura.manifest import ManifestRow

__all__ = ["ACTIVITYNET"]

_TABLE = "activity_net.v1-3.min.json"
_SPLITS = {"training": "train", "validation": "test"}


def _rows(root: Path) -> Iterator[ManifestRow]:
    files = audio_by_stem(root)
    table = root / _TABLE
    for video, facts in sorted(need(read_json(table, root), "database", table).items()):
        if need(facts, "subset", table) in _SPLITS:  # the labels of the third part are kept back
            labels = tuple(dict.fromkeys(one["label"] for one in facts["annotations"]))
            split = _SPLITS[facts["subset"]]
            yield ManifestRow(
                path=listed_path(root, files, f"v_{video}", video), labels=labels, split=split, group=video
            )


ACTIVITYNET = PublicSet(
    name="activitynet", title="the sound of 14,950 YouTube videos of up to some minutes, 200 activities",
    url="http://activity-net.org/download.html", checksum=None, size_mb=100_000,
    licence="recordings as on YouTube", split="training part, and the validation part for test",
    layouts=(Layout(_TABLE, _rows),), is_partial=True,
    note="Labels of the official test part are kept back, so that the official validation part tests. An activity "
    "fills a part of its video only; whole videos are read.",
    by_hand=f"fetch {_TABLE} of the page and the videos that it lists, and put their sound as v_ID.wav below it",
)  # fmt: skip
