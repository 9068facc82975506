"""What a browser plays and shows of a clip: WAV, the gain that makes it as loud as the others, and a spectrogram."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from menura.audio import decode, encode, loudness_lufs, resample
from menura.audio.picture import excerpt, png, spectrogram_levels
from menura.types import Recording

__all__ = ["Heard", "heard", "level_gain_db", "listener"]

MAX_HEARD_S = 30.0
_TARGET_LUFS = -25.0
_HIGHEST_RATE = 48_000
_CEILING_DB = -1.0
_MOST_GAIN_DB = 40.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip as it goes to the page.

    Attributes:
        wav: 16 bits, one or two channels, at most 48 kHz and :data:`MAX_HEARD_S` seconds: those with the most energy.
        picture: PNG of the mel spectrogram of what is played.
        gain_db: Brings it to the common loudness.
        duration_s: Seconds that are played.
        top_hz: Highest frequency of the picture.
    """

    wav: bytes
    picture: bytes
    gain_db: float
    duration_s: float
    top_hz: float


def heard(path: str, *, mono: bool = False) -> Heard:
    """The clip at a path.

    Args:
        path: Audio file.
        mono: Whether its channels are mixed.

    Raises:
        AudioError: It cannot be read.
    """
    recording = decode(path)
    rate = min(recording.sample_rate, _HIGHEST_RATE)
    waveform = excerpt(recording.waveform, recording.sample_rate, length_s=MAX_HEARD_S)
    middle = waveform.mean(axis=0, keepdims=True)
    waveform = middle if mono or len(waveform) > 2 else waveform
    gain_db = level_gain_db(Recording(waveform, recording.sample_rate))
    if rate != recording.sample_rate:
        waveform = resample(waveform, recording.sample_rate, rate)
    picture = png(spectrogram_levels(Recording(middle, recording.sample_rate), num_columns=400))
    return Heard(
        wav=encode(Recording(waveform, rate), container="WAV"),
        picture=picture,
        gain_db=round(gain_db, 2),
        duration_s=waveform.shape[1] / rate,
        top_hz=recording.sample_rate / 2,
    )


def level_gain_db(recording: Recording) -> float:
    """Gain to -25 LUFS, as far as the peak stays below -1 dBFS and noise is not raised by more than 40 dB."""
    peak = float(np.abs(recording.waveform).max(initial=0.0))
    if peak < 1e-6:
        return 0.0
    wanted = _TARGET_LUFS - loudness_lufs(recording.waveform, recording.sample_rate)
    return min(wanted, _CEILING_DB - 20 * float(np.log10(peak)), _MOST_GAIN_DB)


def listener(*, mono: bool = False, held: int = 48) -> Callable[[str], Heard]:
    """:func:`heard` that remembers the last clips: sound and picture of one are asked for separately."""

    @lru_cache(maxsize=held)
    def listen(path: str) -> Heard:
        return heard(path, mono=mono)

    return listen
