"""How long KAD of large sets and FAD of many dimensions take, and that their values are the exact ones.

    OMP_NUM_THREADS=2 python benchmarks/metric_speed.py [--sounds 10000] [--dim 512] [--wide 2048] [--wide-sounds 2500]

Sounds are random numbers made here. KAD: value, interval and p-value, beside the value in double precision with the
same bandwidth. FAD: beside scipy's `sqrtm` of the product of both covariances, as reference implementations have it.
Wall and process times are medians over the repetitions, all in one run.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist, pdist

from menura.metrics.distance import SCALE, frechet_distance, kernel_distance


def main() -> None:
    """Print times and values as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sounds", type=int, default=10_000, help="sounds in each set, for KAD")
    parser.add_argument("--dim", type=int, default=512, help="dimensions, for KAD")
    parser.add_argument("--wide", type=int, default=2048, help="dimensions, for FAD")
    parser.add_argument("--wide-sounds", type=int, default=2500, help="sounds in each set, for FAD")
    parser.add_argument("--few-sounds", type=int, default=500, help="the same with fewer sounds than dimensions")
    parser.add_argument("--times", type=int, default=3, help="repetitions; the matrix root is taken once")
    parser.add_argument("--no-exact", action="store_true", help="leave out KAD in double precision (a minute)")
    asked = parser.parse_args()
    threads = os.environ.get("OMP_NUM_THREADS", "unset")
    result: dict[str, Any] = {"OMP_NUM_THREADS": threads, "load_average": os.getloadavg()[0]}

    first, second = _sets(asked.sounds, asked.dim)
    kernel, took = _timed(lambda: kernel_distance(first, second), asked.times)
    result["kad"] = {"sounds": asked.sounds, "dim": asked.dim, "value": kernel.value, "p": kernel.p, **took}
    if not asked.no_exact:
        result["kad"]["in double precision"] = _exact_kernel_distance(first, second, kernel.bandwidth)

    for name, sounds in (("fad", asked.wide_sounds), ("fad, few sounds", asked.few_sounds)):
        first, second = _sets(sounds, asked.wide)
        value, took = _timed(lambda a=first, b=second: frechet_distance(a, b), asked.times)
        root, slow = _timed(lambda a=first, b=second: _by_matrix_root(a, b), 1)
        result[name] = {
            "sounds": sounds, "dim": asked.wide, "value": value, **took, "by sqrtm": {"value": root, **slow},
            "times faster (wall)": round(slow["wall_s"] / took["wall_s"], 1),
            "times faster (process)": round(slow["process_s"] / took["process_s"], 1),
        }  # fmt: skip
    print(json.dumps(result, indent=2))


def _sets(sounds: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Two draws that differ a little in mean and spread."""
    generator = np.random.default_rng(0)
    return generator.normal(0.0, 1.0, (sounds, dim)), generator.normal(0.02, 1.1, (sounds, dim))


def _timed(call: Callable[[], Any], times: int) -> tuple[Any, dict[str, float]]:
    walls, processes, found = [], [], None
    for _ in range(times):
        wall, process = time.perf_counter(), time.process_time()
        found = call()
        walls.append(time.perf_counter() - wall)
        processes.append(time.process_time() - process)
    return found, {"wall_s": round(float(np.median(walls)), 2), "process_s": round(float(np.median(processes)), 2)}


def _exact_kernel_distance(first: np.ndarray, second: np.ndarray, bandwidth: float) -> float:
    """All pairs in double precision, a few hundred rows at a time."""

    def mean(distances: np.ndarray) -> float:
        return float(np.exp(-np.square(distances) / (2 * bandwidth**2)).mean())

    across = np.mean([mean(cdist(first[i : i + 250], second)) for i in range(0, len(first), 250)])
    return SCALE * (mean(pdist(first)) + mean(pdist(second)) - 2 * float(across))


def _by_matrix_root(first: np.ndarray, second: np.ndarray) -> float:
    covariances = [np.cov(part, rowvar=False) for part in (first, second)]
    root = np.real(sqrtm(covariances[0] @ covariances[1]))
    between = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    return float(between + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * np.trace(root))


if __name__ == "__main__":
    main()
