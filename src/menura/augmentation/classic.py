"""Classic augmentation of waveforms: noise, gain, pitch shift, time stretch, shift, through audiomentations."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np

from menura.audio.level import within_full_scale
from menura.errors import AudioError, BackendError
from menura.types import Recording, Waveform

__all__ = ["classic_copy", "classic_is_available", "library", "long_enough", "seeded_globals"]

_SHORTEST_SAMPLES = 1024
"""Pitch shift and time stretch need a few windows; a shorter clip is repeated to this length and cut again."""


def classic_is_available() -> bool:
    """Whether audiomentations is installed."""
    from importlib.util import find_spec

    return find_spec("audiomentations") is not None


def classic_copy(recording: Recording, *, generator: np.random.Generator) -> Recording:
    """An augmented copy of the recording: same rate, channels and number of samples, peak at most 1.

    Each of these happens with probability one half: pitch shift by up to 4 semitones, time stretch by 0.8 to 1.25
    (played faster is padded with silence, slower is cut), Gaussian noise at 5 to 40 dB SNR, gain of up to 6 dB, shift
    around the end by up to half of the clip.

    Args:
        recording: What to augment.
        generator: Random state of this copy alone. audiomentations draws from the global states of ``random`` and
            ``numpy.random``, which are seeded from it and put back afterwards.

    Raises:
        BackendError: audiomentations is not installed.
        AudioError: The recording holds no samples.
    """
    if not recording.waveform.size:
        raise AudioError("a recording without samples cannot be augmented; remove the clip")
    chain = _chain()
    with seeded_globals(int(generator.integers(2**32))):
        changed = chain(long_enough(recording.waveform), sample_rate=recording.sample_rate)
    waveform = np.ascontiguousarray(changed[:, : recording.waveform.shape[1]], dtype=np.float32)
    return Recording(within_full_scale(waveform), recording.sample_rate)


def library() -> Any:
    """The audiomentations library.

    Raises:
        BackendError: It is not installed.
    """
    try:
        import audiomentations
    except ImportError as error:
        raise BackendError(
            "classic augmentation needs audiomentations, which is not installed: pip install 'menura[classic]'"
        ) from error
    return audiomentations


@lru_cache(maxsize=1)
def _chain() -> Any:
    audiomentations = library()
    return audiomentations.Compose(
        [
            audiomentations.PitchShift(min_semitones=-4.0, max_semitones=4.0, p=0.5),
            audiomentations.TimeStretch(min_rate=0.8, max_rate=1.25, leave_length_unchanged=True, p=0.5),
            audiomentations.AddGaussianSNR(min_snr_db=5.0, max_snr_db=40.0, p=0.5),
            audiomentations.Gain(min_gain_db=-6.0, max_gain_db=6.0, p=0.5),
            audiomentations.Shift(min_shift=-0.5, max_shift=0.5, shift_unit="fraction", rollover=True, p=0.5),
        ]
    )


@contextmanager
def seeded_globals(seed: int) -> Iterator[None]:
    """The global states of ``random`` and ``numpy.random`` seeded inside, as before after."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def long_enough(waveform: Waveform) -> Waveform:
    """The waveform ``[channels, samples]``; one too short for a few windows is repeated, to be cut again afterwards."""
    repeats = -(-_SHORTEST_SAMPLES // waveform.shape[1])
    return np.ascontiguousarray(np.tile(waveform, (1, repeats)) if repeats > 1 else waveform, dtype=np.float32)
