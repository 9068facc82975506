"""The content of a model folder in sixteen digits, and the table of tensors of a safetensors file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from menura.errors import BackendError
from menura.records import parse_json

__all__ = ["content_of", "read_header", "read_json"]

_SAMPLE = 64
_WHOLE = 1 << 26
"""Files of up to 64 MiB are read whole, which takes a tenth of a second."""

_READ_WHOLE = {".json", ".txt", ".model", ".jinja"}


def content_of(folder: Path) -> str:
    """Sixteen hexadecimal digits that follow from the content of a model folder, whatever it is called.

    Covers the whole of every file but documents. Of a safetensors file of more than 64 MiB it covers the size, the
    header (names, types and shapes of all tensors) and 64 bytes in the middle of every tensor: any training moves those
    bytes; a change of single numbers elsewhere is not seen, as reading gigabytes to plan would cost minutes.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if not file.is_file() or any(part.startswith(".") for part in Path(name).parts):
            continue
        if file.suffix == ".safetensors":
            digest.update(f"{name}:{_sampled(file) if file.stat().st_size > _WHOLE else _whole(file)}".encode())
        elif file.suffix in _READ_WHOLE:
            digest.update(f"{name}:{_whole(file)}".encode())
    return digest.hexdigest()[:16]


def _whole(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sampled(file: Path) -> str:
    header, start = read_header(file)
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    digest.update(str(file.stat().st_size).encode())
    with file.open("rb") as stream:
        for name in sorted(header):
            if name == "__metadata__":
                continue
            first, last = header[name]["data_offsets"]
            stream.seek(start + max(first, (first + last - _SAMPLE) // 2))
            digest.update(stream.read(min(_SAMPLE, last - first)))
    return digest.hexdigest()


def read_header(file: Path) -> tuple[dict[str, Any], int]:
    """The table of tensors of a safetensors file, and where their bytes begin.

    Raises:
        BackendError: It is no safetensors file, or a broken download.
    """
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= min(100_000_000, file.stat().st_size - 8):
            raise BackendError(f"{file} is no safetensors file or is cut off: download it again")
        try:
            header = parse_json(stream.read(length))
            entries = [entry for name, entry in header.items() if name != "__metadata__"]
            ends = [last for first, last in (entry["data_offsets"] for entry in entries) if 0 <= first <= last]
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise BackendError(f"{file} is no safetensors file or is damaged: download it again") from error
    if len(ends) < len(entries):
        raise BackendError(f"{file} is damaged: a tensor ends before it begins; download it again")
    if 8 + length + max(ends, default=0) > file.stat().st_size:
        raise BackendError(f"{file} is cut off: download it again")
    return header, 8 + length


def read_json(file: Path) -> dict[str, Any]:
    """The settings in a JSON file.

    Raises:
        BackendError: It cannot be read, or holds something else.
    """
    try:
        values = parse_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackendError(f"{file} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise BackendError(f"{file} holds no settings, expected a JSON object")
    return values
