"""Five heads at once against five heads one after the other: the same clips, seeds and settings.

    python benchmarks/batched_heads.py

Three ways in turn, several times in one run: `train_head` five times (torch's layers, gradient and optimiser, one head
after the other), `train_heads` five times with one head, and `train_heads` once with five. Prints the median times, the
median of the ratio of the first to the last, and the greatest difference between any two probabilities of the first
and the last way on clips that were not learned from. Embeddings are drawn: 512 numbers, one cluster for each label.
One thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from menura.classify.base import TrainingExamples
from menura.classify.batched import HeadTask, train_heads
from menura.classify.heads import FittedHead, HeadSettings, train_head
from menura.classify.mlp import WAYS
from menura.classify.probes import ARCH_HEAD, HEAR_GRID
from menura.pipeline.threads import one_thread

DIM, HEADS, CHECKED = 512, 5, 200
SETTINGS: dict[str, HeadSettings] = {
    "64 (mlp of evaluate)": replace(WAYS[0], steps=300, check_every=30),
    "16": replace(WAYS[0], hidden_width=16, steps=300, check_every=30),
    "32": replace(WAYS[0], hidden_width=32, steps=300, check_every=30),
    "128": replace(WAYS[0], hidden_width=128, steps=300, check_every=30),
    "256": replace(WAYS[0], hidden_width=256, steps=150, check_every=30),
    "none (ARCH)": replace(ARCH_HEAD, epochs=20),
    "1024 (HEAR)": replace(HEAR_GRID[2], epochs=6),
}
"""Hidden width to how the head is trained; shorter than in earnest, which changes no ratio."""


def drawn(count: int, num_labels: int, seed: int) -> TrainingExamples:
    """Clips around one centre for each label."""
    centres = np.random.default_rng(99).standard_normal((num_labels, DIM))
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % num_labels
    features = 0.3 * centres[labels] + generator.standard_normal((count, DIM))
    return TrainingExamples(
        list(features.astype(np.float32)), np.eye(num_labels, dtype=np.float32)[labels], np.ones(count), False,
        [str(number) for number in range(count)], np.ones(count, bool),
    )  # fmt: skip


def timed(work: Callable[[], list[FittedHead]]) -> tuple[float, list[FittedHead]]:
    """Seconds, and what came of it."""
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def compare(settings: HeadSettings, clips: int, num_labels: int, repeats: int) -> str:
    """One row of the table."""
    training, checked, test = (drawn(n, num_labels, seed) for seed, n in enumerate((clips, CHECKED, CHECKED)))

    def task(seed: int) -> HeadTask:
        return HeadTask(training, checked, settings, np.random.default_rng(seed), None)

    def alone(seed: int) -> FittedHead:
        return train_head(training, checked, settings, generator=np.random.default_rng(seed), scaling=None)

    ways: list[Callable[[], list[FittedHead]]] = [
        lambda: [alone(seed) for seed in range(HEADS)],
        lambda: [train_heads([task(seed)])[0] for seed in range(HEADS)],
        lambda: train_heads([task(seed) for seed in range(HEADS)]),
    ]
    times = []
    for repeat in range(repeats + 1):
        found = [timed(way) for way in ways]
        if repeat:  # the first one warms up
            times.append([seconds for seconds, _ in found])
    one, _, many = (heads for _, heads in found)
    apart = max(
        float(np.abs(a.predict(test.features) - b.predict(test.features)).max()) for a, b in zip(one, many, strict=True)
    )
    seconds = np.array(times)
    ratio, own = (float(np.median(seconds[:, way] / seconds[:, 2])) for way in (0, 1))
    middle = np.median(seconds, axis=0)
    return f"{middle[0]:.3f} | {middle[1]:.3f} | {middle[2]:.3f} | {ratio:.1f} | {own:.1f} | {apart:.0e} |"


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--width", action="append", help=f"rows to print: {', '.join(SETTINGS)}; all if left out")
    asked = parser.parse_args()
    print(
        "| hidden width | clips, labels | train_head x 5, s | train_heads x 5, s | at once, s | ratio | own | apart |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    with one_thread():
        for width, settings in ((name, SETTINGS[name]) for name in asked.width or SETTINGS):
            for clips, labels in ((250, 10), (2000, 50)):
                print(f"| {width} | {clips}, {labels} | {compare(settings, clips, labels, asked.repeats)}", flush=True)


if __name__ == "__main__":
    main()
