"""Random noise over a waveform, at a drawn signal-to-noise ratio."""

from __future__ import annotations

import numpy as np

from menura.types import Waveform

__all__ = ["SNR_DB", "add_noise", "draw_snr_db"]

SNR_DB = (5.0, 40.0)
"""Range of the ratio: what audiomentations draws from unless told otherwise, and what ``classic`` has."""


def draw_snr_db(generator: np.random.Generator) -> float:
    """A signal-to-noise ratio, even in decibels."""
    return float(generator.uniform(*SNR_DB))


def add_noise(waveform: Waveform, snr_db: float, *, generator: np.random.Generator) -> Waveform:
    """The waveform plus white Gaussian noise, so strong that the ratio of their powers is the one asked for.

    The noise that was drawn is measured and scaled, so that the ratio holds in short clips too. Silence stays silence:
    it has no ratio to anything.

    Args:
        waveform: ``[channels, samples]``.
        snr_db: 10 times the decadic logarithm of the ratio, over all channels together.
        generator: Random state of this copy alone.

    Source:
        Synthio, arXiv:2410.02056, baseline "Random Noise"; its ratio is not given.
    """
    noise = generator.standard_normal(waveform.shape)
    wanted = float(np.mean(np.square(waveform, dtype=np.float64))) * 10 ** (-snr_db / 10)
    noise *= np.sqrt(wanted / np.mean(np.square(noise)))
    return np.asarray(waveform + noise, dtype=np.float32)
