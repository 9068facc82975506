"""Pitch as notes: how often the note is right in any octave."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["chroma_accuracy"]

SEMITONES = 12


def chroma_accuracy(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Share of notes whose chroma is right: an error of whole octaves counts as right.

    Args:
        truth, predicted: MIDI note numbers ``[clips]``, at least one.

    Source:
        Turian et al. 2022, arXiv:2203.03022, NSynth Pitch.

    Example:
        >>> chroma_accuracy(np.array([60, 61]), np.array([72, 62]))
        0.5
    """
    return float(np.mean((truth - predicted) % SEMITONES == 0))
