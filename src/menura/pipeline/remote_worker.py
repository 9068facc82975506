"""Makes shards of a run on object storage on any machine: in a folder of its own, and straight from there to the store.

The leading process sees none of the sound, and no file system is shared.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from menura.objects.address import name_of
from menura.objects.store import ObjectStore
from menura.pipeline.pool import Task
from menura.pipeline.ray_engine import ShardMaker
from menura.pipeline.remote import RemoteRun
from menura.pipeline.remote_shards import upload_shard
from menura.pipeline.work import Timings
from menura.pipeline.working_copy import WorkingCopy, remove_of_the_dead
from menura.seeding import content_hash

__all__ = ["RemoteShardMaker"]


class RemoteShardMaker(ShardMaker):
    """See :class:`~menura.pipeline.ray_engine.ShardMaker`.

    Args:
        address: Of the run.
    """

    def __init__(self, address: str) -> None:
        super().__init__(Path(name_of(address)))
        self._address, self._key = address, content_hash(address)
        self._store: ObjectStore | None = None

    def __reduce__(self) -> tuple[type[RemoteShardMaker], tuple[str]]:  # type: ignore[override]
        return RemoteShardMaker, (self._address,)

    def __call__(self, task: Task) -> tuple[int, Timings]:
        """Number of requests of the shard, and the time that it took; the shard is on the store.

        Raises:
            RunError: The run or a parent is not there, or the store or the disk cannot be written.
        """
        store = self._brought(task.plan)
        made = super().__call__(task)
        shard = self._run / task.target
        upload_shard(store, shard, task.target)
        shutil.rmtree(shard)
        return made

    def _brought(self, plan: str) -> ObjectStore:
        """The store, after everything that the shards of a plan need is here."""
        with self._loading:
            if self._store is None:
                self._run = _scratch(self._key) / name_of(self._address)
                self._run.mkdir(parents=True)
                self._store = ObjectStore(self._address)
            if not (self._run / plan).is_file():
                remote = RemoteRun(WorkingCopy(self._address, self._run, ""))
                remote.store = self._store
                remote.pull()
            return self._store


def _scratch(key: str) -> Path:
    """A new folder; those that killed workers have left for the same run are deleted."""
    base = Path(tempfile.gettempdir())
    beginning = f"menura-{key}-"
    remove_of_the_dead(base, beginning)
    return Path(tempfile.mkdtemp(prefix=f"{beginning}{os.getpid()}-", dir=base))
