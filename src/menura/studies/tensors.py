"""Arrays on disk with a word about them, which are whole, or count as absent: for caches that heal themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from menura.files import disk_errors, write_bytes
from menura.records import parse_json
from menura.seeding import canonical_json

__all__ = ["read_arrays", "write_arrays"]

Arrays = Mapping[str, NDArray[np.float32]]


def write_arrays(path: Path, arrays: Arrays, about: Mapping[str, Any]) -> None:
    """Write arrays and JSON values; equal ones give equal bytes.

    Raises:
        RunError: The disk cannot be written.
    """
    from safetensors.numpy import save

    tensors = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in sorted(arrays.items())}
    text = canonical_json(about)
    metadata = {"menura": canonical_json({"about": text, "digest": _digest(tensors, text)})}  # one key: one order
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, save(tensors, metadata=metadata))


def read_arrays(path: Path) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]] | None:
    """Arrays and values of a file; None when it is missing, damaged in any byte, or something else."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="np") as stored:
            said = parse_json((stored.metadata() or {})["menura"])
            arrays = {name: np.asarray(stored.get_tensor(name), dtype=np.float32) for name in stored.keys()}  # noqa: SIM118
        if said["digest"] != _digest(arrays, said["about"]):
            return None
        about = parse_json(said["about"])
    except (SafetensorError, OSError, KeyError, ValueError, TypeError):
        return None
    return (arrays, about) if isinstance(about, dict) else None


def _digest(arrays: Arrays, text: str) -> str:
    """Hash of the words, and of names, shapes and bytes."""
    found = hashlib.sha256(text.encode())
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.shape} ".encode())
        found.update(array.tobytes())
    return found.hexdigest()[:16]
