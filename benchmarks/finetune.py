"""Fine-tuning of a trained encoder on all training clips of each official fold, against the same network from scratch.

    python benchmarks/finetune.py ESC50 --steps 1500 --workers 2
    python benchmarks/finetune.py ESC50 --steps 1500 --workers 2 --from-scratch

Nothing is chosen: the settings are those of `menura evaluate --classifier finetune`. Prints the accuracy of each fold,
then the mean with its 95 % interval over folds and seeds.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import numpy as np

from menura.audio import decode
from menura.backends.registry import load_encoder
from menura.classify.base import TrainingExamples
from menura.classify.finetune import SETTINGS, FinetuneClassifier, trained_part
from menura.datasets import load
from menura.metrics.statistics import mean_interval
from menura.pipeline.threads import one_thread
from menura.studies.arms import target_matrix
from menura.studies.splits import dataset_splits, source_of


def accuracy(asked: argparse.Namespace, cell: tuple[int, int]) -> float:
    """Of one fold and seed."""
    fold, seed = cell
    with one_thread():
        dataset = load(asked.data)
        split = dataset_splits(dataset, None)[0][fold]
        settings = replace(SETTINGS, precision=asked.precision)
        classifier = FinetuneClassifier(
            trained_part(load_encoder(asked.encoder)), settings, from_scratch=asked.from_scratch
        )
        clips = split.train.clips
        training = TrainingExamples(
            [classifier.features(decode(clip.path)) for clip in clips],
            target_matrix([clip.labels for clip in clips], dataset.labels),
            np.ones(len(clips)), True, [source_of(clip) for clip in clips], np.ones(len(clips), bool), False,
        )  # fmt: skip
        fitted = classifier.fit(training, validation=None, steps=asked.steps, seed=seed)
        found = fitted.predict([classifier.features(decode(clip.path)) for clip in split.test])
        truth = target_matrix([clip.labels for clip in split.test], dataset.labels)
        return float(np.mean(found.argmax(axis=1) == truth.argmax(axis=1)))


def main() -> None:
    """Read the arguments and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--encoder", default="scenes")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--from-scratch", action="store_true")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    folds = range(len(dataset_splits(load(asked.data), None)[0]))
    started = time.monotonic()
    cells = [(fold, seed) for fold in folds for seed in range(asked.seeds)]
    found = np.zeros((len(folds), asked.seeds))
    with ProcessPoolExecutor(asked.workers, get_context("spawn")) as pool:
        for cell, value in zip(cells, pool.map(partial(accuracy, asked), cells), strict=True):
            found[cell] = value
            print(f"fold {cell[0]}, seed {cell[1]}: {100 * value:.1f} %", flush=True)
    low, high = mean_interval(100 * found)
    print(f"mean {100 * np.mean(found):.1f} % ({low:.1f} to {high:.1f}), {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
