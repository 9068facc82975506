"""Throughput of training an encoder, and where its time goes.

    python benchmarks/pretrain_speed.py --voice scene --precision bfloat16 [--pairs 128] [--steps 8]

Processor time of one step on one thread, the median over steps: rendering (of as many pairs as a step needs of its own,
by `echoes`), mel levels, changes of the views, and network with its gradients and optimiser. With one process that
renders ahead a step takes as long as the slower of the two sides.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from menura.pretrain.batches import BatchMaker
from menura.pretrain.learner import Learner
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.views import view_levels


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", default="scene")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--pairs", type=int, default=128)
    parser.add_argument("--steps", type=int, default=8)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    settings = PretrainSettings(voice=asked.voice, precision=asked.precision, pairs=asked.pairs)
    make, learner = BatchMaker(settings), Learner(settings)
    rows = []
    for step in range(asked.steps + 1):
        marks = [time.process_time()]
        waveforms = make.waveforms(step)
        marks.append(time.process_time())
        levels = make.levels(waveforms)
        marks.append(time.process_time())
        views = view_levels(levels, settings.ears, settings.views, seed=0, step=step)
        marks.append(time.process_time())
        learner.step(iter([views]))
        marks.append(time.process_time())
        rows.append(np.diff(marks))
    render, mel, change, network = np.median(rows[1:], axis=0) / [settings.echoes, settings.echoes, 1, 1]
    total = render + mel + change + network
    for name, spent in (("rendering", render), ("mel levels", mel), ("views", change), ("network", network)):
        print(f"{name}: {1000 * spent:.0f} ms a step, {spent / total:.0%}")
    ahead = max(render + mel + change, network)
    print(f"{settings.pairs / total:.0f} pairs a second on one core, {settings.pairs / ahead:.0f} on two")


if __name__ == "__main__":
    main()
