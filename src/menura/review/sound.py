"""What a browser plays and shows of a clip: WAV, the gain that makes it as loud as the others, and a spectrogram."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from menura.audio import decode, encode, loudness_lufs, resample
from menura.audio.picture import excerpt, heard_as_one, png, spectrogram_levels
from menura.types import Recording

__all__ = ["MAX_HEARD_S", "TARGET_LUFS", "Heard", "common_lufs", "heard", "level_gain_db", "listener"]

MAX_HEARD_S = 30.0
TARGET_LUFS = -25.0
_LEAST_LUFS = -45.0
_SILENT_PEAK = 1e-6
_HIGHEST_RATE = 48_000
_CEILING_DB = -1.0
_MOST_GAIN_DB = 40.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip as it goes to the page.

    Attributes:
        wav: 16 bits, one or two channels, at most 48 kHz and :data:`MAX_HEARD_S` seconds: those with the most energy.
        picture: PNG of the mel spectrogram of what is played; empty of clips that are made alike.
        gain_db: Brings it to the common loudness.
        duration_s: Seconds that are played.
        top_hz: Highest frequency of the picture.
    """

    wav: bytes
    picture: bytes
    gain_db: float
    duration_s: float
    top_hz: float


def heard(path: str, *, alike_lufs: float | None = None) -> Heard:
    """The clip at a path.

    Args:
        path: Audio file.
        alike_lufs: Given where nothing but the sound may tell clips apart: mixed to mono, at 48 kHz whatever its rate
            was, and as loud as this in its samples, not by a gain beside them. No picture.

    Raises:
        AudioError: It cannot be read.
    """
    recording = _excerpt_of(path)
    waveform, rate = recording.waveform, min(recording.sample_rate, _HIGHEST_RATE)
    middle = heard_as_one(waveform)
    if alike_lufs is not None:
        gain_db = level_gain_db(Recording(middle, recording.sample_rate), target_lufs=alike_lufs)
        played = resample(middle, recording.sample_rate, _HIGHEST_RATE) * 10 ** (gain_db / 20)
        wav = encode(Recording(played, _HIGHEST_RATE), container="WAV")
        return Heard(wav, b"", 0.0, played.shape[1] / _HIGHEST_RATE, _HIGHEST_RATE / 2)
    waveform = middle if len(waveform) > 2 else waveform
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


def level_gain_db(recording: Recording, *, target_lufs: float = TARGET_LUFS) -> float:
    """Gain to a loudness, as far as the peak stays below -1 dBFS and noise is not raised by more than 40 dB."""
    peak = float(np.abs(recording.waveform).max(initial=0.0))
    if peak < _SILENT_PEAK:
        return 0.0
    wanted = target_lufs - loudness_lufs(recording.waveform, recording.sample_rate)
    return min(wanted, _CEILING_DB - 20 * float(np.log10(peak)), _MOST_GAIN_DB)


def common_lufs(paths: Iterable[str]) -> float:
    """The loudness that all clips reach as mono with their peaks below -1 dBFS; :data:`TARGET_LUFS` at most.

    A clip of a few clicks in silence reaches less than -30 LUFS: where others are played at -25, it is told by that.

    Raises:
        AudioError: A clip cannot be read.
    """
    lowest = TARGET_LUFS
    for path in paths:
        recording = _excerpt_of(path)
        middle = heard_as_one(recording.waveform)
        peak = float(np.abs(middle).max(initial=0.0))
        if peak >= _SILENT_PEAK:
            loudness = loudness_lufs(middle, recording.sample_rate)
            gain_db = min(_CEILING_DB - 20 * float(np.log10(peak)), _MOST_GAIN_DB)
            lowest = min(lowest, loudness + gain_db)
    return max(lowest, _LEAST_LUFS)


def _excerpt_of(path: str) -> Recording:
    recording = decode(path)
    waveform = excerpt(recording.waveform, recording.sample_rate, length_s=MAX_HEARD_S)
    return Recording(waveform, recording.sample_rate)


def listener(*, alike_lufs: float | None = None, held: int = 48) -> Callable[[str], Heard]:
    """:func:`heard` that remembers the last clips: sound and picture of one are asked for separately."""

    @lru_cache(maxsize=held)
    def listen(path: str) -> Heard:
        return heard(path, alike_lufs=alike_lufs)

    return listen
