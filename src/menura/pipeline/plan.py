"""The plan: every request of a round, written and countable before anything is made."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from menura.errors import RunError
from menura.files import disk_errors, flush_file, flush_folder, temporary_beside
from menura.pipeline.damage import readable
from menura.records import parse_json
from menura.seeding import canonical_json
from menura.types import Clip, Request

if TYPE_CHECKING:
    import pyarrow

    from menura.datasets.dataset import TrainingPart

__all__ = [
    "count_requests",
    "lead_labels",
    "read_labels",
    "read_requests",
    "real_clips",
    "request_columns",
    "request_from_row",
    "request_to_row",
    "write_plan",
]

ROWS_PER_GROUP = 1024
LARGE_PLAN = 1 << 20
ROWS_PER_LARGE_GROUP = 1 << 14
"""Groups after the first million requests: the list of groups is read as a whole by whoever reads a few requests."""


def request_columns() -> list[tuple[str, pyarrow.DataType]]:
    """Names and types of the columns that hold a request."""
    import pyarrow as pa

    return [
        ("id", pa.string()),
        ("label", pa.string()),  # the label whose target the request counts for
        ("labels", pa.list_(pa.string())),
        ("generator", pa.string()),
        ("prompt", pa.string()),
        ("negative_prompt", pa.string()),
        ("parents", pa.list_(pa.string())),
        ("duration_s", pa.float64()),
        ("seed_key", pa.string()),
        ("params", pa.string()),
        ("round", pa.int32()),
        ("replaces", pa.string()),
    ]


def request_to_row(request: Request, label: str) -> dict[str, Any]:
    """A request as the cells of :func:`request_columns`."""
    return {
        "id": request.id,
        "label": label,
        "labels": list(request.labels),
        "generator": request.generator,
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "parents": list(request.parents),
        "duration_s": request.duration_s,
        "seed_key": canonical_json(request.seed_key),
        "params": canonical_json(request.params),
        "round": request.round,
        "replaces": request.replaces,
    }


def request_from_row(row: Mapping[str, Any]) -> Request:
    """Inverse of :func:`request_to_row`; further cells are ignored.

    Raises:
        RunError: The cells do not give the id that they were stored with.
    """
    request = Request(
        labels=tuple(row["labels"]),
        generator=row["generator"],
        prompt=row["prompt"],
        negative_prompt=row["negative_prompt"],
        parents=tuple(row["parents"]),
        duration_s=row["duration_s"],
        seed_key=tuple(parse_json(row["seed_key"])),
        params=parse_json(row["params"]),
        round=row["round"],
        replaces=row["replaces"],
    )
    if request.id != row["id"]:
        raise RunError(f"request {row['id']} was altered on disk (its content gives {request.id}); make the run again")
    return request


def lead_labels(counts: Mapping[str, int]) -> Callable[[Sequence[str]], str]:
    """Gives the label that a clip counts for: its only one, or the rarest of several.

    Args:
        counts: Label to number of real training clips.
    """
    return lambda labels: min(labels, key=lambda label: (counts.get(label, 0), label))


def real_clips(training: TrainingPart) -> tuple[tuple[str, Clip], ...]:
    """Each real clip with the label that it counts for; the same samples once for each label that they have."""
    lead = lead_labels(training.counts())
    found: dict[tuple[str, str], Clip] = {}
    for clip in training.clips:
        found.setdefault((lead(clip.labels), clip.id), clip)
    return tuple((label, clip) for (label, _), clip in found.items())


def write_plan(path: Path, requests: Iterable[Request], lead: Callable[[Sequence[str]], str]) -> int:
    """Write a plan as it is drawn, and put it in place when it is finished.

    Returns:
        Number of requests.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(request_columns())
    beside = temporary_beside(path)
    count = 0
    rows = (request_to_row(request, lead(request.labels)) for request in requests)
    with disk_errors(str(path)):
        with pq.ParquetWriter(beside, schema, compression="zstd", write_page_checksum=True) as writer:
            while chunk := list(islice(rows, ROWS_PER_GROUP if count < LARGE_PLAN else ROWS_PER_LARGE_GROUP)):
                writer.write_table(pa.Table.from_pylist(chunk, schema=schema))
                count += len(chunk)
        flush_file(beside)
        beside.replace(path)
        flush_folder(path.parent)
    return count


def count_requests(path: Path) -> int:
    """Number of requests in a plan."""
    with _readable(path):
        return int(_open(path).metadata.num_rows)


def read_requests(path: Path, start: int = 0, stop: int | None = None) -> Iterator[Request]:
    """Requests ``start`` to ``stop`` of a plan, in order, a few at a time."""
    with _readable(path):
        source = _open(path)
        starts = _group_starts(path)
        stop = starts[-1] if stop is None else min(stop, starts[-1])
        for group in range(max(0, bisect_right(starts, start) - 1), source.num_row_groups):
            offset = starts[group]
            if offset >= stop:
                return
            first = max(0, start - offset)
            chosen = source.read_row_group(group).slice(first, min(stop, starts[group + 1]) - offset - first)
            for batch in chosen.to_batches(max_chunksize=ROWS_PER_GROUP):
                for row in batch.to_pylist():
                    yield request_from_row(row)


def read_labels(path: Path) -> Iterator[str]:
    """The label that each request counts for, in order."""
    with _readable(path):
        for batch in _open(path).iter_batches(columns=["label"], batch_size=ROWS_PER_GROUP):
            yield from map(str, batch.column("label").to_pylist())


def _open(path: Path) -> Any:
    import pyarrow.parquet as pq

    metadata, _ = _footer_of(path)
    return pq.ParquetFile(path, metadata=metadata, page_checksum_verification=True)


def _readable(path: Path) -> AbstractContextManager[None]:
    absent = f"{path} does not exist; run `menura augment` again to plan the run"
    return readable(path, "make the run again with --fresh", absent=absent)


def _group_starts(path: Path) -> tuple[int, ...]:
    """Number of the first request of each group, and of the request after the last one."""
    return _footer_of(path)[1]


def _footer_of(path: Path) -> tuple[Any, tuple[int, ...]]:
    state = path.stat()
    return _footer(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _footer(path: Path, changed_ns: int, size: int) -> tuple[Any, tuple[int, ...]]:
    """The list of groups, read once for all shards of a plan: a plan is replaced as a whole, or not at all."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    sizes = (metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    return metadata, tuple(accumulate(sizes, initial=0))
