"""What a run on object storage reads of others: who holds it, names of seals, and the note of a working copy."""

from __future__ import annotations

import json
from pathlib import Path

from tests.faults.fuzzing import Reader, in_file

from menura.objects.lease import LEASE_FOLDER, highest
from menura.objects.seal import is_sealed, seal_of
from menura.objects.store import ObjectFacts
from menura.pipeline.working_copy import copy_at

__all__ = ["remote_readers"]

_FILES = {"a.flac": ObjectFacts(9, "0" * 32), "shard.parquet": ObjectFacts(7, "1" * 32)}


class _Store:
    """One object of a store: a lease."""

    address = "s3://bucket/run"

    def __init__(self, data: bytes) -> None:
        self._data = data

    def find(self, folder: str) -> dict[str, ObjectFacts]:
        return {f"{folder}/00000003.json": ObjectFacts(len(self._data))}

    def read(self, name: str) -> bytes:
        return self._data


def remote_readers(folder: Path) -> list[Reader]:
    """The readers, working under ``folder``."""
    owner = {"token": "a", "copy": "b", "host": "c", "process": 3, "beat": 4, "released": False}
    sealed = seal_of(_FILES, table="shard.parquet").name
    note = {"address": "s3://bucket/run", "token": "0" * 32}

    def lease_of(data: bytes) -> object:
        number, found = highest(_Store(data))  # type: ignore[arg-type]
        assert number == 3
        return str(found), LEASE_FOLDER

    def seal_named(data: bytes) -> object:
        return is_sealed({**_FILES, data.decode(errors="replace"): ObjectFacts(1)})

    return [
        Reader("lease", [json.dumps(owner).encode()], lease_of, (), is_json=True),
        Reader("seal", [sealed.encode()], seal_named, ()),
        Reader("working-copy", [json.dumps(note).encode()],
               in_file(folder / "copies" / "copy.json", lambda path: copy_at(path.parent / "run")), is_json=True),
    ]  # fmt: skip
