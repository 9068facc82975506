"""Fetching a public dataset: resumed where it broke off, checked, unpacked without trusting the archive."""

from __future__ import annotations

import errno
import hashlib
import http.client
import lzma
import shutil
import struct
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from menura.errors import ConfigError, DatasetError
from menura.files import disk_trouble
from menura.offline import is_offline
from menura.types import Progress

__all__ = ["download", "file_checksum", "unpack"]

_BLOCK = 1 << 20
_TIMEOUT_S = 60
_MAX_RATIO = 200
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""LZMA in a ZIP archive takes as much memory as the archive says, up to 4 GiB."""
_ODD_NAMES = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)
_LONGEST_PATH = 1000
_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")


def download(
    url: str,
    to: Path,
    *,
    checksum: str | None = None,
    tries: int = 5,
    wait_s: float = 1.0,
    progress: Progress | None = None,
) -> str:
    """Fetch a file; what is there already of an earlier attempt is kept and continued.

    Args:
        url: ``https`` or ``http`` address.
        to: File to write; ``<to>.part`` holds what has come so far.
        checksum: ``sha256:…`` or ``md5:…`` that the file must have.
        tries: How often a broken connection is tried again without any progress in between.
        wait_s: Pause before the second try, in seconds; doubles each time.
        progress: Called with ``download``, bytes done, bytes in all (0 when unknown).

    Returns:
        ``sha256:…`` of the file.

    Raises:
        ConfigError: ``MENURA_OFFLINE`` is set, or the address is of another kind.
        DatasetError: The server refuses, the connection keeps breaking, or the checksum differs.
    """
    shown = _checked(url)
    if is_offline():
        raise ConfigError(
            f"MENURA_OFFLINE is set, so {shown} is not fetched; unset it, or point at a copy with --local"
        )
    part = to.with_name(to.name + ".part")
    to.parent.mkdir(parents=True, exist_ok=True)
    failures, last = 0, ""
    while not to.exists():
        before = part.stat().st_size if part.exists() else 0
        try:
            if _continue(url, part, progress):
                _check(part, checksum, shown)
                part.replace(to)
                break
            last = "the connection closed early"
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 429):
                raise DatasetError(
                    f"{shown} answers {error.code} {error.reason}; check the address or use --url"
                ) from error
            last = f"{error.code} {error.reason}"
        except OSError as error:
            if disk_trouble(error):  # not the network's fault
                raise
            last = str(getattr(error, "reason", error))
        except (http.client.HTTPException, ValueError) as error:
            last = f"no HTTP that can be understood, {error or type(error).__name__}"
        failures = 0 if part.exists() and part.stat().st_size > before else failures + 1
        if failures >= tries:
            have = part.stat().st_size if part.exists() else 0
            raise DatasetError(
                f"{shown} broke off {tries} times ({last}); {have} bytes are kept, run the command again"
            )
        time.sleep(wait_s * 2 ** max(0, failures - 1) if failures else 0)
    _check(to, checksum, shown)
    return f"sha256:{file_checksum(to, 'sha256')}"


def _checked(url: str) -> str:
    """An address as messages show it: without its query, which may be a signature or a key.

    Raises:
        ConfigError: It is none that can be asked, or holds a name and a password, which the message does not show.
    """
    shown = url.partition("?")[0]
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound, parts = False, urlsplit("")
    if "@" in shown.partition("://")[2].partition("/")[0]:
        raise ConfigError("the address holds a name or a password, which are not sent; take one without, or --local")
    if not sound or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigError(f"{shown!r} is not an http(s) address; write other characters as %20 and the like")
    return shown + ("?…" if parts.query else "")


def _continue(url: str, part: Path, progress: Progress | None) -> bool:
    """Append what is missing; whether the file is complete now."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(
        url, headers={"User-Agent": "menura", **({"Range": f"bytes={have}-"} if have else {})}
    )
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is missing, or the part is of another file: start anew if so
            whole = (error.headers.get("Content-Range") or "").rpartition("/")[2]
            if whole == str(have):
                return True
            part.unlink()
            return False
        raise
    with response:
        is_partial = response.status == 206
        length = response.headers.get("Content-Length")
        done = have if is_partial else 0
        total = done + int(length) if length else 0
        with part.open("ab" if is_partial else "wb") as sink:
            while block := _read(response):
                sink.write(block)
                done += len(block)
                if progress:
                    progress("download", done, max(total, done))
    return done == total if total else True


