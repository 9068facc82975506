"""Local against Ray: same bytes, time that Ray adds, efficiency, and what the loss of a machine or a driver costs.

    python benchmarks/ray_engine.py [--clips 320] [--seconds 0.5] [--repeats 1] [--parts ray two-nodes ...]

The parts are local, ray, two-nodes, node-loss and driver-killed. Each makes the same run with a generator that sleeps
for so long per clip and gives its parent at another level, with two workers, in a process of its own, and compares
every file with that of one process that does not sleep.
``two-nodes`` starts two raylets with a core each; ``node-loss`` kills one of them when a third of the clips is made;
``driver-killed`` kills the leading process (SIGKILL) and runs it again. ``efficiency`` is
the share of the time of two workers in which they do nothing but sleep, from when on both work until one has no more to
do; ``busy`` the share in which they have a shard, and ``engine_ms_per_clip`` the rest, which is what the engine costs.
``starting_s`` lasts until the first shard is begun, and ``efficiency_of_all`` is the share from the start of the run to
its last shard: starting and the end, when one worker has no more to do, count as lost. Numbers are medians of the
repeats. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

PARTS = ("local", "ray", "two-nodes", "node-loss", "driver-killed")
SHARD = 4
STUB = """
import os, time
from menura.types import Candidate

class Sleeping:
    name, fingerprint, parents_needed = "sleeping", "sleeping-1", (1, 1)
    def __init__(self, settings): pass
    def draw(self, parents, generator): return {"gain": round(float(generator.uniform(0.2, 0.9)), 4)}
    def generate(self, requests, parents):
        made = []
        for request in requests:
            time.sleep(float(os.environ["SLEEP_S"]))
            parent = parents(request.parents[0])
            made.append(Candidate(request, parent.waveform * request.params["gain"], parent.sample_rate, {}))
        return made
"""


def install_stub(folder: Path) -> None:
    """A package with a generator, as a foreign one would be installed."""
    (folder / "sleeping.py").write_text(STUB)
    about = folder / "sleeping-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sleeping\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[menura.generators]\nsleeping = sleeping:Sleeping\n")


def make(data: str, out: str, part: str, clips: int) -> dict[str, Any]:
    """Make the run in this process, and say when its shards were finished."""
    from menura.config import AmountSettings, GeneratorSettings, JudgeSettings, RunSettings
    from menura.datasets import load
    from menura.pipeline.engine import EngineSettings
    from menura.recipes.augment import augment

    training = load(data).train
    settings = RunSettings(
        amount=AmountSettings(times=clips / len(training.clips)),
        generator=GeneratorSettings(name="sleeping"),
        judge=JudgeSettings(surplus=1, enabled=False),
        shard_size=SHARD,
        rounds=0,
    )
    cluster, second, address, seen = None, None, None, [0]
    if part in ("two-nodes", "node-loss"):
        cluster, second = two_nodes()
        address = cluster.address
    started = time.time()

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "making clips" and done > seen[-1]:
            seen.append(done)
            if part == "node-loss" and seen[-2] * 3 < total <= done * 3:
                cluster.remove_node(second, allow_graceful=False)

    engine = "local" if part in ("local", "expected") else EngineSettings("ray", address=address)
    workers = 1 if part == "expected" else 2
    augment(training, out=out, settings=settings, workers=workers, engine=engine, progress=progress)
    wall_s = time.time() - started
    if cluster is not None:
        cluster.shutdown()
    return {"wall_s": round(wall_s, 1), "started": started}


def two_nodes() -> tuple[Any, Any]:
    """A cluster of two raylets with a core each, on loopback, and the second of them."""
    from ray._private import ray_constants
    from ray.cluster_utils import Cluster

    ray_constants.ENABLE_RAY_CLUSTER = False
    node = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 100 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    node.pop("include_dashboard")
    second = cluster.add_node(**node)
    cluster.wait_for_nodes()
    return cluster, second


def digest(run: Path) -> dict[str, str]:
    """File to hash, of all that the promise of equal bytes covers, and of anything left over."""
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in ("log.jsonl", ".lock")
    }


@dataclass(frozen=True)
class Made:
    """A finished shard: which one, and from when to when a worker was busy with it, in seconds of the clock."""

    target: str
    start: float
    stop: float

    def within(self, first: float, last: float) -> float:
        """The share of its time that lies between two moments."""
        return max(0.0, min(self.stop, last) - max(self.start, first)) / (self.stop - self.start)


def shards_made(run: Path) -> list[Made]:
    """The shards in the order in which they were finished, once for each time."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [
        Made(line["target"], line["time"] - line["total_s"], line["time"]) for line in lines if line["event"] == "shard"
    ]


