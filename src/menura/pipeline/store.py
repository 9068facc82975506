"""Storing the audio of a shard while the next candidate is already being made."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from menura.audio import clip_id, encode
from menura.errors import AudioError
from menura.files import write_unflushed
from menura.pipeline.shards import ShardRow
from menura.types import Candidate, Recording, Request, Waveform

__all__ = ["RowWriter", "as_stored", "audio_tags", "encoded"]

_MOST_WAITING_BYTES = 16 << 20
"""Waveforms that may wait for the disk, beside the one that is being stored; more, and the maker waits too."""


def audio_tags(request: Request, software: str) -> dict[str, str]:
    """Tags of every file: people and machines can tell that nobody recorded it."""
    return {
        "title": request.id,
        "comment": f"synthetic=true; generated audio, not a recording; request={request.id}",
        "software": software,
        "genre": "synthetic",
    }


def encoded(candidate: Candidate, software: str) -> tuple[bytes, Recording]:
    """FLAC bytes of a candidate, and the recording that a reader of them gets.

    Raises:
        AudioError: The waveform cannot be stored as FLAC.
    """
    stored = Recording(as_stored(candidate.waveform), candidate.sample_rate)
    return encode(stored, tags=audio_tags(candidate.request, software)), stored


def as_stored(waveform: Waveform) -> Waveform:
    """The waveform after 16 bits: what decoding the file gives, without decoding it."""
    stored: Waveform = np.asarray(waveform, dtype=np.float32) * np.float32(32768)
    np.rint(stored, out=stored)
    np.clip(stored, -32768, 32767, out=stored)
    stored += np.float32(0)  # whole numbers have no negative zero
    stored *= np.float32(1 / 32768)
    return stored


class RowWriter:
    """Collects the rows of a shard in order and stores their audio in one thread beside; a context manager.

    Args:
        folder: Where the audio files go.
        software: Name and version, for the tags.
    """

    def __init__(self, folder: Path, software: str) -> None:
        self._folder, self._software = folder, software
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._rows: list[ShardRow] = []
        self._waiting: deque[tuple[Future[ShardRow], int]] = deque()

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, *unused: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def add(self, row: ShardRow, candidate: Candidate | None = None) -> None:
        """Append a row; the audio of its candidate, if there is one, is stored soon.

        Raises:
            OSError: An earlier file could not be written.
        """
        task: Callable[..., ShardRow] = _unchanged if candidate is None else _stored
        size = 0 if candidate is None else candidate.waveform.nbytes
        self._waiting.append((self._threads.submit(task, row, candidate, self._folder, self._software), size))
        while len(self._waiting) > 1 and sum(size for _, size in self._waiting) > _MOST_WAITING_BYTES:
            self._take_first()

    def rows(self) -> list[ShardRow]:
        """All rows, when their audio is on the disk."""
        while self._waiting:
            self._take_first()
        return self._rows

    def _take_first(self) -> None:
        future, _ = self._waiting.popleft()
        self._rows.append(future.result())


def _unchanged(row: ShardRow, *unused: Any) -> ShardRow:
    return row


def _stored(row: ShardRow, candidate: Candidate, folder: Path, software: str) -> ShardRow:
    name = f"{row.request.id}.flac"
    try:
        data, stored = encoded(candidate, software)
    except AudioError as error:
        return replace(row, reason=f"cannot be stored: {error}")
    write_unflushed(folder / name, data)
    return replace(
        row,
        file=name,
        sha256=hashlib.sha256(data).hexdigest(),
        clip_id=clip_id(stored),
        num_samples=stored.waveform.shape[1],
        sample_rate=stored.sample_rate,
        channels=stored.waveform.shape[0],
    )
