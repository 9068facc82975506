"""The kept clips in another form: ``audiofolder``, WebDataset, CSV; on request with the real clips beside them."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from menura.audio import identify
from menura.errors import ConfigError, RunError
from menura.files import (
    disk_errors,
    flush_file,
    flush_folder,
    link_or_copy,
    remove_leftovers_of_the_dead,
    sha256_of,
    temporary_beside,
)
from menura.objects.address import refuse_address
from menura.pipeline.card import dataset_card
from menura.pipeline.export import (
    MANIFEST_NAME,
    METADATA_COLUMNS,
    METADATA_NAME,
    beside_first,
    kept_records,
    manifest_row,
    metadata_row,
    real_manifest_row,
)
from menura.pipeline.names import folder_names
from menura.pipeline.plan import real_clips
from menura.pipeline.reviewed import Reviewed
from menura.pipeline.run import Run
from menura.seeding import canonical_json

__all__ = ["FORMATS", "ExportFormat", "export_run"]

ExportFormat = Literal["audiofolder", "webdataset", "csv"]
FORMATS: tuple[ExportFormat, ...] = ("audiofolder", "webdataset", "csv")
_CLIPS_PER_TAR = 1000


@dataclass(frozen=True)
class _Item:
    source: Path
    row: dict[str, str]
    record: dict[str, Any]


def export_run(
    run: Run, *, to: ExportFormat, out: str | Path, include_real: bool = False, reviewed: Reviewed | None = None
) -> Path:
    """Write the kept clips of a finished run in another form.

    Args:
        run: The run.
        to: ``audiofolder`` (folder with ``metadata.csv``), ``webdataset`` (folder of tar files of 1000 clips), or
            ``csv`` (one file that points to the audio where it lies).
        out: Folder, or file for ``csv``; must not exist yet.
        include_real: Whether the real training clips come along.
        reviewed: What reviewers decided; None leaves it to the judges.

    Returns:
        What was written.

    Raises:
        ConfigError: The form is unknown, or cannot hold a label.
        RunError: The run is not finished, ``out`` exists, or the disk cannot be written.
    """
    writers = {"audiofolder": _write_audiofolder, "webdataset": _write_webdataset, "csv": _write_csv}
    if to not in writers:
        raise ConfigError(f"no export format {to!r}. Known: {', '.join(FORMATS)}")
    refuse_address(out)
    target = Path(out).absolute()
    if target.exists():
        raise RunError(f"{target} exists already; choose another name, or delete it")
    with disk_errors(str(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        writers[to](run, target, include_real, reviewed)
    return target


def _write_audiofolder(run: Run, target: Path, include_real: bool, reviewed: Reviewed | None) -> None:
    with beside_first(target) as folder:
        with (
            (folder / METADATA_NAME).open("w", encoding="utf-8", newline="") as metadata,
            (folder / MANIFEST_NAME).open("w", encoding="utf-8", newline="") as manifest,
        ):
            table = csv.writer(metadata, lineterminator="\n")
            table.writerow(METADATA_COLUMNS)
            for item in _items(run, include_real, reviewed):
                placed = folder / item.row["file_name"]
                placed.parent.mkdir(exist_ok=True)
                link_or_copy(item.source, placed)
                table.writerow(item.row.values())
                manifest.write(canonical_json(item.record) + "\n")
        digest = sha256_of(folder / MANIFEST_NAME)
        card = dataset_card(run, manifest_sha256=digest, with_real=include_real, reviewed=reviewed)
        (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")


def _write_webdataset(run: Run, target: Path, include_real: bool, reviewed: Reviewed | None) -> None:
    with beside_first(target) as folder:
        names: list[str] = []
        sink: tarfile.TarFile | None = None
        for count, item in enumerate(_items(run, include_real, reviewed)):
            if count % _CLIPS_PER_TAR == 0:
                if sink is not None:
                    sink.close()
                names.append(f"train-{count // _CLIPS_PER_TAR:06d}.tar")
                sink = tarfile.open(folder / names[-1], "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
            assert sink is not None
            key = f"{count:08d}"
            _add(sink, f"{key}{item.source.suffix.lower()}", item.source.read_bytes())
            _add(sink, f"{key}.cls.txt", item.row["label"].encode())
            _add(sink, f"{key}.json", canonical_json(_flat(item)).encode())
        if sink is not None:
            sink.close()
        card = dataset_card(run, manifest_sha256=None, with_real=include_real, patterns=["*.tar"], reviewed=reviewed)
        (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")


def _flat(item: _Item) -> dict[str, Any]:
    """The record of a clip with plain values only, as readers of WebDataset make columns of it."""
    columns: dict[str, Any] = {name: value for name, value in item.row.items() if name != "file_name"}
    columns |= {"duration_s": float(item.row["duration_s"]), "sample_rate": int(item.row["sample_rate"])}
    for name in ("provenance", "scores", "lineage"):
        if name in item.record:
            columns[name] = canonical_json(item.record[name])
    return {**columns, "sha256": item.record.get("sha256") or sha256_of(item.source)}


def _add(sink: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add bytes under a name, without clock, owner or anything else that differs from run to run."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    sink.addfile(info, io.BytesIO(data))


def _write_csv(run: Run, target: Path, include_real: bool, reviewed: Reviewed | None) -> None:
    remove_leftovers_of_the_dead(target.parent, target.name)
    beside = temporary_beside(target)
    try:
        with beside.open("w", encoding="utf-8", newline="") as sink:
            table = csv.writer(sink, lineterminator="\n")
            table.writerow(("path", *METADATA_COLUMNS[1:]))
            for item in _items(run, include_real, reviewed):
                _refuse_separator(item.record["labels"])
                table.writerow([str(item.source), *list(item.row.values())[1:]])
        flush_file(beside)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    flush_folder(target.parent)


def _refuse_separator(labels: Sequence[str]) -> None:
    """Refuse labels that whoever reads the cell would take for several.

    Raises:
        ConfigError: One holds a separator.
    """
    for label in labels:
        if ";" in label or "|" in label:
            raise ConfigError(
                f"label {label!r} holds ';' or '|', which separate labels in csv; export to audiofolder or webdataset"
            )


def _items(run: Run, include_real: bool, reviewed: Reviewed | None) -> Iterator[_Item]:
    run.bring(record for record, _ in (kept_records(run) if reviewed is None else reviewed.records(run)))
    for record, clip in kept_records(run) if reviewed is None else reviewed.records(run):
        row = metadata_row(record.label, clip, file_name=run.file_of(record))
        yield _Item(Path(clip.path), row, manifest_row(run, record, clip))
    if not include_real:
        return
    training = run.training
    folders = folder_names(training.labels)
    for label, clip in real_clips(training):
        source = Path(clip.path)
        if not source.is_file():
            raise RunError(
                f"real clip {source} is gone; put it back, or export without the real clips; if the "
                "dataset has moved, run the `menura augment` of the run again with its new place"
            )
        if identify(source)[1] != clip.id:
            raise RunError(
                f"real clip {source} holds other samples than when the run was made; put the old file back, or export "
                "without the real clips"
            )
        file_name = f"{folders[label]}/real-{clip.id}{source.suffix.lower()}"
        row = metadata_row(label, clip, file_name=file_name)
        yield _Item(source, row, real_manifest_row(clip, file_name=file_name))