def _read(response: IO[bytes]) -> bytes:
    return response.read(_BLOCK)


def _check(path: Path, checksum: str | None, shown: str) -> None:
    if checksum is None:
        return
    kind, _, expected = checksum.partition(":")
    found = file_checksum(path, kind)
    if found != expected:
        path.unlink()
        raise DatasetError(f"{shown} has {kind} {found}, expected {expected}; the file was removed, fetch it again")


def file_checksum(path: Path, kind: str) -> str:
    """Hexadecimal checksum of a file.

    Raises:
        ConfigError: The kind is neither ``sha256`` nor ``md5``.
    """
    if kind not in ("sha256", "md5"):
        raise ConfigError(f"checksums are sha256 or md5, not {kind!r}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def unpack(archive: Path, to: Path, *, progress: Progress | None = None) -> int:
    """Unpack an archive into a folder; written beside and renamed, so that half an archive is never taken for a whole.

    Links, devices, absolute and climbing paths are refused, and so is an archive that grows more than 200-fold.

    Returns:
        Number of files.

    Raises:
        DatasetError: The archive is of an unknown kind, damaged, or not safe to unpack.
    """
    beside = to.with_name(f".{to.name}.unpacking")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    budget = archive.stat().st_size * _MAX_RATIO
    count = 0
    try:
        with _members(archive) as members:
            for name, size, source in members:
                budget -= size
                if budget < 0:
                    raise DatasetError(f"{archive} unpacks to more than {_MAX_RATIO} times its size; it is not trusted")
                _write_member(beside, name, source, size, archive)
                count += 1
                if progress:
                    progress("unpack", count, 0)
    except BaseException as error:
        shutil.rmtree(beside, ignore_errors=True)
        if not _is_damage(error):
            raise
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise DatasetError(f"{archive} is damaged or cannot be read ({why}); remove it and fetch it again") from error
    beside.replace(to)
    return count


def _is_damage(error: BaseException) -> bool:
    """Whether a library says that an archive is damaged, encrypted, or packed in a way that it does not know."""
    if isinstance(error, OSError):
        return error.errno in (None, errno.EINVAL)  # of gzip and bzip2, or a place before the file; not of the disk
    kinds = (
        tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, IndexError,
        OverflowError, ValueError, RuntimeError,
    )  # fmt: skip
    return isinstance(error, kinds) and not isinstance(error, DatasetError)


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[tuple[str, int, IO[bytes]]]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            yield _zip_members(opened, archive)
    elif archive.name.endswith(_SUFFIXES):
        with tarfile.open(archive) as packed:
            yield _tar_members(packed, archive)
    else:
        raise DatasetError(f"{archive} is not an archive that can be unpacked, expected one of {', '.join(_SUFFIXES)}")


def _zip_members(opened: zipfile.ZipFile, archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    for item in opened.infolist():
        if item.is_dir():
            continue
        if item.compress_type not in _ZIP_METHODS:
            raise DatasetError(
                f"{archive} holds {item.filename!r:.200}, packed by method {item.compress_type}, expected none, "
                "deflate or bzip2; it is not trusted. Pack it again"
            )
        yield item.filename, item.file_size, opened.open(item)


def _tar_members(packed: tarfile.TarFile, archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    for item in packed:
        if item.isdir():
            continue
        source = packed.extractfile(item) if item.isfile() else None
        if source is None:
            raise DatasetError(f"{archive} holds {item.name!r}, a link or device; it is not trusted")
        yield item.name, item.size, source


def _write_member(folder: Path, name: str, source: IO[bytes], size: int, archive: Path) -> None:
    pure = PurePosixPath(name.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or ":" in pure.parts[0]:
        raise DatasetError(f"{archive} holds {name!r:.200}, a path that leaves its folder; it is not trusted")
    with source, _new_file(folder.joinpath(*pure.parts), name, archive) as sink:
        left = size
        while left and (block := source.read(min(_BLOCK, left))):
            sink.write(block)
            left -= len(block)


def _new_file(path: Path, name: str, archive: Path) -> IO[bytes]:
    """A file for a member, in new folders; refused where its name is too long or that of a folder or file already."""
    try:
        if len(name) > _LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, "too long")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError as error:
        if error.errno not in _ODD_NAMES:
            raise
        why = "a name that is too long" if error.errno == errno.ENAMETOOLONG else "the name of a file and of a folder"
        raise DatasetError(f"{archive} holds {name!r:.200}, {why}; it is not trusted") from error
