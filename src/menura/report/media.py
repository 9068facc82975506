"""Sound as a small player and a small picture that live inside the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.audio import decode, encode, resample
from menura.audio.picture import excerpt, heard_as_one, png, spectrogram_levels
from menura.types import Recording

__all__ = ["Media", "audio_uri", "png_uri", "sound_media"]

MAX_EXCERPT_S = 5.0
_MP3_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000)


@dataclass(frozen=True, slots=True)
class Media:
    """A clip as data URIs.

    Attributes:
        audio: MP3, mono, at most :data:`MAX_EXCERPT_S` seconds and 32 kHz.
        picture: PNG of the mel spectrogram.
        excerpt_s: Seconds that are played.
        duration_s: Seconds that the clip has.
        top_hz: Highest frequency of the picture.
    """

    audio: str
    picture: str
    excerpt_s: float
    duration_s: float
    top_hz: float


def sound_media(path: str) -> Media:
    """The clip at ``path`` as player and picture.

    Raises:
        AudioError: The file cannot be read.
    """
    recording = decode(path)
    mono = heard_as_one(recording.waveform)
    heard = Recording(excerpt(mono, recording.sample_rate, length_s=MAX_EXCERPT_S), recording.sample_rate)
    return Media(
        audio=audio_uri(heard),
        picture=png_uri(spectrogram_levels(heard)),
        excerpt_s=heard.duration_s,
        duration_s=recording.duration_s,
        top_hz=recording.sample_rate / 2,
    )


def audio_uri(recording: Recording) -> str:
    """MP3 as a data URI: the one format that every browser plays. Quiet clips are raised to a peak of -3 dBFS."""
    rate = max((rate for rate in _MP3_RATES_HZ if rate <= recording.sample_rate), default=_MP3_RATES_HZ[0])
    waveform = resample(recording.waveform, recording.sample_rate, rate)
    peak = float(np.max(np.abs(waveform), initial=0.0))
    waveform = waveform * np.float32(0.7 / peak) if peak > 1e-6 else waveform
    data = encode(Recording(waveform, rate), container="MP3", subtype="MPEG_LAYER_III")
    return "data:audio/mpeg;base64," + base64.b64encode(data).decode("ascii")


def png_uri(levels: NDArray[np.uint8]) -> str:
    """A palette PNG of ``levels`` ``[rows, columns]`` as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png(levels)).decode("ascii")
