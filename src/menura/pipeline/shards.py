"""A shard: the unit of work. A folder with the audio of some requests and one table about them, whole or absent."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from menura.errors import RunError
from menura.files import flush_folder, move_into_place, sha256_of, temporary_beside, write_durably
from menura.pipeline.damage import readable
from menura.pipeline.names import is_plain_name
from menura.pipeline.plan import request_columns, request_from_row, request_to_row
from menura.records import parse_json
from menura.seeding import canonical_json
from menura.types import Params, Request

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

__all__ = [
    "TABLE_NAME",
    "Outcome",
    "ShardRow",
    "missing_shards",
    "read_outcomes",
    "read_shard",
    "shard_path",
    "shard_problem",
    "write_shard",
]

TABLE_NAME = "shard.parquet"


@dataclass(frozen=True, slots=True)
class ShardRow:
    """What became of one request before anyone looked at the whole label.

    Attributes:
        request: What was asked for.
        label: The label whose target it counts for.
        reason: Why it cannot be kept, in words; empty when every judge let it pass.
        scores: Name of a score to its number.
        embedding: Embedding ``[dim]`` for the selection; None when the candidate came to nothing.
        facts: What the generator says about it.
        file: Name of its audio file in the shard; None when there is no waveform to store.
        sha256: Of that file.
        clip_id: Id of the decoded samples of that file.
        num_samples, sample_rate, channels: Of that file.
    """

    request: Request
    label: str
    reason: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    embedding: NDArray[np.float32] | None = None
    facts: Params = field(default_factory=dict)
    file: str | None = None
    sha256: str | None = None
    clip_id: str | None = None
    num_samples: int = 0
    sample_rate: int = 0
    channels: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The part of a row that decisions need: small, because a whole label of them is in memory at once.

    Attributes:
        request_id, reason, scores, embedding: As in :class:`ShardRow`.
        made: Whether there is audio.
        replaces: Id of the request that it revises.
    """

    request_id: str
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    embedding: NDArray[np.float32] | None = None
    made: bool = False
    replaces: str | None = None


def shard_path(folder: Path, index: int) -> Path:
    """Folder of shard ``index`` of a round that lives in ``folder``."""
    return folder / "shards" / f"{index:06d}"


@cache
def _schema() -> pyarrow.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            *request_columns(),
            ("reason", pa.string()),
            ("scores", pa.string()),
            ("embedding", pa.list_(pa.float32())),
            ("facts", pa.string()),
            ("file", pa.string()),
            ("sha256", pa.string()),
            ("clip_id", pa.string()),
            ("num_samples", pa.int64()),
            ("sample_rate", pa.int32()),
            ("channels", pa.int32()),
        ]
    )


def write_shard(target: Path, rows: Sequence[ShardRow]) -> None:
    """Add the table to the audio in ``temporary_beside(target)`` and rename that folder to ``target``.

    Args:
        target: Folder of the shard.
        rows: One row per request, in the order of the plan.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    beside = temporary_beside(target)
    table = pa.Table.from_pylist([_to_cells(row) for row in rows], schema=_schema())
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    write_durably(beside / TABLE_NAME, sink.getvalue().to_pybytes())
    move_into_place(beside, target)


def read_shard(shard: Path, *, label: str | None = None, embeddings: bool = True) -> list[ShardRow]:
    """Rows of a shard in order, those of one label only when ``label`` is given, without embeddings if not wanted."""
    names = [name for name in _schema().names if name != "embedding"]
    table = _read_table(shard, names + (["embedding"] if embeddings else []))
    vectors = _vectors(table) if embeddings else [None] * table.num_rows
    rows = table.select(names).to_pylist()
    return [
        _from_cells(row, vector) for row, vector in zip(rows, vectors, strict=True) if label in (None, row["label"])
    ]


def read_outcomes(shard: Path, label: str) -> list[Outcome]:
    """The outcomes of one label in a shard, in order."""
    import pyarrow.compute as pc

    table = _read_table(shard, ["id", "label", "reason", "scores", "embedding", "file", "replaces"])
    table = table.filter(pc.equal(table.column("label"), label))
    vectors = _vectors(table)
    rows = table.drop_columns(["embedding", "label"]).to_pylist()
    return [
        Outcome(
            request_id=row["id"],
            reason=row["reason"],
            scores=_shared_keys(parse_json(row["scores"])),
            embedding=None if vector is None else vector.copy(),  # not a window that holds the whole shard
            made=row["file"] is not None,
            replaces=row["replaces"],
        )
        for row, vector in zip(rows, vectors, strict=True)
    ]


def shard_problem(shard: Path, num_requests: int) -> str:
    """What is wrong with a shard that exists, in words; empty when it is whole."""
    try:
        with readable(shard / TABLE_NAME, "it is made again"):
            rows = _read_table(shard, ["id", "file", "sha256"]).to_pylist()
            names = [row["file"] for row in rows if row["file"] is not None]
    except RunError as error:
        return f"its table cannot be read ({error})"
    if len(rows) != num_requests:
        return f"it holds {len(rows)} requests instead of {num_requests}"
    if not all(map(is_plain_name, names)):
        return "it names a file outside of its folder"
    for row in rows:
        if row["file"] is None:
            continue
        path = shard / row["file"]
        if not path.is_file():
            return f"{row['file']} is missing"
        if sha256_of(path) != row["sha256"]:
            return f"the bytes of {row['file']} have changed"
    return ""


def missing_shards(folder: Path, *, num_requests: int, shard_size: int) -> tuple[list[int], list[tuple[Path, str]]]:
    """Indices of the shards that are still to be made; damaged ones are removed.

    Returns:
        The indices in order, and each removed shard with what was wrong.
    """
    missing: list[int] = []
    damaged: list[tuple[Path, str]] = []
    for index in range(-(-num_requests // shard_size)):
        shard = shard_path(folder, index)
        if shard.is_dir():
            problem = shard_problem(shard, min(shard_size, num_requests - index * shard_size))
            if not problem:
                continue
            damaged.append((shard, problem))
            shutil.rmtree(shard)
            flush_folder(shard.parent)
        missing.append(index)
    return missing, damaged


def _vectors(table: Any) -> list[NDArray[np.float32] | None]:
    return [cell.values.to_numpy() if cell.is_valid else None for cell in table.column("embedding")]


def _shared_keys(scores: dict[str, float]) -> dict[str, float]:
    return {sys.intern(name): value for name, value in scores.items()}


def _read_table(shard: Path, columns: list[str] | None) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(shard / TABLE_NAME, page_checksum_verification=True).read(columns=columns)


def _to_cells(row: ShardRow) -> dict[str, Any]:
    return {
        **request_to_row(row.request, row.label),
        "reason": row.reason,
        "scores": canonical_json(row.scores),
        "embedding": row.embedding,
        "facts": canonical_json(row.facts),
        "file": row.file,
        "sha256": row.sha256,
        "clip_id": row.clip_id,
        "num_samples": row.num_samples,
        "sample_rate": row.sample_rate,
        "channels": row.channels,
    }


def _from_cells(cells: dict[str, Any], embedding: Any) -> ShardRow:
    return ShardRow(
        request=request_from_row(cells),
        label=cells["label"],
        reason=cells["reason"],
        scores=parse_json(cells["scores"]),
        embedding=embedding,
        facts=parse_json(cells["facts"]),
        file=cells["file"],
        sha256=cells["sha256"],
        clip_id=cells["clip_id"],
        num_samples=cells["num_samples"],
        sample_rate=cells["sample_rate"],
        channels=cells["channels"],
    )
