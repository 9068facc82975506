"""Pairs from real recordings: the twin of the synthetic training, to compare it with.

Source:
    Cherep and Singh 2024, arXiv:2406.05923: random crops of a second; a pair is the same crop twice, two crops of one
    recording (temporal jitter), or two dense mixtures: several slices of one recording summed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from menura.audio import decode, resample
from menura.pretrain.settings import PretrainSettings
from menura.seeding import item_generator

__all__ = ["dense_mixture", "mono_of", "random_slice", "recorded_pairs"]

_RECORDINGS_KEPT = 512


def recorded_pairs(paths: Sequence[str], settings: PretrainSettings, *, batch: int, num_samples: int) -> Tensor:
    """Waveforms of the pairs of one batch, first all first sounds, then all second ones, ``[2 pairs, num_samples]``.

    A pair depends on the seed, the batch and its place in it alone.

    Raises:
        AudioError: A recording cannot be read.
    """
    found = np.zeros((2, settings.pairs, num_samples), np.float32)
    for place in range(settings.pairs):
        generator = item_generator(settings.seed, "recorded", batch, place)
        recording = mono_of(paths[int(generator.integers(len(paths)))], settings.sample_rate)
        for view in range(2):
            if view and settings.positives == "crop":
                found[1, place] = found[0, place]
            elif settings.positives == "mixture":
                found[view, place] = dense_mixture(recording, num_samples, settings.layers_mixed, generator)
            else:
                found[view, place] = random_slice(recording, num_samples, generator)
    return torch.from_numpy(found).flatten(0, 1)


def random_slice(
    waveform: NDArray[np.float32], num_samples: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """A slice ``[num_samples]`` of a waveform ``[samples]``; a shorter one lies in silence at a random place."""
    room = len(waveform) - num_samples
    if room >= 0:
        start = int(generator.integers(room + 1))
        return waveform[start : start + num_samples]
    before = int(generator.integers(-room + 1))
    return np.asarray(np.pad(waveform, (before, -room - before)))


def dense_mixture(
    waveform: NDArray[np.float32], num_samples: int, layers: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """The sum of random slices of a waveform ``[samples]``, at most 1 in size, ``[num_samples]``."""
    total = np.sum([random_slice(waveform, num_samples, generator) for _ in range(layers)], axis=0)
    return np.asarray(total / max(float(np.abs(total).max()), 1e-5), np.float32)


@lru_cache(maxsize=_RECORDINGS_KEPT)
def mono_of(path: str, sample_rate: int) -> NDArray[np.float32]:
    """The mean of the channels of a recording at a rate, ``[samples]``; the last ones asked for stay in memory."""
    recording = decode(path)
    mono = recording.waveform.mean(axis=0, keepdims=True, dtype=np.float32)
    return np.asarray(resample(mono, recording.sample_rate, sample_rate)[0])
