"""The built-in encoder: statistics of what can be heard, without weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from menura.audio.descriptors import modulation_levels, temporal_shape
from menura.encoders.checks import require_sound
from menura.encoders.frames import Frames, FrameSettings, short_time
from menura.errors import ConfigError
from menura.seeding import content_hash
from menura.types import Recording

__all__ = ["AcousticStatistics"]

_VERSION = 2
_CEPSTRA, _COVARIANCE_CEPSTRA, _MODULATION_CEPSTRA = 24, 12, 8
_MODULATION_GROUPS = 16
_MODULATION_EDGES_HZ = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_LAGS = (1, 3, 8, 25)
_PARTS = 4


class AcousticStatistics:
    """Embeds a clip as statistics of its log-mel bands, cepstra, modulations, spectra and envelope.

    Level, padding and duration leave almost no trace: bands are taken relative to the clip's own loud frames, and
    statistics over the frames of the sound only (those within 25 dB of its loud ones), because the amount of silence
    around a sound differs by label in public sets and says nothing of the sound itself. The dimensions have
    different scales; standardise them by training clips before measuring distances.

    Args:
        sample_rate: Twice the highest frequency that is looked at, in Hz. The default of 32 kHz covers birds, rain and
            hiss, and costs recordings of lower rates nothing: frames and bands are defined in seconds and hertz,
            so that no recording is resampled, and the bands above half of its rate stay at the floor.

    Raises:
        ConfigError: ``sample_rate`` is below 2000 Hz.
    """

    name = "acoustic"

    def __init__(self, sample_rate: int = 32_000) -> None:
        if sample_rate < 2000:
            raise ConfigError(f"acoustic encoder: sample_rate is {sample_rate} Hz, expected at least 2000 Hz")
        self.sample_rate = sample_rate
        self._settings = FrameSettings(max_hz=sample_rate / 2)
        self.dim = self._embed(Recording(np.zeros((1, 1), np.float32), sample_rate)).size

    @property
    def fingerprint(self) -> str:
        """Changes with the method's version and the rate."""
        return content_hash([self.name, _VERSION, self.sample_rate])

    def embed(self, recordings: Sequence[Recording]) -> NDArray[np.float32]:
        """Embeddings ``[len(recordings), dim]``; one clip at a time, so that no clip looks at another.

        Raises:
            AudioError: A waveform is empty or not finite.
        """
        return np.stack([self._embed(recording) for recording in recordings]) if recordings else self._none()

    def _none(self) -> NDArray[np.float32]:
        return np.zeros((0, self.dim), np.float32)

    def _embed(self, recording: Recording) -> NDArray[np.float32]:
        require_sound(recording)
        frames = short_time(recording, self._settings)
        return np.concatenate([part.ravel() for part in _statistics(frames)]).astype(np.float32)


def _statistics(frames: Frames) -> list[NDArray[np.float32]]:
    """All statistics, block by block; blocks are described in docs/encoders.md."""
    import scipy.fft

    first, last = np.flatnonzero(frames.active)[[0, -1]]
    span, active = slice(first, last + 1), frames.active
    cepstra = scipy.fft.dct(frames.bands_db, axis=1, norm="ortho")[:, 1 : _CEPSTRA + 1]
    groups = frames.bands_db[span].reshape(last + 1 - first, _MODULATION_GROUPS, -1).mean(axis=2)
    modulated = np.concatenate([groups, cepstra[span, :_MODULATION_CEPSTRA]], axis=1)
    return [
        *_moments(frames.bands_db[active]),
        np.percentile(frames.bands_db[active], [10, 90], axis=0),
        *(_change(frames.bands_db[span], lag) for lag in _LAGS),
        *_moments(cepstra[active])[:2],
        *(_change(cepstra[span], lag) for lag in _LAGS[:3]),
        _covariances(cepstra[active, :_COVARIANCE_CEPSTRA]),
        _course(cepstra[span]),
        modulation_levels(modulated, frame_rate=frames.frame_rate, edges_hz=_MODULATION_EDGES_HZ),
        *_moments(frames.shape[active])[:2],
        np.percentile(frames.shape[active], [10, 50, 90], axis=0),
        temporal_shape(frames.level_db, active, frame_rate=frames.frame_rate),
    ]


def _moments(values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Mean, standard deviation and skewness over frames."""
    mean = values.mean(axis=0)
    centred = values - mean
    squared = centred * centred
    deviation, third = np.sqrt(squared.mean(axis=0)), (squared * centred).mean(axis=0)
    return [mean, deviation, third / (deviation**3 + np.float32(1e-3))]


def _change(values: NDArray[np.float32], lag: int) -> NDArray[np.float32]:
    """Root mean square change over ``lag`` frames."""
    if len(values) <= lag:
        return np.zeros(values.shape[1], np.float32)
    return np.asarray(np.sqrt(np.square(values[lag:] - values[:-lag]).mean(axis=0)))


def _covariances(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Covariances of different columns: which bands sound together."""
    centred = values - values.mean(axis=0)
    return np.asarray((centred.T @ centred / np.float32(len(values)))[np.triu_indices(values.shape[1], 1)])


def _course(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of each quarter of the sound: how it begins, goes on and ends."""
    starts = [part * len(values) // _PARTS for part in range(_PARTS + 1)]
    return np.stack([values[low : max(low + 1, high)].mean(axis=0) for low, high in pairwise(starts)])
