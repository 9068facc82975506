"""Real commands, disturbed on purpose and started again: faults × runs × losses.

    python benchmarks/faults.py [--runs 5] [--command augment ...] [--fault "kill -9" ...] [--seed 0]

Each run strikes at another change on the disk, drawn from all that an undisturbed run makes. A loss is a file that is
missing, there besides, or of other bytes than an undisturbed run leaves, a traceback, or an exit status that says
something else than what happened. Prints a table as it goes, and one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faults.disturbances import DISTURBANCES, on_a_small_disk
from tests.faults.harness import COMMANDS, Bench
from tests.faults.ray_disturbances import RAY_DISTURBANCES
from tests.faults.review_disturbances import REVIEW_DISTURBANCES

from menura.seeding import item_generator


def main() -> None:
    """Parse, disturb, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="of each fault and command")
    commands = [*COMMANDS, "review"]
    parser.add_argument("--command", nargs="+", default=commands, choices=commands)
    parser.add_argument(
        "--fault", nargs="+", default=[*DISTURBANCES, "small disk", *RAY_DISTURBANCES, *REVIEW_DISTURBANCES]
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table: dict[str, dict[str, int]] = {}
    print("| command | fault | runs | losses |", "|---|---|---|---|", sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for name in options.command:
            for fault in options.fault:
                if not _applies(fault, name):
                    continue
                generator = item_generator(options.seed, name, fault)
                lost: list[str] = []
                runs = 1 if fault in ("slow disk", "clock jumps") else options.runs
                for _ in range(runs):
                    at, problems = _strike(bench, name, fault, generator)
                    lost += [f"{fault} at {at}: {problem}" for problem in problems]
                print(f"| {name} | {fault.removeprefix('ray: ')} | {runs} | {len(lost)} |", flush=True)
                for problem in lost:
                    print(f"    {problem}", file=sys.stderr, flush=True)
                table[f"{name}, {fault}"] = {"runs": runs, "losses": len(lost)}
    sums = {name: sum(row[name] for row in table.values()) for name in ("runs", "losses")}
    print(json.dumps({**sums, "table": table}))


def _strike(bench: Bench, name: str, fault: str, generator: np.random.Generator) -> tuple[int, list[str]]:
    """When it struck, and what was lost."""
    if fault in REVIEW_DISTURBANCES:
        at = int(generator.integers(1, 14))
        return at, REVIEW_DISTURBANCES[fault](bench, at)
    command, at = COMMANDS[name], int(generator.integers(1, bench.changes(name) + 1))
    if fault in RAY_DISTURBANCES:
        at = 12 + at % 20 if "worker" in fault else 1 + at % 4
        return at, RAY_DISTURBANCES[fault](bench, command, at)
    if fault == "small disk":
        return at, on_a_small_disk(bench, command, 16 + 4 * at)
    at = 1 + at % 8 if fault == "kill -9 of workers" else at
    return at, DISTURBANCES[fault](bench, command, at)


def _applies(fault: str, command: str) -> bool:
    if command == "review" or fault in REVIEW_DISTURBANCES:
        return command == "review" and fault in REVIEW_DISTURBANCES
    if command == "augment-ray" or fault in RAY_DISTURBANCES:
        return command == "augment-ray" and fault in RAY_DISTURBANCES
    if fault in ("kill -9 of workers", "out of memory"):
        return command == "augment-2"
    if fault == "flipped bit":
        return command.startswith("augment")
    return fault != "small disk" or _may_mount()


def _may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False)
        if tried.returncode == 0:
            subprocess.run(["umount", folder], check=True)
    return tried.returncode == 0 and os.name == "posix"


if __name__ == "__main__":
    main()
