"""Manifests: one clip a row, as CSV, TSV, JSON lines or Parquet.

Paths in a manifest are relative to the folder that holds it. A row that cannot be used is refused with its line.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from menura.errors import DatasetError
from menura.seeding import canonical_json
from menura.tables import MANIFEST_SUFFIXES, json_object, read_cells, write_cells
from menura.types import Clip, Origin, Provenance, Request

__all__ = [
    "COLUMNS",
    "MANIFEST_SUFFIXES",
    "ManifestRow",
    "clip_to_row",
    "path_inside",
    "provenance_from_dict",
    "provenance_to_dict",
    "read_manifest",
    "read_rows",
    "row_to_clip",
    "write_manifest",
]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": ("path", "file_name", "filename", "audio", "file", "filepath", "file_path", "audio_path"),
    "labels": ("labels", "label", "category", "class", "class_name"),
    "fold": ("fold",),
    "split": ("split", "partition"),
    "group": ("group", "speaker", "speaker_id", "source", "source_id", "src_file", "subject"),
    "licence": ("licence", "license"),
    "caption": ("caption", "description"),
    "origin": ("origin",),
    "provenance": ("provenance",),
}
"""Meaning to the names under which a column is known; the first one that a file has counts."""

_WRITTEN = (
    "path", "labels", "id", "duration_s", "sample_rate", "channels", "caption", "group", "fold", "split", "licence",
    "origin", "provenance",
)  # fmt: skip
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One row of a manifest, before anyone has looked at the audio.

    Attributes:
        path: Absolute path of the audio file, inside the dataset.
        labels: Labels as published; empty when the row has none.
        line: Line in the file, 1 for the first one.
        fold, split, group, licence, caption: As published; None when the cell is empty or the column is missing.
        origin: Real or synthetic.
        provenance: How a synthetic clip was made.
    """

    path: str
    labels: tuple[str, ...] = ()
    line: int = 0
    fold: str | None = None
    split: str | None = None
    group: str | None = None
    licence: str | None = None
    caption: str | None = None
    origin: Origin = "real"
    provenance: Provenance | None = None


def read_rows(manifest: str | Path, *, root: str | Path | None = None, need_labels: bool = True) -> list[ManifestRow]:
    """All rows of a manifest, in its order.

    Several labels stand in one cell as a list (JSON lines, Parquet) or are separated by ``;`` or ``|`` (CSV, TSV).

    Args:
        manifest: File with a suffix of :data:`MANIFEST_SUFFIXES`.
        root: Folder that the paths are relative to, and may not leave; the manifest's own folder when None.
        need_labels: Whether a file without a column of labels is refused.

    Raises:
        DatasetError: The file cannot be read, lacks a column, or rows are wrong; the message names their lines.
    """
    manifest = Path(manifest)
    folder = Path(root) if root is not None else manifest.parent
    rows: list[ManifestRow] = []
    problems: list[str] = []
    lines_of: dict[str, int] = {}
    columns_of: dict[tuple[str, ...], dict[str, str]] = {}  # rows of JSON lines leave out what is empty
    for line, cells in read_cells(manifest):
        names = tuple(cells)
        if (columns := columns_of.get(names)) is None:
            columns = columns_of[names] = _find_columns(manifest, names, need_labels=need_labels)
        try:
            row = _row(cells, columns, folder=folder, line=line, split_text=manifest.suffix.lower() in (".csv", ".tsv"))
        except DatasetError as error:
            problems.append(f"line {line}: {error}")
            continue
        if row.path in lines_of:
            problems.append(
                f"line {line}: lists {row.path} again (first in line {lines_of[row.path]}); join its rows, or cut the "
                "file where they name parts of it"
            )
        lines_of.setdefault(row.path, line)
        rows.append(row)
    if problems:
        more = f" (and {len(problems) - _SHOWN_PROBLEMS} more)" if len(problems) > _SHOWN_PROBLEMS else ""
        raise DatasetError(f"{manifest}: " + "; ".join(problems[:_SHOWN_PROBLEMS]) + more)
    if not rows:
        raise DatasetError(f"{manifest} lists no clips, expected a header and one row for each clip")
    return rows


