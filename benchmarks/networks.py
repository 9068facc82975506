"""Networks trained on real clips alone, by official folds: fine-tuned from an encoder, the same from scratch, or `cnn`.

    python benchmarks/networks.py ESC50 --network finetune --steps 1500
    python benchmarks/networks.py ESC50 --network scratch --steps 1500
    python benchmarks/networks.py ESC50 --network cnn --steps 500 --per-label 4

Nothing is chosen: the settings are those of `menura evaluate`, and clips of a label are drawn as it draws them.
Prints the accuracy of each fold and seed, then the mean with its 95 % interval.
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
from menura.classify.base import Classifier, TrainingExamples
from menura.classify.cnn import CnnClassifier
from menura.classify.finetune import SETTINGS, FinetuneClassifier, trained_part
from menura.classify.training import TrainingSettings
from menura.datasets import load
from menura.metrics.statistics import mean_interval
from menura.pipeline.threads import one_thread
from menura.studies.arms import target_matrix
from menura.studies.splits import dataset_splits, draw_training, source_of


def classifier_of(asked: argparse.Namespace, sample_rate: int) -> Classifier:
    """The network that was asked for, untrained."""
    if asked.network == "cnn":
        return CnnClassifier(sample_rate, replace(TrainingSettings(), precision=asked.precision))
    return FinetuneClassifier(
        trained_part(load_encoder(asked.encoder)), replace(SETTINGS, precision=asked.precision),
        from_scratch=asked.network == "scratch",
    )  # fmt: skip


def accuracy(asked: argparse.Namespace, cell: tuple[int, int]) -> float:
    """Of one fold and seed."""
    fold, seed = cell
    with one_thread():
        dataset = load(asked.data)
        split = dataset_splits(dataset, None)[0][fold]
        classifier = classifier_of(asked, max(clip.sample_rate for clip in dataset.clips))
        clips = draw_training(split, name=dataset.name, per_label=asked.per_label, seed=seed).clips
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
    parser.add_argument("--network", choices=["finetune", "scratch", "cnn"], default="finetune")
    parser.add_argument("--encoder", default="scenes", help="of finetune and scratch")
    parser.add_argument("--per-label", type=int, help="training clips of each label; all if left out")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=1)
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
