"""``RUN/dataset``: the kept clips as a folder that Hugging Face ``datasets`` and everything else can read."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from menura.files import (
    flush_folder,
    link_or_copy,
    move_into_place,
    remove_leftovers_of_the_dead,
    sha256_of,
    temporary_beside,
)
from menura.manifest import provenance_to_dict
from menura.pipeline.card import dataset_card
from menura.pipeline.run import ClipRecord, Run
from menura.seeding import canonical_json
from menura.types import Clip

__all__ = [
    "MANIFEST_NAME",
    "METADATA_COLUMNS",
    "METADATA_NAME",
    "beside_first",
    "dataset_is_whole",
    "export_dataset",
    "kept_records",
    "manifest_row",
    "metadata_row",
    "real_manifest_row",
]

METADATA_NAME = "metadata.csv"
MANIFEST_NAME = "manifest.jsonl"
METADATA_COLUMNS = (
    "file_name", "label", "labels", "origin", "clip_id", "request_id", "parents", "group", "licence", "duration_s",
    "sample_rate",
)  # fmt: skip


def export_dataset(run: Run, *, place: Callable[[ClipRecord, Path], None] | None = None) -> Path:
    """Write ``RUN/dataset`` from the judgements and the shards, whole or not at all.

    Audio is hard-linked where the file system can, so that it takes no space twice.

    Args:
        run: A run with judgements.
        place: Puts the audio of a kept record at a path; None links it from its shard.

    Returns:
        The folder.
    """
    target = run.path / "dataset"
    with beside_first(target) as folder:
        with _new_text(folder / METADATA_NAME) as metadata, _new_text(folder / MANIFEST_NAME) as manifest:
            table = csv.writer(metadata, lineterminator="\n")
            table.writerow(METADATA_COLUMNS)
            for record, clip in kept_records(run):
                (place or place_file)(record, folder / run.file_of(record))
                table.writerow(metadata_row(record.label, clip, file_name=run.file_of(record)).values())
                manifest.write(canonical_json(manifest_row(run, record, clip)) + "\n")
        card = dataset_card(run, manifest_sha256=sha256_of(folder / MANIFEST_NAME))
        (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")
    return target


@contextmanager
def beside_first(target: Path) -> Iterator[Path]:
    """A new folder that takes the place of ``target`` when everything in it is written."""
    remove_leftovers_of_the_dead(target.parent, target.name)
    folder = temporary_beside(target)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
        if target.is_dir():
            old = temporary_beside(target.with_name(f"{target.name}-old"))
            target.rename(old)
            move_into_place(folder, target)
            shutil.rmtree(old)
        else:
            move_into_place(folder, target)
        flush_folder(target.parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def kept_records(run: Run) -> Iterator[tuple[ClipRecord, Clip]]:
    """The kept records with their clips, in the order of :meth:`Run.records`."""
    for record in run.records():
        if record.judgement.accepted:
            yield record, run.clip_of(record)


def place_file(record: ClipRecord, target: Path) -> None:
    """Put the audio of a kept record at a path."""
    assert record.path is not None, "a kept record has audio"
    target.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(record.path, target)


def metadata_row(label: str, clip: Clip, *, file_name: str) -> dict[str, str]:
    """One row of ``metadata.csv``, for a synthetic clip or a real one."""
    request = clip.provenance.request if clip.provenance else None
    return {
        "file_name": file_name,
        "label": label,
        "labels": ";".join(clip.labels),
        "origin": clip.origin,
        "clip_id": clip.id,
        "request_id": request.id if request else "",
        "parents": ";".join(request.parents) if request else "",
        "group": clip.group or "",
        "licence": clip.licence or "",
        "duration_s": f"{clip.duration_s:.6f}",
        "sample_rate": str(clip.sample_rate),
    }


def manifest_row(run: Run, record: ClipRecord, clip: Clip) -> dict[str, Any]:
    """One line of ``manifest.jsonl``: the clip, how it was made, and what the judges said."""
    row = {
        "path": run.file_of(record),
        "labels": list(clip.labels),
        "id": clip.id,
        "request_id": record.request.id,
        "sha256": record.sha256,
        "origin": clip.origin,
        "split": clip.split,
        "group": clip.group,
        "fold": clip.fold,
        "licence": clip.licence,
        "duration_s": clip.duration_s,
        "sample_rate": clip.sample_rate,
        "channels": clip.channels,
        "scores": dict(record.judgement.scores),
        "facts": dict(record.facts),
        "provenance": provenance_to_dict(record.provenance),
        "lineage": [asdict(ancestor) for ancestor in record.lineage] or None,
    }
    return {name: value for name, value in row.items() if value is not None}


def real_manifest_row(clip: Clip, *, file_name: str) -> dict[str, Any]:
    """One line of ``manifest.jsonl`` for a real clip, which is a training clip wherever it came from."""
    row = {
        "path": file_name,
        "labels": list(clip.labels),
        "id": clip.id,
        "sha256": sha256_of(Path(clip.path)),
        "origin": clip.origin,
        "split": "train",
        "group": clip.group,
        "fold": clip.fold,
        "licence": clip.licence,
        "caption": clip.caption,
        "duration_s": clip.duration_s,
        "sample_rate": clip.sample_rate,
        "channels": clip.channels,
    }
    return {name: value for name, value in row.items() if value is not None}


def dataset_is_whole(run: Run) -> bool:
    """Whether ``RUN/dataset`` holds every kept clip with the bytes of its shard, and its three lists."""
    folder = run.path / "dataset"
    if not all((folder / name).is_file() for name in (METADATA_NAME, MANIFEST_NAME, "README.md")):
        return False
    return all(_same(record, folder / run.file_of(record)) for record, _ in kept_records(run))


def _same(record: ClipRecord, file: Path) -> bool:
    assert record.path is not None, "a kept record has audio"
    if not file.is_file():
        return False
    return file.samefile(record.path) or sha256_of(file) == record.sha256


@contextmanager
def _new_text(path: Path) -> Iterator[IO[str]]:
    with path.open("w", encoding="utf-8", newline="") as sink:
        yield sink
