"""The thread that stores audio: it outlives shards, and nothing waits for one that is dead."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from menura.pipeline import store
from menura.pipeline.context import Context
from menura.pipeline.shards import ShardRow
from menura.pipeline.store import RowWriter, StoringThread
from menura.pipeline.work import make_shard
from menura.types import Candidate, Request

ROW = ShardRow(Request(labels=("rain",), generator="half-1"), "rain")
SOUND = Candidate(ROW.request, np.zeros((1, 800), np.float32), 8000)


def thread_of(storing: StoringThread) -> threading.Thread:
    return storing._thread


def with_dead_thread() -> StoringThread:
    """One whose thread has died at something that is no task."""
    storing = StoringThread()
    storing._tasks.put("no task")  # type: ignore[arg-type]
    thread_of(storing).join()
    return storing


def refused() -> ShardRow:
    raise MemoryError


def test_what_it_does_comes_back_in_any_order_of_asking() -> None:
    storing = StoringThread()
    first, second = storing.submit(lambda: ROW), storing.submit(refused)
    with pytest.raises(MemoryError):
        second.result()
    assert first.result() is ROW
    assert storing.submit(lambda: ROW).result() is ROW


def test_no_thread_starts_while_shards_are_made(
    tmp_path: Path,
    context: Context,
    make_requests: Callable[..., list[Request]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(thread: threading.Thread) -> None:
        raise AssertionError(f"{thread.name} was started")

    monkeypatch.setattr(threading.Thread, "start", never)
    requests = make_requests([{"gain": 0.5}] * 3)
    for name in ("000000", "000001"):
        make_shard(context, requests, tmp_path / name)
        assert (tmp_path / name / f"{requests[0].id}.flac").is_file()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_want_of_memory_and_no_wait(tmp_path: Path) -> None:
    with RowWriter(tmp_path, "menura test", with_dead_thread()) as writer:
        writer.add(ROW, SOUND)
        writer.add(ROW, SOUND)
        with pytest.raises(MemoryError):
            writer.rows()


def test_what_has_not_begun_when_a_shard_is_given_up_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing, go = StoringThread(), threading.Event()
    original = store._Task._wait

    def wait_and_go(task: store._Task) -> bool:
        go.set()
        return original(task)

    def slow() -> ShardRow:
        go.wait()
        return ROW

    monkeypatch.setattr(store._Task, "_wait", wait_and_go)
    busy = storing.submit(slow)
    with RowWriter(tmp_path, "menura test", storing) as writer:
        writer.add(ROW, SOUND)
    assert busy.result() is ROW
    assert list(tmp_path.iterdir()) == []


def test_the_thread_ends_with_its_owner() -> None:
    storing = StoringThread()
    thread = thread_of(storing)
    del storing
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()