def write_manifest(clips: Iterable[Clip], manifest: str | Path) -> None:
    """Write clips as CSV, TSV, JSON lines or Parquet, by the suffix; equal clips give equal bytes.

    The file is written beside and renamed. Provenance is nested in JSON lines and JSON text in the other formats.

    Raises:
        DatasetError: The suffix is unknown, a clip lies outside the manifest's folder, or a label holds a separator.
    """
    manifest = Path(manifest)
    rows = [clip_to_row(clip, manifest.parent) for clip in clips]
    write_cells(rows, _WRITTEN, manifest)


def read_manifest(manifest: str | Path) -> tuple[Clip, ...]:
    """The clips of a manifest that :func:`write_manifest` wrote, without looking at the audio.

    Raises:
        DatasetError: The file cannot be read or a row lacks the id, duration or rate of its clip. Foreign manifests
            are read by :func:`menura.datasets.load`, which measures them.
    """
    manifest = Path(manifest)
    clips: list[Clip] = []
    for line, cells in read_cells(manifest):
        try:
            clips.append(row_to_clip(cells, manifest.parent))
        except DatasetError as error:
            raise DatasetError(f"{manifest}: line {line}: {error}") from error
    return tuple(clips)


def clip_to_row(clip: Clip, root: str | Path) -> dict[str, Any]:
    """A clip as a JSON object: path relative to ``root`` with forward slashes, empty fields left out.

    Raises:
        DatasetError: The clip lies outside ``root``.
    """
    inside = Path(path_inside(root, clip.path)).relative_to(Path(os.path.abspath(root)))
    values = {name: getattr(clip, name) for name in _WRITTEN}
    values |= {"path": inside.as_posix(), "labels": list(clip.labels)}
    values["provenance"] = provenance_to_dict(clip.provenance) if clip.provenance else None
    return {name: value for name, value in values.items() if value is not None}


