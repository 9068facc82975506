"""CPU seconds for 1,000 optimiser steps of a network: ``python benchmarks/network_steps.py crnn 3``.

Noise of five seconds, ten labels, one thread. The time of two steps is taken off, so that preparation does not count.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from menura.backends.registry import load_encoder
from menura.classify.base import TrainingExamples, get_classifier
from menura.types import Recording

_RATE, _CLIPS, _LABELS = 22_050, 20, 10


def main(name: str, steps: int) -> None:
    """Prints one line."""
    classifier = get_classifier(name, encoder=load_encoder("acoustic"), sample_rate=_RATE)
    generator = np.random.default_rng(0)
    clips = [generator.standard_normal((1, 5 * _RATE)).astype(np.float32) for _ in range(_CLIPS)]
    number = np.arange(_CLIPS)
    training = TrainingExamples(
        features=[classifier.features(Recording(clip, _RATE)) for clip in clips],
        targets=np.eye(_LABELS, dtype=np.float32)[number % _LABELS],
        weights=np.ones(_CLIPS),
        augment=False,
        groups=[str(i // 2) for i in number],
        is_real=number % 2 == 0,
    )

    def seconds(count: int) -> float:
        begun = time.process_time()
        classifier.fit(training, validation=None, steps=count, seed=0)
        return time.process_time() - begun

    seconds(1)
    print(f"{name}: {1000 * (seconds(2 + steps) - seconds(2)) / steps:.0f} CPU seconds for 1,000 steps")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
