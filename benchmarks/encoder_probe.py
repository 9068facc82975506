"""Logistic regression on frozen embeddings, with few clips per label and with all, encoder against encoder.

    python benchmarks/encoder_probe.py DATA --encoder acoustic --encoder acoustic+encoders/first/encoder.safetensors

Official folds (or those of `menura evaluate`), the same training clips for every encoder; accuracy with its 95 %
interval over folds and seeds, and the difference to the first encoder. Prints one line for each encoder and amount.
Clips have one label each.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from menura.audio import decode
from menura.backends.registry import load_encoder
from menura.classify.linear import LinearClassifier
from menura.datasets import load
from menura.datasets.dataset import Dataset
from menura.metrics.statistics import mean_interval
from menura.pipeline.threads import one_thread
from menura.studies.arms import Example, target_matrix, training_examples
from menura.studies.splits import dataset_splits, draw_training, source_of
from menura.types import Clip

Embeddings = dict[str, NDArray[np.float32]]


def embed(encoder: str, clips: tuple[Clip, ...]) -> Embeddings:
    """Clip id to embedding."""
    with one_thread():
        loaded = load_encoder(encoder)
        return {clip.id: loaded.embed([decode(clip.path)])[0] for clip in clips}


def embed_all(encoder: str, clips: Iterable[Clip], workers: int) -> Embeddings:
    """The same, by several processes."""
    distinct = tuple({clip.id: clip for clip in clips}.values())
    parts = [distinct[i::workers] for i in range(workers)]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        return {key: value for part in pool.map(partial(embed, encoder), parts) for key, value in part.items()}


def accuracies(
    dataset: Dataset, encoder: str, embeddings: Embeddings, per_label: int | None, seeds: int
) -> NDArray[np.float64]:
    """Accuracy of each fold and seed, ``[folds, seeds]``."""
    splits, _, _ = dataset_splits(dataset, None)
    classifier = LinearClassifier(load_encoder(encoder))
    rows = []
    for split in splits:
        truth = target_matrix([clip.labels for clip in split.test], dataset.labels).argmax(axis=1)
        row = []
        for seed in range(seeds if per_label is not None else 1):
            part = draw_training(split, name=dataset.name, per_label=per_label, seed=seed)
            examples = training_examples(
                [Example(clip.id, clip.labels, (source_of(clip),), "real") for clip in part.clips],
                embeddings, dataset.labels, balanced=False, augment=False, multilabel=False,
            )  # fmt: skip
            fitted = classifier.fit(examples, validation=None, steps=1, seed=seed)
            found = fitted.predict([embeddings[clip.id] for clip in split.test])
            row.append(float(np.mean(found.argmax(axis=1) == truth)))
        rows.append(row)
    return np.array(rows)


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--encoder", action="append", required=True)
    parser.add_argument("--per-label", type=int, nargs="*", default=[1, 2, 4, 8])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    dataset = load(asked.data)
    known = {encoder: embed_all(encoder, dataset.clips, asked.workers) for encoder in asked.encoder}
    with one_thread():
        for amount in [*asked.per_label, None]:
            first: NDArray[np.float64] | None = None
            for encoder in asked.encoder:
                found = accuracies(dataset, encoder, known[encoder], amount, asked.seeds)
                first = found if first is None else first
                low, high = mean_interval(100 * found)
                low_gain, high_gain = mean_interval(100 * (found - first))
                print(
                    f"{'all' if amount is None else amount} per label, {encoder}: {100 * found.mean():.1f} % "
                    f"({low:.1f} to {high:.1f}), against the first {100 * (found - first).mean():+.1f} "
                    f"({low_gain:+.1f} to {high_gain:+.1f})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
