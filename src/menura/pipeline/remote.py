"""A run on object storage: what is finished in its working copy goes there at once, what is there comes when needed.

The store is the truth. A shard is there when its seal is (:mod:`menura.objects.seal`), a folder like ``judge/`` too; a
single file is whole by itself. Everything is uploaded before the thing that says that it is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from menura.errors import RunError
from menura.files import sha256_of, write_bytes
from menura.objects.lease import LEASE_FOLDER, Lease, leased
from menura.objects.seal import facts_of_file, is_seal, is_sealed, seal_of
from menura.objects.store import ObjectFacts, ObjectStore
from menura.pipeline.decide import JUDGEMENTS_NAME
from menura.pipeline.export import MANIFEST_NAME, METADATA_NAME, export_dataset, kept_records
from menura.pipeline.identity import ADAPTER_NAME, IDENTITY_NAME, TRAINING_NAME
from menura.pipeline.log import LOG_NAME
from menura.pipeline.mirror import Mirror
from menura.pipeline.plan import count_requests
from menura.pipeline.remote_shards import bring_tables, find_shards, upload_shard
from menura.pipeline.shards import TABLE_NAME, shard_path
from menura.pipeline.working_copy import WorkingCopy

if TYPE_CHECKING:
    from menura.pipeline.run import ClipRecord, Run

__all__ = ["RemoteRun"]

_SEALED = ("judge", ADAPTER_NAME)
"""Folders that are there whole or not at all, as on a disk."""
_DATASET_TEXTS = (METADATA_NAME, MANIFEST_NAME, "README.md")
_DERIVED = ("evaluation.json", "report.html", "evaluation", "review")
_FILES = (TRAINING_NAME, IDENTITY_NAME, "plan.parquet", JUDGEMENTS_NAME, LOG_NAME)
_OWN = (*_FILES, *_SEALED, "shards", "rounds", "allocation", "dataset", LEASE_FOLDER, *_DERIVED)
_APPENDED = (LOG_NAME, "review/decisions.jsonl")
"""Files that only grow: the longer one goes on."""
_UPLOADS = 2
"""Shards that are uploaded at the same time, while the next ones are made."""


class RemoteRun(Mirror):
    """A run on object storage and its working copy.

    Args:
        copy: On this disk.
        told: Called with a stage while there is something to wait for.
    """

    def __init__(self, copy: WorkingCopy, told: Callable[[str], None] | None = None) -> None:
        self.copy, self.address = copy, copy.address
        self._told = told or (lambda words: None)
        self._sent: dict[str, tuple[int, int]] = {}
        self._lease: Lease | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._uploads: list[Future[None]] = []

    @cached_property
    def store(self) -> ObjectStore:
        """The objects."""
        return ObjectStore(self.copy.address)

    # -- who may write, and what is there

    @contextmanager
    def held(self, *, patience_s: float = 0.0) -> Iterator[None]:
        """See :class:`Mirror`."""
        self.copy.tidy()
        watching = lambda owner: self._told(f"waiting whether {owner} still works on it")  # noqa: E731
        with ExitStack() as stack:
            self._refuse_foreign()
            self._lease = stack.enter_context(
                leased(self.store, copy=self.copy.token, patience_s=patience_s, waiting=watching)
            )
            stack.callback(self._end)
            self.pull()
            yield

    def _end(self) -> None:
        self._lease = None
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None
        self._uploads = []

    def _refuse_foreign(self) -> None:
        files, folders = self.store.look()
        if IDENTITY_NAME in files:
            return
        foreign = sorted(name for name in (*files, *folders) if name not in _OWN)
        if foreign:
            raise RunError(
                f"{self.address} is not a run and holds other objects ({', '.join(foreign[:3])}); choose an empty or "
                "new folder"
            )

    def clear(self) -> None:
        """See :class:`Mirror`."""
        files, folders = self.store.look()
        self.store.remove(name for name in (IDENTITY_NAME, *files) if name in _OWN)
        for folder in folders:
            if folder in _OWN and folder not in (LEASE_FOLDER, "review"):
                self.store.remove(self.store.find(folder))
        self._sent = {}

    def pull(self) -> None:
        """Bring everything but shards and audio up to date; what is here of another run is deleted."""
        files, folders = self.store.look()
        identity = self.store.read(IDENTITY_NAME) if IDENTITY_NAME in files else None
        self._meet(identity)
        if identity is None:
            return
        write_bytes(self.copy.path / IDENTITY_NAME, identity)
        self.store.says_md5 = facts_of_file(self.copy.path / IDENTITY_NAME).md5 == files[IDENTITY_NAME].md5
        wanted = {name: facts for name, facts in files.items() if name in _OWN and name != "report.html"}
        for folder in folders:
            wanted |= self._wanted_of(folder)
        self._bring(wanted)

    def _meet(self, identity: bytes | None) -> None:
        """Delete the copy of a run that is not there any more; an adapter stays, which is made before the identity."""
        own = self.copy.path / IDENTITY_NAME
        if own.is_file() and own.read_bytes() == identity:
            return
        for item in self.copy.path.iterdir():
            if item.name not in _OWN or item.name == "review" or (identity is None and item.name == ADAPTER_NAME):
                continue
            if item.is_dir():
                shutil.rmtree(item)
            else:
                item.unlink()

    def _wanted_of(self, folder: str) -> dict[str, ObjectFacts]:
        if folder in _SEALED:
            return self._whole(folder)
        if folder == "dataset":
            listed = self.store.look(folder)[0]
            if any(is_seal(name.rpartition("/")[2]) for name in listed):
                return {name: facts for name, facts in listed.items() if name.rpartition("/")[2] in _DATASET_TEXTS}
            shutil.rmtree(self.copy.path / folder, ignore_errors=True)
            return {}
        if folder == "rounds":
            rounds = self.store.look(folder)[1]
            return {name: facts for one in rounds for name, facts in self.store.look(one)[0].items()}
        return self.store.find(folder) if folder in ("allocation", *_DERIVED) else {}

    def _whole(self, folder: str) -> dict[str, ObjectFacts]:
        listed = self.store.find(folder)
        inside = {name[len(folder) + 1 :]: facts for name, facts in listed.items()}
        whole = is_sealed(inside) is not None
        return {name: facts for name, facts in listed.items() if whole and not is_seal(name[len(folder) + 1 :])}

    def _bring(self, wanted: Mapping[str, ObjectFacts]) -> None:
        stale = []
        for name, facts in wanted.items():
            path = self.copy.path / name
            if name in _APPENDED and path.is_file():
                self._grow(name, path)
            elif not _is_same(path, facts):
                stale.append((name, path))
        self.store.download(stale, staging=self.copy.staging)
        self._sent |= {name: _state(self.copy.path / name) for name in wanted if name not in _APPENDED}

    def _grow(self, name: str, path: Path) -> None:
        here, there = path.read_bytes(), self.store.read(name) or b""
        if there.startswith(here):
            write_bytes(path, there)
        elif not here.startswith(there):
            if name != LOG_NAME:
                raise RunError(
                    f"{path} and {self.address}/{name} hold different decisions, as an upload failed before; move the "
                    "file here away, run the command again, and add its lines by hand"
                )
            write_bytes(path, there + here)

    # -- from here to there

    def push(self) -> None:
        """See :class:`Mirror`."""
        self._check()
        for folder in _SEALED:
            self._push_folder(folder)
        self._push_files([TRAINING_NAME])
        self._push_files([IDENTITY_NAME])
        self._push_files(["plan.parquet", *self._names("rounds/*/plan.parquet"), *self._names("allocation/*.json")])
        self._push_files([JUDGEMENTS_NAME, LOG_NAME])

    def push_derived(self) -> None:
        """Upload what evaluation, report and review have left beside the run."""
        found = (path for name in _DERIVED for path in (self.copy.path / name, *self.copy.path.glob(f"{name}/**/*")))
        names = [self._name(path) for path in found if _is_content(path)]
        listed, folders = self.store.look()
        for folder in folders:
            listed |= self.store.find(folder) if folder in _DERIVED else {}
        self._push_files([name for name in names if not _is_same(self.copy.path / name, listed.get(name))])

    def _names(self, pattern: str) -> list[str]:
        return [path.relative_to(self.copy.path).as_posix() for path in sorted(self.copy.path.glob(pattern))]

    def _push_files(self, names: Iterable[str]) -> None:
        changed = {
            name: _state(self.copy.path / name)
            for name in names
            if (self.copy.path / name).is_file() and self._sent.get(name) != _state(self.copy.path / name)
        }
        self.store.upload((self.copy.path / name, name) for name in changed)
        self._sent |= changed

    def _push_folder(self, folder: str) -> None:
        names = [name for name in self._names(f"{folder}/**/*") if (self.copy.path / name).is_file()]
        if not names or all(name in self._sent for name in names):
            return
        self._push_files(names)
        seal = seal_of({name[len(folder) + 1 :]: facts_of_file(self.copy.path / name) for name in names})
        self.store.write(f"{folder}/{seal.name}", b"{}\n")

    # -- shards

    def missing_shards(
        self, folder: Path, *, num_requests: int, shard_size: int
    ) -> tuple[list[int], list[tuple[Path, str]]]:
        """See :class:`Mirror`."""
        missing: list[int] = []
        damaged: list[tuple[Path, str]] = []
        for found in find_shards(self.store, self.copy, folder, num_requests=num_requests, shard_size=shard_size):
            broken = bring_tables(self.store, self.copy, folder, found.sealed)
            told = [*found.damaged, *((index, "its table is not the one that was uploaded") for index in broken)]
            damaged += [(shard_path(folder, index), problem) for index, problem in sorted(told)]
            names = [self._name(shard_path(folder, index)) for index in broken]
            self.store.remove([*found.rubbish, *(object for name in names for object in self.store.find(name))])
            for index in (*found.missing, *broken):
                shutil.rmtree(shard_path(folder, index), ignore_errors=True)
            missing += [*found.missing, *broken]
            for index in found.here:
                self.shard_made(self._name(shard_path(folder, index)))
        self.round_made()
        return sorted(missing), damaged

    def shard_made(self, target: str) -> None:
        """See :class:`Mirror`. One that was made here is uploaded while others are made."""
        self._check()
        shard = self.copy.path / target
        if not (shard / TABLE_NAME).is_file():  # a worker elsewhere has uploaded it
            name = f"{target}/{TABLE_NAME}"
            self.store.download([(name, shard / TABLE_NAME)], staging=self.copy.staging)
            return
        self._threads = self._threads or ThreadPoolExecutor(max_workers=_UPLOADS, thread_name_prefix="upload")
        while len(self._uploads) >= 2 * _UPLOADS:
            self._uploads.pop(0).result()
        self._uploads.append(self._threads.submit(upload_shard, self.store, shard, target))

    def round_made(self) -> None:
        """See :class:`Mirror`."""
        while self._uploads:
            self._uploads.pop(0).result()
        self._check()

    def bring_tables(self, *, rounds: int, shard_size: int) -> None:
        """Download the tables of all shards that are not here, for reading."""
        for index in range(rounds):
            folder = self.copy.path if index == 0 else self.copy.path / "rounds" / str(index)
            total = count_requests(folder / "plan.parquet")
            for found in find_shards(self.store, self.copy, folder, num_requests=total, shard_size=shard_size):
                bring_tables(self.store, self.copy, folder, found.sealed)

    def bring_audio(self, records: Iterable[ClipRecord]) -> None:
        """Download the audio of records that is not here, and see that it is what was made.

        Raises:
            RunError: It is missing on the store, or other bytes.
        """
        named = [one for one in records if one.path is not None and self._name(one.path)]
        wanted = [(one.path, one.sha256) for one in named if one.path is not None and not _has_bytes(one)]
        remedy = "run `menura augment` again to make it again"
        try:
            self.store.download(((self._name(path), path) for path, _ in wanted), staging=self.copy.staging)
        except FileNotFoundError as error:
            raise RunError(f"{self.address} lacks audio of a shard; {remedy}") from error
        for path, sha256 in wanted:
            if sha256_of(path) != sha256:
                path.unlink()
                raise RunError(f"the bytes of {self.address}/{self._name(path)} have changed; {remedy}")

    # -- dataset/

    def dataset_is_whole(self, run: Run) -> bool:
        """See :class:`Mirror`: its texts and its seal are there, and an object for each kept clip and no other."""
        listed, _ = self.store.look("dataset")
        names = {name.rpartition("/")[2]: facts for name, facts in listed.items()}
        if not all((self.copy.path / "dataset" / name).is_file() for name in _DATASET_TEXTS):
            return False
        if {name for name in names if not is_seal(name)} != set(_DATASET_TEXTS) or is_sealed(names) is None:
            return False
        by_folder = groupby(
            (run.file_of(record) for record, _ in kept_records(run)), key=lambda name: name.split("/")[0]
        )
        return all(
            {f"dataset/{name}" for name in files} == set(self.store.find(f"dataset/{folder}"))
            for folder, files in by_folder
        )

    def export(self, run: Run) -> None:
        """See :class:`Mirror`. The store copies the audio from the shards; none of it passes this machine."""
        self.push()
        self.store.remove(self.store.find("dataset"))
        folder = export_dataset(run, place=_place_if_here)
        self.store.copy(
            (self._name(record.path), f"dataset/{run.file_of(record)}")
            for record, _ in kept_records(run)
            if record.path is not None
        )
        self.store.upload((folder / name, f"dataset/{name}") for name in _DATASET_TEXTS)
        seal = seal_of({name: facts_of_file(folder / name) for name in _DATASET_TEXTS})
        self.store.write(f"dataset/{seal.name}", b"{}\n")

    def _name(self, path: Path) -> str:
        if not path.is_relative_to(self.copy.path) or ".." in path.parts:
            raise RunError(
                f"a table of {self.address} names a file outside of the run ({path}); make the run again with --fresh"
            )
        return path.relative_to(self.copy.path).as_posix()

    def _check(self) -> None:
        if self._lease is not None:
            self._lease.check()


def _place_if_here(record: ClipRecord, target: Path) -> None:
    from menura.pipeline.export import place_file

    if record.path is not None and record.path.is_file():
        place_file(record, target)


def _is_same(path: Path, facts: ObjectFacts | None) -> bool:
    """Whether a file is what a listing says; without a checksum there is no telling."""
    return (
        facts is not None
        and path.is_file()
        and path.stat().st_size == facts.size
        and facts_of_file(path).md5 == facts.md5
    )


def _has_bytes(record: ClipRecord) -> bool:
    return record.path is not None and record.path.is_file() and sha256_of(record.path) == record.sha256


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _is_content(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")