def row_to_clip(cells: Mapping[str, Any], root: str | Path) -> Clip:
    """Inverse of :func:`clip_to_row`.

    Raises:
        DatasetError: A field is missing or impossible.
    """
    lacking = [name for name in ("path", "labels", "id", "duration_s", "sample_rate") if not cells.get(name)]
    if lacking:
        raise DatasetError(
            f"lacks {', '.join(lacking)}; read a manifest that Menura did not write with menura.datasets.load"
        )
    columns = {name: name for name in COLUMNS if name in cells}
    row = _row(cells, columns, folder=Path(root), line=0, split_text=isinstance(cells["labels"], str))
    try:
        duration_s, rate, channels = float(cells["duration_s"]), int(cells["sample_rate"]), int(cells["channels"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DatasetError(f"duration_s, sample_rate or channels is not a number ({error})") from error
    if not (math.isfinite(duration_s) and duration_s > 0 and rate > 0 and channels > 0):
        raise DatasetError(
            f"duration_s, sample_rate, channels are {duration_s}, {rate}, {channels}; expected more than 0"
        )
    return Clip(
        str(cells["id"]), row.path, row.labels, duration_s, rate, channels, row.caption, row.group, row.fold,
        row.split, row.licence, row.origin, row.provenance,
    )  # fmt: skip


def path_inside(root: str | Path, text: str) -> str:
    """Absolute path of a file that is named relative to ``root``, or absolutely but inside it.

    Raises:
        DatasetError: The path leaves ``root``, by ``..``, as an absolute path, or through a link.
    """
    top = os.path.abspath(root)
    try:
        path = os.path.abspath(os.path.join(top, text))
        if "\\" in text and not os.path.exists(path):
            path = os.path.abspath(os.path.join(top, text.replace("\\", "/")))
        if not text.isascii() and not os.path.exists(path):
            path = _as_on_disk(top, text) or path
        real, real_top = os.path.realpath(path), os.path.realpath(top)
    except ValueError as error:
        raise DatasetError(f"path {text!r} is not a file name ({error})") from error
    if not Path(path).is_relative_to(top) or not Path(real).is_relative_to(real_top) or real == real_top:
        raise DatasetError(
            f"path {text!r} leaves the dataset's folder {top}; keep the manifest in the folder that holds the audio"
        )
    return path


def _as_on_disk(top: str, text: str) -> str | None:
    """The path with each accent as one sign or as two, whichever is there: macOS and others differ in that."""
    paths = (os.path.abspath(os.path.join(top, unicodedata.normalize(form, text))) for form in ("NFC", "NFD"))
    return next((path for path in paths if os.path.exists(path)), None)


def provenance_to_dict(provenance: Provenance) -> dict[str, Any]:
    """Provenance as a JSON object."""
    return dict(json.loads(canonical_json(provenance)))


def provenance_from_dict(values: Mapping[str, Any]) -> Provenance:
    """Inverse of :func:`provenance_to_dict`.

    Raises:
        DatasetError: A field is unknown, missing or of the wrong kind.
    """
    try:
        asked = dict(values["request"])
        for name in ("labels", "parents", "seed_key"):
            asked[name] = tuple(asked[name])
        rest = {name: value for name, value in values.items() if name != "request"}
        rest["parent_licences"] = tuple(rest.get("parent_licences", ()))
        return Provenance(request=Request(**asked), **rest)
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"provenance cannot be read ({error})") from error


def _row(
    cells: Mapping[str, Any], columns: Mapping[str, str], *, folder: Path, line: int, split_text: bool
) -> ManifestRow:
    values = {meaning: cells.get(name) for meaning, name in columns.items()}
    path = values.get("path")
    if not isinstance(path, str) or not path.strip():
        found = type(path).__name__ if path else "nothing"
        raise DatasetError(f"column {columns['path']!r} holds {found}, expected the path of an audio file")
    origin = _text(values.get("origin")) or "real"
    if origin not in ("real", "synthetic"):
        raise DatasetError(f"origin is {origin!r}, expected 'real' or 'synthetic'")
    made = values.get("provenance")
    if isinstance(made, str) and made.strip():
        made = json_object(made)
    return ManifestRow(
        path=path_inside(folder, path),
        labels=_labels(values.get("labels"), split_text=split_text),
        line=line,
        fold=_text(values.get("fold")),
        split=_text(values.get("split")),
        group=_text(values.get("group")),
        licence=_text(values.get("licence")),
        caption=_text(values.get("caption")),
        origin="synthetic" if origin == "synthetic" else "real",
        provenance=provenance_from_dict(made) if isinstance(made, Mapping) else None,
    )


def _labels(value: Any, *, split_text: bool) -> tuple[str, ...]:
    if isinstance(value, str):
        parts: Sequence[Any] = value.replace("|", ";").split(";") if split_text else [value]
    else:
        parts = list(value) if isinstance(value, Sequence) else [value]
    return tuple(dict.fromkeys(text for part in parts if (text := _text(part))))


def _text(value: Any) -> str | None:
    """A cell as text: None when empty; 3.0 and 3 are both ``3``, as a table with gaps turns folds into floats."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, Mapping | list | bytes):
        raise DatasetError(f"a cell holds {type(value).__name__}, expected text or a number")
    return str(value).strip() or None


def _find_columns(manifest: Path, found: Iterable[str], *, need_labels: bool) -> dict[str, str]:
    names = list(found)
    known = [name.strip().lower() for name in names]
    twice = sorted({alias for aliases in COLUMNS.values() for alias in aliases if known.count(alias) > 1})
    if twice:
        raise DatasetError(f"{manifest} has more than one column {twice[0]!r}; rename or remove all but one")
    by_name = {name.strip().lower(): name for name in names}
    columns = {
        meaning: by_name[name]
        for meaning, aliases in COLUMNS.items()
        for name in [next((alias for alias in aliases if alias in by_name), None)]
        if name is not None
    }
    missing = [meaning for meaning in ("path", "labels") if meaning not in columns]
    if missing == ["labels"] and not need_labels:
        missing = []
    if missing:
        wanted = "; ".join(f"{meaning} (or {', '.join(COLUMNS[meaning][1:])})" for meaning in missing)
        raise DatasetError(
            f"{manifest} has the columns {', '.join(names) or '(none)'}; expected also {wanted}."
            + _suggestion(missing, names)
        )
    return columns


def _suggestion(missing: Sequence[str], found: Sequence[str]) -> str:
    for meaning in missing:
        for alias in COLUMNS[meaning]:
            near = difflib.get_close_matches(alias, found, n=1, cutoff=0.7)
            near = near or [name for name in found if len(alias) > 3 and alias in name.lower()]
            if near:
                return f" Rename {near[0]!r} to {meaning!r}?"
    return ""
