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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faults.disturbances import DISTURBANCES, on_a_small_disk
from tests.faults.harness import COMMANDS, Bench

from menura.seeding import item_generator


def main() -> None:
    """Parse, disturb, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="of each fault and command")
    parser.add_argument("--command", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--fault", nargs="+", default=[*DISTURBANCES, "small disk"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table: dict[str, dict[str, int]] = {}
    print("| command | fault | runs | losses |", "|---|---|---|---|", sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for command in (COMMANDS[name] for name in options.command):
            for fault in options.fault:
                if not _applies(fault, command.name):
                    continue
                generator = item_generator(options.seed, command.name, fault)
                lost: list[str] = []
                runs = 1 if fault in ("slow disk", "clock jumps") else options.runs
                for _ in range(runs):
                    at = int(generator.integers(1, bench.changes(command.name) + 1))
                    if fault == "small disk":
                        problems = on_a_small_disk(bench, command, 16 + 4 * at)
                    else:
                        at = 1 + at % 8 if fault == "kill -9 of workers" else at
                        problems = DISTURBANCES[fault](bench, command, at)
                    lost += [f"{fault} at {at}: {problem}" for problem in problems]
                print(f"| {command.name} | {fault} | {runs} | {len(lost)} |", flush=True)
                for problem in lost:
                    print(f"    {problem}", file=sys.stderr, flush=True)
                table[f"{command.name}, {fault}"] = {"runs": runs, "losses": len(lost)}
    sums = {name: sum(row[name] for row in table.values()) for name in ("runs", "losses")}
    print(json.dumps({**sums, "table": table}))


def _applies(fault: str, command: str) -> bool:
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
