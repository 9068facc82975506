"""The synthesizer patch that sounds most like a recording: the nearest one of a fixed pool of drawn scenes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from menura.encoders.acoustic import AcousticStatistics
from menura.synth import Sounds, Synthesizer, draw_sounds, voice_named
from menura.types import Recording

__all__ = ["POOL_SIZE", "nearest_patch", "one_sound", "pool_synthesizer"]

POOL_SIZE = 500
"""Scenes in the pool. They are rendered once in a process, when the first match is asked for."""

_DURATION_S, _SAMPLE_RATE = 2.0, 16_000
_BLOCK = 64
_FURTHEST = 4.0


def nearest_patch(recording: Recording) -> Sounds:
    """The scene whose acoustic statistics, standardised over the pool, lie nearest to those of the recording.

    Frequencies up to 8 kHz are looked at, whatever the rate, and no statistic counts for more than four standard
    deviations.

    Args:
        recording: Any rate and length.

    Raises:
        AudioError: The waveform is empty or not finite.
    """
    pool = _pool(POOL_SIZE)
    wanted = pool.standardised(_encoder().embed([recording]))
    row = int(np.argmin(np.square(pool.embeddings - wanted).sum(axis=1)))
    return one_sound(pool.sounds, row)


def one_sound(sounds: Sounds, row: int) -> Sounds:
    """One of the sounds alone."""
    return Sounds(sounds.parameters[row : row + 1], sounds.noise_seeds[row : row + 1])


def pool_synthesizer() -> Synthesizer:
    """What the pool is rendered with."""
    return Synthesizer(voice_named("scene"), _DURATION_S, _SAMPLE_RATE)


@dataclass(frozen=True)
class _Pool:
    sounds: Sounds
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    embeddings: NDArray[np.float32]

    def standardised(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.clip((embeddings - self.mean) / self.deviation, -_FURTHEST, _FURTHEST))


@lru_cache(maxsize=1)
def _pool(size: int) -> _Pool:
    synthesizer = pool_synthesizer()
    sounds = draw_sounds(synthesizer.space, seed=0, keys=[f"pool {number}" for number in range(size)])
    blocks = []
    with torch.no_grad():
        for start in range(0, size, _BLOCK):
            part = slice(start, start + _BLOCK)
            waveforms = synthesizer.render(Sounds(sounds.parameters[part], sounds.noise_seeds[part])).numpy()
            blocks.append(_encoder().embed([Recording(waveform[None], _SAMPLE_RATE) for waveform in waveforms]))
    embeddings = np.concatenate(blocks)
    mean, deviation = embeddings.mean(axis=0), embeddings.std(axis=0) + np.float32(1e-3)
    pool = _Pool(sounds, mean, deviation, embeddings)
    return _Pool(sounds, mean, deviation, pool.standardised(embeddings))


@lru_cache(maxsize=1)
def _encoder() -> AcousticStatistics:
    return AcousticStatistics(_SAMPLE_RATE)
