"""The waveform augmentation of the doppelgängers paper: filters, pitch, shift and a room, through audiomentations.

Source:
    Cherep and Singh 2024, arXiv:2406.05923, "audiomentations" chain: each of high-pass 20 to 800 Hz, low-pass 1.2 to
    8 kHz, pitch of up to two semitones, shift around the end by up to a quarter, and an impulse response, with
    probability one half. Theirs needs a folder of impulse responses; the rooms here are drawn: decaying noise.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from menura.augmentation.classic import library, seeded_globals
from menura.types import Waveform

__all__ = ["paper_chain"]

_PROBABILITY = 0.5
_DECAY_S = (0.05, 1.0)
_WETNESS = (0.05, 0.6)


def paper_chain(waveform: Waveform, sample_rate: int, *, generator: np.random.Generator) -> Waveform:
    """An augmented copy of a waveform ``[channels, samples]``, of the same shape.

    Args:
        waveform: Some hundredths of a second at least.
        sample_rate: In Hz.
        generator: Random state of this copy alone.

    Raises:
        BackendError: audiomentations is not installed.
    """
    chain = _chain(sample_rate)
    with seeded_globals(int(generator.integers(2**32))):
        changed = chain(np.ascontiguousarray(waveform, np.float32), sample_rate=sample_rate)
    if generator.random() < _PROBABILITY:
        changed = _in_a_room(changed, sample_rate, generator)
    return np.asarray(changed, np.float32)


@lru_cache(maxsize=2)
def _chain(sample_rate: int) -> Any:
    audio = library()
    highest_hz = 0.99 * min(8000, sample_rate / 2)
    return audio.Compose(
        [
            audio.HighPassFilter(min_cutoff_freq=20, max_cutoff_freq=800, p=_PROBABILITY),
            audio.LowPassFilter(min_cutoff_freq=min(1200, highest_hz), max_cutoff_freq=highest_hz, p=_PROBABILITY),
            audio.PitchShift(min_semitones=-2, max_semitones=2, p=_PROBABILITY),
            audio.Shift(min_shift=-0.25, max_shift=0.25, shift_unit="fraction", rollover=True, p=_PROBABILITY),
        ]
    )


def _in_a_room(waveform: Waveform, sample_rate: int, generator: np.random.Generator) -> Waveform:
    """The sound and its reverberation: noise that falls by 60 dB in the drawn time, over the direct sound."""
    from scipy.signal import fftconvolve

    decay_s, wetness = np.exp(generator.uniform(*np.log(_DECAY_S))), generator.uniform(*_WETNESS)
    time_s = np.arange(max(2, round(decay_s * sample_rate))) / sample_rate
    tail = generator.standard_normal(len(time_s)) * np.exp(-6.9 * time_s / decay_s)
    response = wetness * tail / np.linalg.norm(tail)
    response[0] += 1
    heard = fftconvolve(waveform, response[None], axes=1)[:, : waveform.shape[1]]
    return np.asarray(heard, np.float32)
