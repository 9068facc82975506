"""A clip in noise: for training at drawn levels, for testing at fixed ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from menura.audio import resample
from menura.audio.level import within_full_scale
from menura.generate.mixing import at_level, fitted
from menura.seeding import item_generator
from menura.types import Recording, Waveform

__all__ = ["Noise", "draw_noise", "in_noise"]


@dataclass(frozen=True, slots=True)
class Noise:
    """How a clip gets noise.

    Attributes:
        source: Id of the noise clip; None is white noise.
        start: Where in the noise clip it begins, as a share of its length in [0, 1).
        flipped: Whether its polarity is turned.
        snr_db: Level of the clip over the noise, both where they sound.
    """

    source: str | None
    start: float
    flipped: bool
    snr_db: float


def draw_noise(
    sources: Sequence[str | None], snr_db: tuple[float, float], *, seed: int, key: tuple[str | int, ...]
) -> Noise:
    """The noise of one clip, from a random stream of its own; start, polarity and level do not depend on the sources.

    Args:
        sources: Ids to draw from; with None in it also white noise.
        snr_db: Range of the level, even in decibels; equal ends fix it.
        seed: Seed of the study.
        key: Of the clip.
    """
    generator = item_generator(seed, "noise", *key)
    start, flipped, level = float(generator.random()), bool(generator.random() < 0.5), float(generator.uniform(*snr_db))
    return Noise(sources[int(generator.integers(len(sources)))], start, flipped, level)


def in_noise(clip: Recording, noise: Noise, hear: Callable[[str], Recording], *, seed: int, key: str) -> Recording:
    """The clip with noise at the asked level, as long as before; scaled down as a whole where it passes full scale.

    The level of either is that of the parts that sound, so that pauses in a keyword do not make its noise louder.

    Args:
        clip: At any rate; noise is brought to it.
        noise: What to add.
        hear: Gives a noise clip by its id.
        seed, key: Of white noise.

    Source:
        Feng et al. 2024 (SynthAudio), arXiv:2406.08800: background noise at 3 to 30 dB with random polarity.
    """
    size = clip.waveform.shape[1]
    wave = _white(size, seed, key) if noise.source is None else _cut(hear(noise.source), noise, clip.sample_rate, size)
    scaled = at_level(wave, clip.sample_rate, beside=clip.waveform, level_db=-noise.snr_db)
    mixed = clip.waveform + (-scaled if noise.flipped else scaled)
    return Recording(within_full_scale(np.asarray(mixed, dtype=np.float32)), clip.sample_rate)


def _white(num_samples: int, seed: int, key: str) -> Waveform:
    drawn = item_generator(seed, "white noise", key).standard_normal((1, num_samples))
    return np.asarray(0.1 * drawn, dtype=np.float32)


def _cut(recording: Recording, noise: Noise, rate: int, num_samples: int) -> Waveform:
    """One channel of the noise from its start on, around its end."""
    mono = recording.waveform.mean(axis=0, keepdims=True, dtype=np.float32)
    wave = resample(mono, recording.sample_rate, rate)
    turned = np.roll(wave, -int(noise.start * wave.shape[1]), axis=1)
    return fitted(np.asarray(turned, dtype=np.float32), rate, num_samples=num_samples)
