"""What happens besides when a part of a run is finished on this disk: nothing, or its way to object storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from menura.pipeline.shards import missing_shards

if TYPE_CHECKING:
    from menura.pipeline.run import Run

__all__ = ["Mirror"]


class Mirror:
    """A run on a disk needs none of this; :class:`~menura.pipeline.remote.RemoteRun` is the one that does something."""

    address: str | None = None
    """Where the run is, if not on this disk."""

    @contextmanager
    def held(self, *, patience_s: float = 0.0) -> Iterator[None]:
        """Keep others out and bring this disk up to date. The caller holds the lock of the folder."""
        yield

    def clear(self) -> None:
        """Forget the run, as ``--fresh`` does; the caller deletes what is on this disk."""

    def push(self) -> None:
        """Plans, calibration, allocation and judgements are finished on this disk as far as they are there."""

    def missing_shards(
        self, folder: Path, *, num_requests: int, shard_size: int
    ) -> tuple[list[int], list[tuple[Path, str]]]:
        """See :func:`menura.pipeline.shards.missing_shards`."""
        return missing_shards(folder, num_requests=num_requests, shard_size=shard_size)

    def shard_made(self, target: str) -> None:
        """A shard is made, here or by a worker elsewhere.

        Args:
            target: Its folder, relative to the run.
        """

    def round_made(self) -> None:
        """All shards of a round are made; returns when all of them are where they belong."""

    def dataset_is_whole(self, run: Run) -> bool:
        """Whether ``dataset/`` holds what was kept."""
        from menura.pipeline.export import dataset_is_whole

        return dataset_is_whole(run)

    def export(self, run: Run) -> None:
        """Write ``dataset/``."""
        from menura.pipeline.export import export_dataset

        export_dataset(run)
