"""The objects of one folder on object storage, through fsspec: few requests, bounded tries, errors in our words."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from menura.errors import BackendError, MenuraError, RunError
from menura.offline import VARIABLE, is_offline, is_this_machine

__all__ = ["ObjectFacts", "ObjectStore"]

WAITS_S = (1.0, 4.0, 16.0)
"""How long to wait before each further try of a request that failed for no reason that will last."""

_AT_ONCE = 1000
"""Objects of one call: what is kept in memory, and what is tried again when one of them fails."""
_CONNECTIONS = 16
"""Requests at the same time in one call. Those that wait for a connection count as not answered, so there are more."""
_CONNECT_S, _READ_S = 30, 60
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "FSSPEC_S3_ENDPOINT_URL")
_PASSING = {
    errno.EIO, errno.EREMOTEIO, errno.EBUSY, errno.EAGAIN, errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED,
    errno.EPIPE, errno.ENETUNREACH, errno.EHOSTUNREACH,
}  # fmt: skip
_LIBRARIES = ("aiobotocore", "aiohttp", "botocore", "gcsfs", "google", "adlfs", "azure")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What a listing says of an object.

    Attributes:
        size: Bytes.
        md5: Of the bytes, in hexadecimal, where the store says it.
    """

    size: int
    md5: str | None = None


