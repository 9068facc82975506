"""What a run of millions of requests asks of the one process that leads it: memory, and time for each request.

    python benchmarks/simulated_run.py [--requests 100000 1000000] [--shards 20000] [--size 64]

Each size is a process of its own: it writes the plan, finds the shards that are missing, hands all of them (at most
``--shards``) through the pool of Ray actors to two workers that do nothing, and sorts the shards by label. Nothing is
generated, judged or stored: that is the work of the workers, and grows with their number. ``processor_s`` is the time
of the leading process alone, ``peak_mib`` its greatest memory so far, ``grown_mib`` without what libraries take.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from menura.pipeline.decide import shards_by_label
from menura.pipeline.plan import count_requests, lead_labels, read_requests, write_plan
from menura.pipeline.pool import Task, Tasks
from menura.pipeline.ray_cluster import joined
from menura.pipeline.ray_pool import ActorPool
from menura.pipeline.shards import missing_shards
from menura.types import Request

NUM_LABELS = 50
SHARDS_READ = 200


def requests(count: int) -> Iterator[Request]:
    """Requests as a recipe draws them, label after label."""
    for index in range(count):
        yield Request(
            labels=(f"label {index * NUM_LABELS // count:02d}",),
            generator="0123456789abcdef0123456789abcdef",
            parents=(f"{index // 100:032x}",),
            seed_key=("simulated", 0, f"{index // 100:032x}", index % 100),
            params={"gain_db": index % 7 - 3.5, "cents": index % 101 - 50.5, "stretch": 1.0 + index % 13 / 100},
        )


def nothing(task: Task) -> int:
    """What a worker does here."""
    return task.stop - task.start


@contextmanager
def stage(found: dict[str, dict[str, float]], name: str) -> Iterator[None]:
    """Notes the time of a stage and the memory at its end."""
    started, processor = time.perf_counter(), time.process_time()
    yield
    found[name] = {
        "wall_s": round(time.perf_counter() - started, 2),
        "processor_s": round(time.process_time() - processor, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def simulate(folder: Path, *, count: int, size: int, most_shards: int) -> dict[str, Any]:
    """Lead a run of so many requests."""
    stages: dict[str, dict[str, float]] = {}
    plan = folder / "plan.parquet"
    with stage(stages, "libraries"):
        write_plan(folder / "warm.parquet", requests(1000), lead_labels({}))
        missing_shards(folder, num_requests=1000, shard_size=size)
        list(read_requests(folder / "warm.parquet"))
    with stage(stages, "plan"):
        write_plan(plan, requests(count), lead_labels({}))
    with stage(stages, "missing shards"):
        missing, _ = missing_shards(folder, num_requests=count_requests(plan), shard_size=size)
        tasks = Tasks("plan.parquet", missing, num_requests=count, shard_size=size)
    with stage(stages, "labels"):
        shards = shards_by_label(folder, rounds=1, shard_size=size)
    step = max(1, len(tasks) // SHARDS_READ)
    with stage(stages, "reading the requests of 200 shards, as workers do"):
        for task in islice(tasks, 0, None, step):
            assert len(list(read_requests(plan, task.start, task.stop))) == task.stop - task.start
    handed = min(len(tasks), most_shards)
    with joined(None, workers=2) as ray, ActorPool(ray, nothing) as pool:
        pool.grow_to(2)
        assert len(list(pool.run(tasks[:2]))) == 2
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        with stage(stages, "handing out"):
            made = sum(number for _, number in pool.run(tasks[:handed]))
    assert made == tasks[:handed].num_requests
    assert sum(map(len, shards.values())) >= len(tasks)
    lead_s = sum(stages[name]["processor_s"] for name in ("plan", "missing shards", "labels"))
    lead_s += stages["handing out"]["processor_s"] * len(tasks) / handed
    return {
        "requests": count,
        "shards": len(tasks),
        "handed_out": handed,
        "plan_mib": round(plan.stat().st_size / 2**20, 1),
        "stages": stages,
        "grown_mib": round(stages["labels"]["peak_mib"] - stages["libraries"]["peak_mib"], 1),
        "grown_by_handing_out_mib": round(stages["handing out"]["peak_mib"] - before, 1),
        "processor_s_per_million": round(lead_s / count * 1e6, 1),
        "handing_out_processor_ms_per_shard": round(stages["handing out"]["processor_s"] / handed * 1e3, 3),
        "handing_out_wall_ms_per_shard": round(stages["handing out"]["wall_s"] / handed * 1e3, 3),
    }


def main() -> None:
    """Parse, start one process for each size, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--shards", type=int, default=20_000, help="handed out at most")
    parser.add_argument("--size", type=int, default=64, help="requests in a shard")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        with tempfile.TemporaryDirectory() as folder:
            found = simulate(Path(folder), count=options.requests[0], size=options.size, most_shards=options.shards)
        sys.stdout.write(json.dumps(found) + "\n")
        return
    runs = []
    for count in options.requests:
        command = [
            sys.executable, __file__, "--once", "--requests", str(count), "--shards", str(options.shards), "--size",
            str(options.size),
        ]  # fmt: skip
        runs.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
    sys.stdout.write(json.dumps({"runs": runs}, indent=2) + "\n")


if __name__ == "__main__":
    main()
