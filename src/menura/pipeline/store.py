"""Storing the audio of a shard while the next candidate is already being made."""

from __future__ import annotations

import hashlib
import queue
import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from menura.audio import clip_id, encode
from menura.errors import AudioError
from menura.files import write_unflushed
from menura.pipeline.shards import ShardRow
from menura.types import Candidate, Recording, Request, Waveform

__all__ = ["RowWriter", "StoringThread", "as_stored", "audio_tags", "encoded"]

_MOST_WAITING_BYTES = 16 << 20
"""Waveforms that may wait for the disk, beside the one that is being stored; more, and the maker waits too."""
_LOOK_S = 1.0
"""How often to see, while waiting, whether the thread still lives."""


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


class StoringThread:
    """A thread that does one thing after another, for as long as this object lives.

    It starts at once, and not when a shard is due: at the last page of its memory Python waits for ever for a new
    thread that finds none. A task fails without asking for memory, and one whose thread has died fails too.
    """

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=_serve, args=(self._tasks,), name="store", daemon=True)
        self._thread.start()
        weakref.finalize(self, self._tasks.put, None)

    def submit(self, work: Callable[[], ShardRow]) -> _Task:
        """Let it do something soon."""
        task = _Task(work, self._thread)
        self._tasks.put(task)
        return task


def _serve(tasks: queue.SimpleQueue[_Task | None]) -> None:
    while (task := tasks.get()) is not None:
        task.do()
        del task  # and with it the sound that it holds


class _Task:
    """Something to do in a thread, and what came of it; nothing of :meth:`do` asks for memory but the work itself."""

    __slots__ = ("_done", "_error", "_row", "_thread", "_work")

    def __init__(self, work: Callable[[], ShardRow], thread: threading.Thread) -> None:
        self._work: Callable[[], ShardRow] | None = work
        self._thread, self._row, self._error = thread, None, None
        self._done = threading.Lock()
        self._done.acquire()

    _row: ShardRow | None
    _error: BaseException | None

    def do(self) -> None:
        work = self._work
        try:
            if work is not None:
                self._row = work()
        except BaseException as error:
            self._error = error
        finally:
            self._work = None
            self._done.release()

    def cancel(self) -> None:
        """Do not begin; waits for the end if it has begun."""
        self._work = None
        self._wait()

    def result(self) -> ShardRow:
        """The row, once it is there.

        Raises:
            MemoryError: The thread has died, which it does for want of memory alone.
            Exception: What the work raised.
        """
        if not self._wait():
            raise MemoryError
        if self._error is not None:
            raise self._error
        assert self._row is not None
        return self._row

    def _wait(self) -> bool:
        """Whether it was done."""
        while not self._done.acquire(timeout=_LOOK_S):
            if not self._thread.is_alive():
                return self._done.acquire(blocking=False)
        self._done.release()
        return True


class RowWriter:
    """Collects the rows of a shard in order while a thread beside stores their audio; a context manager.

    Args:
        folder: Where the audio files go.
        software: Name and version, for the tags.
        thread: It stores the audio, of several shards if need be.
    """

    def __init__(self, folder: Path, software: str, thread: StoringThread) -> None:
        self._folder, self._software, self._thread = folder, software, thread
        self._rows: list[ShardRow] = []
        self._waiting: deque[tuple[ShardRow | _Task, int]] = deque()

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, *unused: object) -> None:
        for waiting, _ in self._waiting:
            if isinstance(waiting, _Task):
                waiting.cancel()

    def add(self, row: ShardRow, candidate: Candidate | None = None) -> None:
        """Append a row; the audio of its candidate, if there is one, is stored soon.

        Raises:
            OSError: An earlier file could not be written.
        """
        if candidate is None:
            self._waiting.append((row, 0))
        else:
            work = partial(_stored, row, candidate, self._folder, self._software)
            self._waiting.append((self._thread.submit(work), candidate.waveform.nbytes))
        while len(self._waiting) > 1 and sum(size for _, size in self._waiting) > _MOST_WAITING_BYTES:
            self._take_first()

    def rows(self) -> list[ShardRow]:
        """All rows, when their audio is on the disk."""
        while self._waiting:
            self._take_first()
        return self._rows

    def _take_first(self) -> None:
        first, _ = self._waiting.popleft()
        self._rows.append(first.result() if isinstance(first, _Task) else first)


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
