"""Stand-in for machine recordings: ``python make_bearings.py bearings``. No machine was harmed.

Pumps at two loads, some with a defect in the outer ring of a bearing: each time a ball rolls over it, a resonance of
the housing rings. Training clips come from three pumps at low load, and only one of them has failed; test clips from
two other pumps at high load. That is the usual trouble with machines: many normal hours, one failure, and then another
machine.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from menura.audio import encode
from menura.datasets.sounds import coloured_noise
from menura.seeding import item_generator
from menura.types import Recording

RATE = 16000
CLIP_S = 2.0
BALLS_PER_TURN = 3.58  # of the outer ring; follows from the geometry of the bearing
CLIPS = {  # pump: split, load, normal clips, clips with the fault
    "pump-1": ("train", "low", 16, 12),
    "pump-2": ("train", "low", 16, 0),
    "pump-3": ("train", "low", 16, 0),
    "pump-4": ("test", "high", 16, 10),
    "pump-5": ("test", "high", 16, 10),
}


def running(pump: Generator, take: Generator, load: str, has_fault: bool) -> NDArray[np.float64]:
    """Two seconds of a pump: shaft, motor, flow and, where it has one, the fault."""
    num_samples = int(CLIP_S * RATE)
    time_s = np.arange(num_samples) / RATE
    shaft_hz = pump.uniform(24.0, 25.0) * (1.0 if load == "low" else 0.96) * take.uniform(0.995, 1.005)
    resonance_hz, decay_s = pump.uniform(2400, 4200), pump.uniform(0.0012, 0.003)
    tilt_db, blades, loudness = pump.uniform(-4, -2), int(pump.integers(5, 8)), pump.uniform(0.6, 1.5)
    heavy = 1.0 if load == "low" else 1.6
    shaft = sum(np.sin(2 * np.pi * k * shaft_hz * time_s + take.uniform(0, 6.3)) / k for k in (1, 2, 3, blades))
    flow = coloured_noise(take, num_samples, tilt_db) * (1 + 0.2 * np.sin(2 * np.pi * blades * shaft_hz * time_s))
    motor = np.sin(2 * np.pi * 100 * time_s + take.uniform(0, 6.3))
    samples = 0.5 * shaft + heavy * 0.8 * flow + 0.4 * motor
    if has_fault:
        step_s = 1 / (BALLS_PER_TURN * shaft_hz)
        ring_s = np.arange(int(6 * decay_s * RATE)) / RATE
        ring = np.exp(-ring_s / decay_s) * np.sin(2 * np.pi * resonance_hz * ring_s)
        hits_s = np.arange(take.uniform(0, step_s), CLIP_S - 0.05, step_s)
        hits = np.zeros(num_samples)
        for hit_s in hits_s + 0.01 * step_s * take.standard_normal(len(hits_s)):  # balls slip a little
            start = max(0, int(hit_s * RATE))
            hits[start : start + len(ring)] += ring * take.uniform(0.7, 1.3)
        samples += take.uniform(0.8, 1.6) * hits
    samples += 0.05 * coloured_noise(take, num_samples, -1.0)
    samples -= np.mean(samples)
    gain = 0.06 * loudness * 10 ** (take.uniform(-3, 3) / 20)
    return gain * samples / float(np.std(samples))


def main(folder: Path, seed: int = 0) -> None:
    rows = []
    for name, (split, load, *counts) in CLIPS.items():
        for label, count in zip(("normal", "outer_ring"), counts, strict=True):
            for index in range(count):
                path = folder / label / f"{name}-{load}-{index:02d}.flac"
                path.parent.mkdir(parents=True, exist_ok=True)
                take = item_generator(seed, "bearing", name, label, index)
                samples = running(item_generator(seed, "pump", name), take, load, label != "normal")
                tags = {"software": "Menura", "comment": "procedural, no recording"}
                encode(Recording(samples[None].astype(np.float32), RATE), path, tags=tags)
                rows.append([path.relative_to(folder), label, name, split])
    with open(folder / "manifest.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["path", "label", "group", "split"], *rows])
    print(f"wrote {len(rows)} clips of {len(CLIPS)} pumps")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "bearings"))
