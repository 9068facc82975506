"""The local engine with a generator that is loaded only once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from menura.backends.base import Generator, Parents
from menura.errors import RunError
from menura.judge.panel import JudgePanel, Scored
from menura.pipeline.context import Context
from menura.pipeline.engine import LocalEngine
from menura.pipeline.plan import lead_labels, write_plan
from menura.pipeline.pool import Task
from menura.types import Candidate, Request

Make = Callable[..., list[Request]]
SIZE = 3


@dataclass(frozen=True)
class Heavy:
    """Another generator, and the wish to be loaded once."""

    inner: Generator
    started: threading.Semaphore
    one_process: bool = True

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        self.started.release()
        return self.inner.generate(requests, parents)


@dataclass(frozen=True)
class Listening:
    """A judge that does what it is told before it says what another one says."""

    inner: JudgePanel
    before: Callable[[], None]

    def score(self, candidate: Candidate) -> Scored:
        self.before()
        return self.inner.score(candidate)


@pytest.fixture
def tasks(tmp_path: Path, make_requests: Make) -> list[Task]:
    requests = make_requests([{"gain": 0.2 + number / 20} for number in range(4 * SIZE)])
    write_plan(tmp_path / "plan.parquet", requests, lead_labels({"siren": 4, "rain": 4}))
    return [Task("plan.parquet", at, at + SIZE, f"shards/{at // SIZE:06d}") for at in range(0, len(requests), SIZE)]


def made(run: Path, context: Context, tasks: list[Task]) -> dict[str, bytes]:
    """All files of all shards."""
    seen: list[int] = []
    with LocalEngine(run, workers=1, context=lambda: context) as engine:
        found = list(engine.make(tasks, on_request=seen.append))
    assert sorted(done.task.target for done in found) == [task.target for task in tasks]
    assert seen
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in sorted((run / "shards").rglob("*.*"))}


def test_two_shards_at_a_time_leave_the_same_bytes(tmp_path: Path, context: Context, tasks: list[Task]) -> None:
    one = made(tmp_path, context, tasks)
    (tmp_path / "shards").rename(tmp_path / "before")
    heavy = Heavy(context.generator_of(0), threading.Semaphore(0))
    assert made(tmp_path, replace(context, generator_of=lambda index: heavy), tasks) == one
    assert len(one) == len(tasks) * (SIZE + 1)


def test_the_generator_works_on_the_next_shard_while_the_first_is_judged(
    tmp_path: Path, context: Context, tasks: list[Task]
) -> None:
    started = threading.Semaphore(0)
    heavy = Heavy(context.generator_of(0), started)
    first = threading.Lock()

    def wait_for_the_second_call() -> None:
        if first.acquire(blocking=False):
            assert all(started.acquire(timeout=60) for _ in range(2))

    panel = Listening(context.panel, wait_for_the_second_call)
    made(tmp_path, replace(context, generator_of=lambda index: heavy, panel=panel), tasks)


def test_what_fails_in_one_shard_stops_the_others_and_is_raised(
    tmp_path: Path, context: Context, tasks: list[Task]
) -> None:
    def fail() -> None:
        raise RunError("the judge has left")

    heavy = Heavy(context.generator_of(0), threading.Semaphore(0))
    broken = replace(context, generator_of=lambda index: heavy, panel=Listening(context.panel, fail))
    with pytest.raises(RunError, match="the judge has left"):
        made(tmp_path, broken, tasks)
    assert not [path for path in (tmp_path / "shards").glob("*") if not path.name.startswith(".")]
