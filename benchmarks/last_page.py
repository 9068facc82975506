"""Shards at the last page of memory: each is made in a process that gets no more of it, and dies, says so or is done.

    python benchmarks/last_page.py [--runs 200] [--seed 0]

A process with the run loaded is copied; the copy may map no more memory than it has (RLIMIT_AS), fills what is free
with small objects, gives a random number of them back, and makes a shard. Counted are copies that made the shard with
the bytes of an undisturbed one, copies that said that there is no memory, that died, and that hung for 20 seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

from menura.errors import ran_out_of_memory
from menura.pipeline.context import Context, load_context
from menura.pipeline.plan import read_requests
from menura.pipeline.store import StoringThread
from menura.pipeline.work import make_shard

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.faults.harness import digest  # noqa: E402
from tests.faults.sounds import write_sounds  # noqa: E402

_HANGS_S = 20.0
_OUT_OF_MEMORY = 3


def main() -> None:
    """Print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder)
        run = _made_run(world)
        context, requests = load_context(run), list(read_requests(run / "plan.parquet", 0, 4))
        make_shard(context, requests, world / "undisturbed")
        wanted, chance = digest(world / "undisturbed"), random.Random(asked.seed)
        counts: Counter[str] = Counter()
        for index in range(asked.runs):
            more, given_back = chance.choice([0, 0, 1, 4, 16]) << 20, int(2 ** chance.uniform(0, 16))
            ended = _ended(lambda: _strike(context, requests, world / str(index), more, given_back))  # noqa: B023
            if ended == "made" and digest(world / str(index)) != wanted:
                ended = "made of other bytes"
            counts[ended] += 1
    print(json.dumps(dict(sorted(counts.items()))))


def _made_run(world: Path) -> Path:
    write_sounds(world / "sounds")
    settings = world / "run.json"
    settings.write_text('{"amount": {"times": 2}, "judge": {"surplus": 1}, "shard_size": 4, "rounds": 1}')
    words = ["augment", str(world / "sounds"), "-o", str(world / "run"), "-c", str(settings), "--workers", "1"]
    subprocess.run([sys.executable, "-m", "menura", *words], check=True, capture_output=True)
    return world / "run"


def _strike(context: Context, requests: list, target: Path, more: int, given_back: int) -> None:
    """In the copy: use up the memory and make a shard."""
    context = replace(context, generating=threading.Lock(), storing=StoringThread())  # threads are not copied
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more, resource.RLIM_INFINITY))
    ballast: tuple = ()
    try:
        while True:
            ballast = (ballast, bytes(300))
    except MemoryError:
        pass
    while ballast and given_back:
        ballast, given_back = ballast[0], given_back - 1
    make_shard(context, requests, target)


def _ended(strike) -> str:
    """How a copy of this process ends that strikes."""
    copy = os.fork()
    if copy == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            strike()
        except BaseException as error:
            os._exit(_OUT_OF_MEMORY if ran_out_of_memory(error) else 1)
        os._exit(0)
    hung = threading.Event()

    def end() -> None:
        hung.set()
        os.kill(copy, 9)

    guard = threading.Timer(_HANGS_S, end)
    guard.start()
    status = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
    guard.cancel()
    guard.join()
    if hung.is_set():
        return "hung"
    known = {0: "made", 1: "another error", _OUT_OF_MEMORY: "out of memory"}
    return known.get(status, f"killed by signal {-status}")


if __name__ == "__main__":
    main()
