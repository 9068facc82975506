"""``menura review``, killed while somebody decides: every answered decision is on the disk, and at most the one that
was not answered yet is missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from tests.faults.harness import COMMANDS, ROOT, Bench

from menura.decisions import read_lines
from menura.seeding import item_generator

__all__ = ["REVIEW_DISTURBANCES", "kill_between", "kill_during"]

_LONGEST_S = 0.004


def kill_between(bench: Bench, at: int) -> list[str]:
    """kill -9 of the server after so many decisions were answered."""
    return _reviewed(bench, lambda decide, server, number: decide() and number == at and _kill(server))


def kill_during(bench: Bench, at: int) -> list[str]:
    """kill -9 of the server while so many decisions were answered and one more is under way."""
    wait_s = float(item_generator(0, "review", at).uniform(0, _LONGEST_S))

    def strike(decide: Callable[[], bool], server: subprocess.Popen[str], number: int) -> object:
        if number != at:
            return decide()
        threading.Timer(wait_s, _kill, (server,)).start()
        answered = decide()
        server.wait()
        return answered

    return _reviewed(bench, strike)


REVIEW_DISTURBANCES: Mapping[str, Callable[[Bench, int], list[str]]] = {
    "kill -9 between decisions": kill_between,
    "kill -9 during a decision": kill_during,
}


def _reviewed(bench: Bench, strike: Callable[[Callable[[], bool], subprocess.Popen[str], int], object]) -> list[str]:
    """Decides on every clip of a run in turn, starts the server again when it is gone, and says what is wrong."""
    run = _run(bench)
    problems: list[str] = []
    answered: list[str] = []
    starts = 0
    while True:
        starts += 1
        with _server(bench, run) as (server, visitor):
            clips = visitor.clips()
            known = _decided(run)
            extra = known[len(answered) :]
            if known[: len(answered)] != answered or extra not in ([], clips[len(answered) : len(answered) + 1]):
                problems.append(f"answered were {answered}, in the file are {known}")
            answered[:] = known
            while len(answered) < len(clips) and server.poll() is None:
                clip = clips[len(answered)]

                decide = partial(_answered, visitor, clip, answered)
                strike(decide, server, 0 if starts > 1 else len(answered) + 1)
            if len(answered) == len(clips):
                break
    rows, torn = read_lines(run / "review" / "decisions.jsonl")
    if torn or [row["n"] for row in rows] != list(range(1, len(rows) + 1)) or _decided(run) != clips:
        problems.append(f"{torn} torn lines, decided {_decided(run)} instead of {clips}")
    if starts != 2:
        problems.append(f"the server was started {starts} times instead of twice")
    bench.clear(COMMANDS["augment"])
    return problems


def _answered(visitor: _Visitor, clip: str, answered: list[str]) -> bool:
    """Decide on a clip, and note it down if there was an answer."""
    if not visitor.decides(clip):
        return False
    answered.append(clip)
    return True


def _run(bench: Bench) -> Path:
    """A finished run."""
    command = COMMANDS["augment"]
    bench.reference("augment")
    assert bench.run(command).status == 0
    return bench.out(command)


def _decided(run: Path) -> list[str]:
    """Clips in the order of their lines."""
    path = run / "review" / "decisions.jsonl"
    return [row["request"] for row in read_lines(path)[0]] if path.exists() else []


def _kill(server: subprocess.Popen[str]) -> None:
    server.send_signal(signal.SIGKILL)
    server.wait()


class _Visitor:
    """A browser that follows the link."""

    def __init__(self, link: str) -> None:
        self._base = link.partition("/?")[0]
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self._opener.open(link).read()

    def clips(self) -> list[str]:
        """All clips of the run, in an order that stays."""
        query = self._asked("/api/query")
        rows = self._asked(f"/api/rows?query={query['query']}&offset=0&limit={query['total']}")["rows"]
        return sorted(row["id"] for row in rows)

    def decides(self, clip: str) -> bool:
        """Whether the decision was answered."""
        said = json.dumps({"id": clip, "action": "accept"}).encode()
        headers = {"Content-Type": "application/json", "Origin": self._base}
        try:
            self._opener.open(urllib.request.Request(f"{self._base}/api/decide", said, headers)).read()
        except (OSError, HTTPException):
            return False
        return True

    def _asked(self, path: str) -> Any:
        return json.loads(self._opener.open(self._base + path).read())


@contextmanager
def _server(bench: Bench, run: Path) -> Iterator[tuple[subprocess.Popen[str], _Visitor]]:
    server = subprocess.Popen(
        [sys.executable, "-m", "menura", "review", str(run), "--no-browser", "--reviewer", "ada"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=bench.world,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MENURA_OFFLINE": "1", "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    try:
        assert server.stdout is not None
        yield server, _Visitor(server.stdout.readline().strip())
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGINT)
        server.communicate()
