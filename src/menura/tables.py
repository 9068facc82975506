"""Tables of clips on disk: CSV, TSV, JSON lines and Parquet as rows of named cells."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from menura.errors import DatasetError
from menura.records import HALF_CHARACTER, holds_half_character
from menura.seeding import canonical_json

__all__ = ["MANIFEST_SUFFIXES", "json_object", "read_cells", "write_cells"]

MANIFEST_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")

_MOST_ROWS = 20_000_000
_MOST_BYTES = 1 << 32
_ROWS_AT_ONCE = 512
"""A Parquet file of a few kilobytes may unpack to terabytes; these are more than any manifest of clips needs."""


def read_cells(manifest: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line and named cells of each row.

    Raises:
        DatasetError: The file cannot be read or is not what its suffix says.
    """
    suffix = manifest.suffix.lower()
    if suffix not in MANIFEST_SUFFIXES:
        raise _unknown_suffix(manifest)
    try:
        if suffix == ".parquet":
            yield from _read_parquet(manifest)
        elif suffix in (".csv", ".tsv"):
            yield from _read_csv(manifest, manifest.read_text(encoding="utf-8-sig"))
        else:
            yield from _read_json_lines(manifest, manifest.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{manifest} is not UTF-8 text ({error.reason} at byte {error.start}); save it so"
        ) from error
    except OSError as error:
        raise DatasetError(f"{manifest} cannot be read: {error.strerror or error}") from error


def write_cells(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], manifest: Path) -> None:
    """Write rows beside ``manifest`` and rename; equal rows give equal bytes.

    Raises:
        DatasetError: The suffix is unknown, or a label holds a separator of CSV.
    """
    suffix = manifest.suffix.lower()
    if suffix not in MANIFEST_SUFFIXES:
        raise _unknown_suffix(manifest)
    beside = manifest.with_name(f".{manifest.name}.{os.getpid()}.tmp")
    if suffix == ".parquet":
        _write_parquet(rows, columns, beside)
    elif suffix in (".csv", ".tsv"):
        text = _csv_text(rows, columns, "\t" if suffix == ".tsv" else ",")
        beside.write_text(text, encoding="utf-8", newline="")
    else:
        beside.write_text("".join(canonical_json(row) + "\n" for row in rows), encoding="utf-8", newline="")
    os.replace(beside, manifest)


def _read_csv(manifest: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    header = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=lambda mark: (header.count(mark), mark == ","))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    try:
        for cells in reader:
            if names is None:
                names = _unequal(cells, manifest)
            elif len(cells) == len(names):
                yield reader.line_num, dict(zip(names, cells, strict=True))
            elif any(cell.strip() for cell in cells):
                raise DatasetError(
                    f"{manifest}: line {reader.line_num} has {len(cells)} cells, the header has {len(names)}; "
                    "quote cells that hold the separator"
                )
    except csv.Error as error:
        raise DatasetError(f"{manifest}: line {reader.line_num} is not CSV ({error})") from error


def _unequal(names: list[str], manifest: Path) -> list[str]:
    """The names of the columns, when each but the empty ones stands there once."""
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise DatasetError(f"{manifest} has more than one column {twice[0]!r}; rename or remove all but one")
    return names


def _read_json_lines(manifest: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, row in enumerate(text.split("\n"), start=1):
        if row.strip():
            try:
                yield line, json_object(row)
            except DatasetError as error:
                raise DatasetError(f"{manifest}: line {line}: {error}") from error


def json_object(text: str) -> dict[str, Any]:
    """The object that a JSON text holds.

    Raises:
        DatasetError: The text is not JSON, or holds something else or half a character.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise DatasetError(f"holds a JSON {type(value).__name__}, expected an object")
    if "\\u" in text and holds_half_character(value):
        raise DatasetError(f"{HALF_CHARACTER}, expected whole ones; write the text again")
    return value


def _read_parquet(manifest: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(manifest, page_checksum_verification=True) as source:
            about = source.metadata
            size = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
            if about.num_rows > _MOST_ROWS or size > _MOST_BYTES:
                raise DatasetError(
                    f"{manifest} holds {about.num_rows} rows of {size} bytes when unpacked, at most {_MOST_ROWS} rows "
                    f"and {_MOST_BYTES} bytes are read; divide it"
                )
            batches = source.iter_batches(batch_size=_ROWS_AT_ONCE)
            yield from enumerate((row for batch in batches for row in batch.to_pylist()), start=1)
    except (pa.ArrowException, OverflowError) as error:
        raise DatasetError(f"{manifest} is not a Parquet file ({(str(error) or 'damaged').splitlines()[0]})") from error


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(row) | ({"provenance": canonical_json(row["provenance"])} if "provenance" in row else {})


def _csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], delimiter: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="", delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        bad = [label for label in row["labels"] if ";" in label or "|" in label or label != label.strip()]
        if bad:
            raise DatasetError(f"label {bad[0]!r} holds ';', '|' or outer spaces; write the manifest as .jsonl")
        writer.writerow(_flat(row) | {"labels": ";".join(row["labels"])})
    return out.getvalue()


def _write_parquet(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        "labels": pa.list_(pa.string()),
        "duration_s": pa.float64(),
        "sample_rate": pa.int64(),
        "channels": pa.int64(),
    }
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in columns])
    pq.write_table(pa.Table.from_pylist([_flat(row) for row in rows], schema=schema), path)


def _unknown_suffix(manifest: Path) -> DatasetError:
    return DatasetError(f"{manifest} is no manifest, expected a file that ends in {', '.join(MANIFEST_SUFFIXES)}")
