"""Kills a run at chosen moments; a program of its own, so that it can fork without threads.

Usage: ``python crashing.py DATASET FOLDER POINTS``. Makes a whole run, counting every change on the disk; then, for
each of POINTS moments spread over these, lets a child die by SIGKILL right before that change, lets another child go
on, and compares the bytes. Prints one JSON object.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from menura import files
from menura.config import AmountSettings, JudgeSettings, RunSettings
from menura.datasets import load
from menura.datasets.dataset import TrainingPart
from menura.pipeline import shards, store
from menura.recipes.augment import augment

PROMISED = ("run.json", "training.jsonl", "plan.parquet", "judgements.parquet", "shards", "rounds", "dataset", "judge")
SETTINGS = RunSettings(amount=AmountSettings(times=2), judge=JudgeSettings(surplus=1), shard_size=4, rounds=2)


def digest(run: Path) -> dict[str, str]:
    """File to hash, of everything that the promise of equal bytes covers, and of anything left over."""
    found = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if path.is_file() and name not in ("log.jsonl", ".lock"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


class Countdown:
    """Counts changes on the disk, and kills this process right before the one with the chosen number."""

    def __init__(self, deadly: int | None) -> None:
        self.count, self.deadly = 0, deadly

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        writing = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not writing and event not in ("os.rename", "os.link", "os.mkdir", "os.rmdir", "os.remove", "shutil.rmtree"):
            return
        self.change()

    def change(self) -> None:
        self.count += 1
        if self.count == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def tear_files(self) -> None:
        """Count the moment at which half of a file is written, too."""

        def in_two_parts(path: Path, data: bytes) -> None:
            with path.open("wb") as sink:
                sink.write(data[: len(data) // 2])
            self.change()
            path.write_bytes(data)

        store.write_unflushed = in_two_parts
        for module in (files, shards):
            module.write_durably = in_two_parts  # type: ignore[attr-defined]


def in_child(training: TrainingPart, out: Path, deadly: int | None) -> tuple[int, int]:
    """Exit status of a child that makes the run, and the number of changes that it counted."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            countdown = Countdown(deadly)
            countdown.tear_files()
            sys.addaudithook(countdown.watch)
            augment(training, out=out, settings=SETTINGS, workers=1)
            os.write(writer, str(countdown.count).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as source:
        counted = source.read()
    return os.waitpid(child, 0)[1], int(counted or 0)


def main(dataset: Path, folder: Path, points: int) -> None:
    training = load(dataset).train
    augment(training, out=folder / "whole", settings=SETTINGS, workers=1)  # here, so that all is imported
    expected = digest(folder / "whole")
    status, changes = in_child(training, folder / "again", None)
    assert digest(folder / "again") == expected
    different = {}
    killed = 0
    moments = sorted({1 + round(index * (changes - 2) / (points - 1)) for index in range(points)})
    for moment in moments:
        out = folder / f"killed-{moment}"
        killed += os.WIFSIGNALED(in_child(training, out, moment)[0])
        resumed, _ = in_child(training, out, None)
        found = digest(out)
        if resumed != 0 or found != expected:
            names = [name for name in {*expected, *found} if expected.get(name) != found.get(name)]
            different[moment] = [resumed, *sorted(names)[:5]]
    result = {
        "status": status,
        "changes": changes,
        "moments": len(moments),
        "killed": killed,
        "different": different,
        "files": sorted({name.partition("/")[0] for name in expected}),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