def both_at_work(made: Sequence[Made]) -> tuple[float, float]:
    """From when on both workers work, and until when there is enough for both."""
    first = min(max(one.start, other.start) for one, other in combinations(made, 2) if one.start < other.stop
                and other.start < one.stop)  # fmt: skip
    return first, sorted(one.stop for one in made)[-2]


def measured(part: str, folder: Path, options: argparse.Namespace, expected: dict[str, str]) -> dict[str, Any]:
    """Run a part in a process of its own and look at what it left."""
    out = folder / part
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "stub"), os.environ.get("PYTHONPATH", "")]),
        "SLEEP_S": "0" if part == "expected" else str(options.seconds), "RAY_USAGE_STATS_ENABLED": "0",
    }  # fmt: skip
    command = [
        sys.executable,
        __file__,
        "--once",
        part,
        str(folder / "sounds"),
        str(out),
        "--clips",
        str(options.clips),
    ]
    if part == "driver-killed":
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        while len(list(out.glob("shards/0*"))) < options.clips // SHARD // 3:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = len(list(out.glob("shards/0*")))
    ran = json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout)
    if part == "expected":
        return {}
    made = shards_made(out)
    names = {one.target for one in made}
    found = {
        "wall_s": ran["wall_s"],
        "same_bytes": digest(out) == expected,
        "files": len(expected),
        "shards": len(names),
        "made_twice": len(made) - len(names),
    }
    if part == "driver-killed":
        return {**found, "kept_from_before": kept}
    if part != "node-loss":
        first, last = both_at_work(made)
        shares = [one.within(first, last) for one in made]
        available = 2 * (last - first)
        busy = sum(share * (one.stop - one.start) for share, one in zip(shares, made, strict=True))
        found["starting_s"] = round(min(one.start for one in made) - ran["started"], 1)
        found["busy"] = round(busy / available, 4)
        found["efficiency"] = round(sum(shares) * SHARD * options.seconds / available, 4)
        whole = 2 * (max(one.stop for one in made) - ran["started"])
        found["efficiency_of_all"] = round(len(names) * SHARD * options.seconds / whole, 4)
        found["engine_ms_per_clip"] = round((available - busy) / sum(shares) / SHARD * 1e3, 2)
    return found


def medians(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of each number over the repeats; what is true or false of all of them."""

    def of(values: list[Any]) -> Any:
        return all(values) if isinstance(values[0], bool) else statistics.median(values)

    return {name: of([one[name] for one in found]) for name in found[0]}


def main() -> None:
    """Parse, run the parts, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--clips", type=int, default=320)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--once", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        found = make(*options.paths, part=options.once, clips=options.clips)
        sys.stdout.write(json.dumps(found) + "\n")
        return
    with tempfile.TemporaryDirectory() as name:
        from pipeline_overhead import make_sounds

        folder = Path(name)
        (folder / "stub").mkdir()
        install_stub(folder / "stub")
        make_sounds(folder / "sounds", clips=20, duration_s=0.4, sample_rate=8000)
        measured("expected", folder, options, {})
        expected = digest(folder / "expected")
        parts = {}
        for part in options.parts:
            found = []
            for _ in range(options.repeats):
                found.append(measured(part, folder, options, expected))
                shutil.rmtree(folder / part)
            parts[part] = medians(found)
    sys.stdout.write(
        json.dumps({"clips": options.clips, "seconds_per_clip": options.seconds, **parts}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
