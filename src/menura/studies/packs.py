"""Features on disk: one file for many clips, so that each clip is decoded and described once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.files import disk_errors, write_bytes

__all__ = ["Features", "read_pack", "stored_form", "write_pack"]

Features = dict[str, NDArray[np.float32]]
"""Clip id to features."""


def stored_form(features: NDArray[np.float32]) -> NDArray[np.generic]:
    """What is written: vectors as they are, spectrograms in half precision (0.06 dB at 100 dB), half the space.

    Everybody goes through this form, so that a resumed evaluation sees what an uninterrupted one saw.
    """
    return features.astype(np.float16) if features.ndim > 1 else features.astype(np.float32)


def write_pack(path: Path, features: Mapping[str, NDArray[np.generic]], fingerprint: str) -> None:
    """Write features in their stored form.

    Args:
        path: File, which exists whole or not at all.
        features: Clip id to :func:`stored_form` of its features.
        fingerprint: Of what made them.

    Raises:
        RunError: The disk cannot be written.
    """
    from safetensors.numpy import save

    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {clip_id: np.ascontiguousarray(array) for clip_id, array in sorted(features.items())}
        write_bytes(path, save(tensors, metadata={"fingerprint": fingerprint}))


def read_pack(path: Path, fingerprint: str, ids: Iterable[str] | None) -> Features | None:
    """Features of the clips; None when the file is missing, damaged, made otherwise, or lacks one of them.

    Args:
        path: File of :func:`write_pack`.
        fingerprint: Of what made them.
        ids: Which clips; None for all that are there.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="np") as pack:
            if (pack.metadata() or {}).get("fingerprint") != fingerprint:
                return None
            return {
                clip_id: pack.get_tensor(clip_id).astype(np.float32)
                for clip_id in (pack.keys() if ids is None else ids)
            }
    except (SafetensorError, OSError, KeyError):
        return None
