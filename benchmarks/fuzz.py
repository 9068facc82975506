"""Every reader of Menura against damaged input: inputs × findings.

    python benchmarks/fuzz.py [--inputs 1000000] [--reader NAME ...] [--seed 0]

Input number N of a reader follows from the seed, so any finding can be repeated: --reader NAME --only N. A finding is
an error that is not Menura's, a crash, 20 s of work on one input, or a gibibyte of memory. The inputs are shared out
by what one costs: text is cheap, Parquet and audio are not. Prints a table, then one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faults.fuzzing import Outcome, Reader, input_of, run_reader
from tests.faults.readers import all_readers

_SAMPLE = 300


def main() -> None:
    """Parse, fuzz, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of all readers together")
    parser.add_argument("--reader", nargs="+", help="only these")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="read this one input here, and show what happens")
    parser.add_argument("--examples", action="store_true", help="show the traceback of each kind of finding")
    options = parser.parse_args()
    place = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        os.environ["MENURA_CACHE"] = f"{folder}/cache"
        readers = [one for one in all_readers(Path(folder)) if not options.reader or one.name in options.reader]
        if options.only is not None:
            data = input_of(readers[0], options.seed, options.only)
            print(data[:2000])
            print(readers[0].read(data))
            return
        shares = _shares(readers, options.inputs, options.seed)
        found = {}
        print(
            "| reader | inputs | read | refused | findings | inputs a second |\n|---|---|---|---|---|---|", flush=True
        )
        for reader in readers:
            started = time.perf_counter()
            outcome = run_reader(reader, inputs=shares[reader.name], seed=options.seed)
            rate = outcome.inputs / (time.perf_counter() - started)
            found[reader.name] = outcome
            print(
                f"| {reader.name} | {outcome.inputs} | {outcome.read} | {outcome.refused} | "
                f"{sum(outcome.findings.values())} | {rate:.0f} |",
                flush=True,
            )
            _show(outcome, examples=options.examples)
    total = {
        "inputs": sum(one.inputs for one in found.values()),
        "findings": sum(sum(one.findings.values()) for one in found.values()),
        "kinds": {name: dict(one.findings) for name, one in found.items() if one.findings},
    }
    print(json.dumps(total))


def _shares(readers: list[Reader], inputs: int, seed: int) -> dict[str, int]:
    """Inputs of each reader, so that each takes about as long, within a factor of fifty."""
    rates = {}
    for reader in readers:
        started = time.perf_counter()
        run_reader(reader, inputs=min(_SAMPLE, inputs), seed=seed)
        rates[reader.name] = 1 / (time.perf_counter() - started)
    floor = max(rates.values()) / 50
    weights = {name: max(rate, floor) for name, rate in rates.items()}
    return {name: math.ceil(inputs * weight / sum(weights.values())) for name, weight in weights.items()}


def _show(outcome: Outcome, *, examples: bool) -> None:
    for kind, count in outcome.findings.most_common():
        index, trace = outcome.examples[kind]
        print(f"    {count} × {kind}, first input {index}", file=sys.stderr)
        if examples:
            print(trace, file=sys.stderr)


if __name__ == "__main__":
    main()
