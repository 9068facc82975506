"""Shards on object storage: audio and table first, the seal last, so that a shard is there whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from menura.objects.seal import Seal, facts_of_file, is_seal, is_sealed, seal_of
from menura.objects.store import ObjectFacts, ObjectStore
from menura.pipeline.shards import TABLE_NAME, shard_path, shard_problem
from menura.pipeline.working_copy import WorkingCopy

__all__ = ["Found", "bring_tables", "find_shards", "upload_shard"]

_BLOCK = 100
"""Shards that are listed together: a listing is as short as its number of objects allows, and memory does not grow."""


@dataclass
class Found:
    """What was found of the shards of a round.

    Attributes:
        sealed: Shards that are whole on the store, with their seals.
        here: Shards that are whole on this disk alone.
        missing: Shards that are nowhere.
        damaged: Shards that were not as they were uploaded, with what was wrong.
        rubbish: Objects of shards that are not whole.
    """

    sealed: dict[int, Seal] = field(default_factory=dict)
    here: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    damaged: list[tuple[int, str]] = field(default_factory=list)
    rubbish: list[str] = field(default_factory=list)


def upload_shard(store: ObjectStore, shard: Path, name: str) -> None:
    """Upload a finished shard under a name; another try leaves the same objects with the same bytes."""
    files = {path.name: facts_of_file(path) for path in sorted(shard.iterdir())}
    store.upload((shard / file, f"{name}/{file}") for file in files)
    content = {file: {"size": facts.size, "md5": facts.md5} for file, facts in files.items()}
    seal = seal_of(files, table=TABLE_NAME)
    store.write(f"{name}/{seal.name}", (json.dumps(content, indent=1) + "\n").encode())


def find_shards(
    store: ObjectStore, copy: WorkingCopy, folder: Path, *, num_requests: int, shard_size: int
) -> Iterator[Found]:
    """What there is of the shards of a round, some hundred at a time, from listings alone."""
    count, base = -(-num_requests // shard_size), (folder / "shards").relative_to(copy.path).as_posix()
    for start in range(0, count, _BLOCK):
        listed = store.find(base, prefix=f"{start:06d}"[:-2])
        by_shard = {
            name: {key.rpartition("/")[2]: facts for key, facts in objects}
            for name, objects in groupby(sorted(listed.items()), key=lambda item: item[0].rpartition("/")[0])
        }
        found = Found()
        for index in range(start, min(start + _BLOCK, count)):
            size = min(shard_size, num_requests - index * shard_size)
            _look_at(found, copy, shard_path(folder, index), index, by_shard, size)
        yield found


def _look_at(
    found: Found, copy: WorkingCopy, shard: Path, index: int, by_shard: dict[str, dict[str, ObjectFacts]], size: int
) -> None:
    name = shard.relative_to(copy.path).as_posix()
    objects = by_shard.get(name, {})
    if (seal := is_sealed(objects)) is not None:
        found.sealed[index] = seal
        return
    found.rubbish += [f"{name}/{one}" for one in objects]
    if any(map(is_seal, objects)):
        found.damaged.append((index, "its objects are not those that were uploaded"))
    if (shard / TABLE_NAME).is_file() and not shard_problem(shard, size):
        found.here.append(index)
    else:
        found.missing.append(index)


def bring_tables(store: ObjectStore, copy: WorkingCopy, folder: Path, sealed: dict[int, Seal]) -> list[int]:
    """Download the tables of shards that are not here as they are there; returns the shards whose table is damaged."""
    stale = [index for index, seal in sealed.items() if not _has_table(shard_path(folder, index), seal)]
    for index in stale:
        shutil.rmtree(shard_path(folder, index), ignore_errors=True)  # audio beside another table
    wanted = [shard_path(folder, index) / TABLE_NAME for index in stale]
    store.download(((path.relative_to(copy.path).as_posix(), path) for path in wanted), staging=copy.staging)
    return [index for index in stale if not _has_table(shard_path(folder, index), sealed[index])]


def _has_table(shard: Path, seal: Seal) -> bool:
    table = shard / TABLE_NAME
    return table.is_file() and seal.fits_table(facts_of_file(table))
