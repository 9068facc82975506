"""How long an encoder and the judges take for one clip.

    python benchmarks/judge_speed.py [--encoder acoustic] [--rate 44100] [--seconds 5] [--clips 40]

Sounds are made here; nothing is read from disk. Times are process time on one thread, the median over the clips.
"""

from __future__ import annotations

import argparse
import json
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from menura.backends.registry import load_encoder
from menura.config import JudgeSettings
from menura.datasets.dataset import TrainingPart
from menura.judge.facts import look_at
from menura.judge.panel import JudgePanel
from menura.types import Candidate, Clip, Recording, Request


def main() -> None:
    """Print the times as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=44_100, help="sample rate in Hz")
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of a clip")
    parser.add_argument("--clips", type=int, default=40, help="number of clips")
    parser.add_argument("--encoder", default=JudgeSettings().encoder, help="what is heard with")
    asked = parser.parse_args()
    encoder = load_encoder(asked.encoder)
    recordings = {f"{n:04d}": _sound(n, asked.rate, asked.seconds) for n in range(asked.clips)}
    clips = [Clip(name, "", (f"label{int(name) % 5}",), asked.seconds, asked.rate) for name in recordings]
    started = time.process_time()
    panel = JudgePanel.calibrate(
        TrainingPart("speed", tuple(clips)), JudgeSettings(), recordings.__getitem__, encoder=encoder, seed=0
    )
    calibration_s = time.process_time() - started
    fresh = [_sound(1000 + n, asked.rate, asked.seconds) for n in range(asked.clips)]
    candidates = [
        Candidate(Request((f"label{n % 5}",), "speed", seed_key=(n,)), one.waveform, asked.rate)
        for n, one in enumerate(fresh)
    ]
    result = {
        "rate_hz": asked.rate,
        "duration_s": asked.seconds,
        "embed_ms": _median_ms([lambda one=one: encoder.embed([one]) for one in fresh]),
        "look_ms": _median_ms([lambda one=one: look_at(one) for one in fresh]),
        "score_ms": _median_ms([lambda one=one: panel.score(one) for one in candidates]),
        "calibrate_ms_per_clip": round(1000 * calibration_s / asked.clips, 2),
    }
    print(json.dumps(result, indent=2))


def _sound(seed: int, rate: int, duration_s: float) -> Recording:
    draw = np.random.default_rng(seed)
    seconds = np.arange(round(rate * duration_s)) / rate
    noise = np.cumsum(draw.standard_normal(seconds.size)) * 1e-3
    tone = np.sin(2 * np.pi * draw.uniform(200, 4000) * seconds) * (
        np.sin(2 * np.pi * draw.uniform(1, 8) * seconds) > 0
    )
    return Recording((0.2 * tone + noise - noise.mean())[None].astype(np.float32), rate)


def _median_ms(calls: list) -> float:  # type: ignore[type-arg]
    times = []
    for call in calls:
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return round(1000 * float(np.median(times)), 2)


if __name__ == "__main__":
    main()