class ObjectStore:
    """The objects below an address. Names are relative to it, with forward slashes.

    Nothing is cached between calls, and an object is there whole or not at all, as every object store promises.

    Args:
        address: See :func:`menura.objects.address.place_of`.

    Raises:
        BackendError: No library for this kind of store, or ``--offline``.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.says_md5 = True
        """Whether what looks like an MD5 in a listing is one; with some kinds of encryption it is not."""
        self._scheme = address.partition("://")[0]
        self._files = _file_system(address)
        self._root = str(self._files._strip_protocol(address)).rstrip("/")

    def find(self, folder: str = "", *, prefix: str = "") -> dict[str, ObjectFacts]:
        """Name of every object below a folder, whose name in there begins with ``prefix``, to what is known of it."""
        where = self._key(folder) if folder else self._root
        options = {"prefix": prefix} if prefix else {}
        try:
            found = self._do("listed", lambda: self._files.find(where, detail=True, **options))
        except FileNotFoundError:
            return {}
        return {
            name: self._facts(facts)
            for key, facts in found.items()
            if _is_file(facts) and (name := self._name(key)) and name.startswith(_joined(folder, prefix))
        }

    def look(self, folder: str = "") -> tuple[dict[str, ObjectFacts], list[str]]:
        """Names of the objects directly in a folder to what is known of them, and of the folders in it."""
        where = self._key(folder) if folder else self._root
        try:
            found = self._do("listed", lambda: self._files.ls(where, detail=True))
        except FileNotFoundError:
            return {}, []
        named = [(name, facts) for facts in found if (name := self._name(str(facts["name"]).rstrip("/")))]
        files = {name: self._facts(facts) for name, facts in named if _is_file(facts)}
        return files, [name for name, facts in named if not _is_file(facts)]

    def read(self, name: str) -> bytes | None:
        """The bytes of an object; None when there is none."""
        try:
            return bytes(self._do("read", lambda: self._files.cat_file(self._key(name))))
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write an object, in place of one that may be there."""
        self._do("written", lambda: self._files.pipe_file(self._key(name), data))

    def create(self, name: str, data: bytes) -> bool:
        """Write an object unless there is one; whether it was written.

        Where the store knows no condition it is written anyway.
        """
        try:
            self._do("created", lambda: self._files.pipe_file(self._key(name), data, mode="create"))
        except FileExistsError:
            return self.read(name) == data  # an earlier try of ours may have got through
        except (NotImplementedError, TypeError):  # of the store, or of its library
            self.write(name, data)
        return True

    def upload(self, pairs: Iterable[tuple[Path, str]]) -> None:
        """Upload files to names, many at the same time, in no particular order."""
        for some in _portions(pairs):
            sources, names = [str(path) for path, _ in some], [self._key(name) for _, name in some]
            self._do("written", partial(self._files.put, sources, names))

    def download(self, pairs: Iterable[tuple[str, Path]], *, staging: Path) -> None:
        """Download names to files, each of which is there whole or not at all.

        Args:
            pairs: Name and file.
            staging: A folder on the same file system that nobody else uses; it is made, and removed at the end.

        Raises:
            FileNotFoundError: An object is not there.
            OSError: The disk here cannot be written.
        """
        for some in _portions(pairs):
            staging.mkdir(parents=True, exist_ok=True)
            beside = [staging / str(number) for number in range(len(some))]
            names, targets = [self._key(name) for name, _ in some], [str(path) for path in beside]
            try:
                self._do("read", partial(self._files.get, names, targets))
                for path, (_, target) in zip(beside, some, strict=True):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(path, target)
            finally:
                shutil.rmtree(staging, ignore_errors=True)

    def copy(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Copy objects inside the store, without a byte through this machine."""
        for some in _portions(pairs):
            sources, targets = [self._key(name) for name, _ in some], [self._key(name) for _, name in some]
            self._do("written", partial(self._files.copy, sources, targets))

    def remove(self, names: Iterable[str]) -> None:
        """Delete objects; one that is not there counts as deleted."""
        for some in _portions(names):
            with suppress(FileNotFoundError):
                self._do("deleted", partial(self._files.rm, [self._key(name) for name in some]))

    def _facts(self, listed: dict[str, Any]) -> ObjectFacts:
        return ObjectFacts(int(listed["size"]), _md5_of(listed) if self.says_md5 else None)

    def _key(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _name(self, key: str) -> str:
        """The name of a key; empty where it is none of ours, as one that would lead out of a folder here."""
        name = key[len(self._root) + 1 :] if key.startswith(f"{self._root}/") else ""
        return "" if not {"", ".", ".."}.isdisjoint(name.split("/")) or "\\" in name or "\0" in name else name

    def _do(self, done: str, call: Callable[[], Result]) -> Result:
        """The result of a call, tried again as long as what fails may pass."""
        waits = iter(WAITS_S)
        while True:
            try:
                return call()
            except Exception as error:
                wait_s = next(waits, None) if _may_pass(error) else None
                if wait_s is None:
                    raise self._translated(error, done) from error
            time.sleep(wait_s)

    def _translated(self, error: Exception, done: str) -> Exception:
        if isinstance(error, MenuraError | FileExistsError | KeyboardInterrupt):
            return error
        if isinstance(error, FileNotFoundError):
            if "specified bucket" not in str(error).lower() and (
                done not in ("written", "created") or error.filename is not None
            ):
                return error
            bucket = self.address.split("/")[2]
            return RunError(f"there is no bucket {bucket!r} ({self.address}); make it first, Menura makes none")
        if done == "created" and isinstance(error, OSError) and error.errno == errno.ENOSYS:
            return NotImplementedError()
        if isinstance(error, OSError) and error.filename is not None and error.errno not in _PASSING:
            return error  # of the disk here, and said by disk_errors
        if isinstance(error, PermissionError) or "Credentials" in type(error).__name__:
            return RunError(
                f"{self.address} cannot be {done}: {_first_line(error)}. Check the keys of your provider and what they "
                "allow; for s3:// they come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, from AWS_PROFILE or from "
                "the machine (docs/object-storage.md)"
            )
        if _may_pass(error):
            return RunError(
                f"{self.address} cannot be reached ({_first_line(error)}), after {len(WAITS_S) + 1} tries. Everything "
                "finished so far is kept: run the same command again to go on"
            )
        if isinstance(error, OSError) or _is_of_library(error):
            return RunError(f"{self.address} cannot be {done}: {_first_line(error)}")
        return error


def _file_system(address: str) -> Any:
    scheme = address.partition("://")[0]
    _refuse_offline(address, scheme)
    try:
        files = import_module("fsspec").filesystem(scheme, **_options(scheme))
        if hasattr(files, "batch_size"):
            files.batch_size = _CONNECTIONS
        return files
    except ImportError as error:
        extra = "pip install 'menura[objects]'" if scheme in ("s3", "s3a") else f"{_first_line(error)}"
        raise BackendError(f"{address} needs a library that is not installed: {extra}") from error
    except ValueError as error:
        raise BackendError(
            f"no kind of object storage {scheme!r} ({_first_line(error)}); try s3:// or gs://"
        ) from error


def _options(scheme: str) -> dict[str, Any]:
    """What Menura needs of a file system; what the user has set for fsspec goes before."""
    own = import_module("fsspec").config.conf.get(scheme, {})
    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if scheme in ("s3", "s3a"):
        connections = {"max_pool_connections": 4 * _CONNECTIONS, "connect_timeout": _CONNECT_S, "read_timeout": _READ_S}
        options["config_kwargs"] = connections | own.get("config_kwargs", {})
    return options


def _refuse_offline(address: str, scheme: str) -> None:
    if not is_offline() or scheme == "memory":
        return
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    host = urlsplit(endpoint).hostname if scheme in ("s3", "s3a") else None
    if host is None or not is_this_machine(host):
        raise BackendError(
            f"{VARIABLE} is set, so {address} is not reached; unset it, or give a folder on this machine"
        )


def _is_file(facts: dict[str, Any]) -> bool:
    return facts.get("type") == "file"


def _md5_of(facts: dict[str, Any]) -> str | None:
    tag = str(facts.get("ETag", "")).strip('"')
    return tag if len(tag) == 32 and all(sign in "0123456789abcdef" for sign in tag) else None


def _joined(folder: str, prefix: str) -> str:
    return f"{folder}/{prefix}" if folder else prefix


def _portions(items: Iterable[Result]) -> Iterator[Sequence[Result]]:
    portion: list[Result] = []
    for item in items:
        portion.append(item)
        if len(portion) == _AT_ONCE:
            yield portion
            portion = []
    if portion:
        yield portion


def _may_pass(error: Exception) -> bool:
    """Whether the same request may go well in a moment: the network, a busy store; no key, no bucket, no disk."""
    if isinstance(error, PermissionError | FileNotFoundError | FileExistsError | MenuraError | ImportError):
        return False
    if isinstance(error, TimeoutError | ConnectionError):
        return True
    if isinstance(error, OSError) and not _is_of_library(error):
        return error.errno in _PASSING and error.filename is None
    return _is_of_library(error) and "Credentials" not in type(error).__name__ and "Param" not in type(error).__name__


def _is_of_library(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in _LIBRARIES


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
