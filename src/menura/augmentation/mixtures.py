"""Mixup in the waveform: two recordings at once, and how much of each."""

from __future__ import annotations

import numpy as np

from menura.audio import resample
from menura.types import Recording, Waveform

__all__ = ["MIXUP_ALPHA", "draw_share", "mix_recordings"]

MIXUP_ALPHA = 0.3
"""Of the beta distribution; the paper finds 0.1 to 0.4 to serve ImageNet, and the networks here have 0.3."""


def draw_share(generator: np.random.Generator) -> float:
    """Share of the first recording, ``Beta(alpha, alpha)`` folded to at least one half, so that it is the larger part.

    With partners drawn evenly, folding changes nothing: the pair the other way round is as likely.
    """
    drawn = float(generator.beta(MIXUP_ALPHA, MIXUP_ALPHA))
    return max(drawn, 1 - drawn)


def mix_recordings(first: Recording, second: Recording, share: float) -> Recording:
    """``share * first + (1 - share) * second``, in the rate, channels and length of the first.

    The second is brought to the level (RMS) of the first, unless one of them is silent: recordings differ by tens of
    decibels, and a share of a label says nothing where the other sound drowns it. It is repeated or cut to the length
    of the first, and its mean over channels is taken where they differ in number.

    Args:
        first, second: What to mix.
        share: Of the first, in [0, 1].

    Source:
        Zhang et al. 2018, arXiv:1710.09412, equation 1. Levels are matched after Tokozume et al. 2018,
        arXiv:1711.10282, which is about waveforms; theirs are weighted.
    """
    other = _fitted(second, first)
    level, other_level = _rms(first.waveform), _rms(other)
    matched = other * np.float32(level / other_level) if level and other_level else other
    mixed = np.float32(share) * first.waveform + np.float32(1 - share) * matched
    return Recording(np.asarray(mixed, dtype=np.float32), first.sample_rate)


def _fitted(recording: Recording, to: Recording) -> Waveform:
    waveform = recording.waveform
    if recording.sample_rate != to.sample_rate:
        waveform = resample(waveform, recording.sample_rate, to.sample_rate)
    channels, num_samples = to.waveform.shape
    if len(waveform) != channels:
        waveform = np.repeat(waveform.mean(axis=0, keepdims=True, dtype=np.float32), channels, axis=0)
    return np.tile(waveform, (1, -(-num_samples // waveform.shape[1])))[:, :num_samples]


def _rms(waveform: Waveform) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
