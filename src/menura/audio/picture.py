"""Sound as a small picture: a mel spectrogram in the colours of the report and of the review page."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from menura.types import Recording, Waveform

__all__ = ["excerpt", "heard_as_one", "png", "spectrogram_levels"]

_FLOOR_DB = -70.0
_NUM_LEVELS = 48
_DARKEST_DB = -160.0
_SILENT_PEAK = 1e-6
_CANCELLED = 0.01
_PALETTE_STOPS = np.array(
    [(8, 8, 24), (43, 16, 88), (108, 30, 122), (178, 52, 110), (233, 95, 82), (252, 165, 96), (252, 240, 190)],
    dtype=np.float64,
)


def excerpt(waveform: Waveform, sample_rate: int, *, length_s: float) -> Waveform:
    """The ``length_s`` seconds with the most energy; all of a shorter clip."""
    length = round(length_s * sample_rate)
    if waveform.shape[1] <= length:
        return waveform
    energy = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=np.float64).sum(axis=0))])
    starts = np.arange(0, waveform.shape[1] - length + 1, max(1, sample_rate // 10))
    start = int(starts[np.argmax(energy[starts + length] - energy[starts])])
    return waveform[:, start : start + length]


def heard_as_one(waveform: Waveform) -> Waveform:
    """One channel ``[1, samples]``: the mean, or the loudest one where channels of opposite phase cancel each other.

    They count as cancelled where the mean is 20 dB below what the channels have on average.
    """
    middle: Waveform = waveform.mean(axis=0, keepdims=True)
    power = np.square(waveform, dtype=np.float64).mean(axis=1)
    if np.square(middle, dtype=np.float64).mean() >= _CANCELLED * power.mean():
        return middle
    loudest = int(np.argmax(power))
    return waveform[loudest : loudest + 1]


def spectrogram_levels(recording: Recording, *, num_mels: int = 72, num_columns: int = 200) -> NDArray[np.uint8]:
    """Mel spectrogram as levels 0 to :data:`_NUM_LEVELS` - 1, ``[num_mels, num_columns]``, high frequencies on top.

    The scale ends at the loudest point of the clip and reaches 70 dB down; silence is dark.
    """
    import torch

    from menura.audio.mel import mel_spectrogram, power_to_db

    if np.abs(recording.waveform).max(initial=0.0) <= _SILENT_PEAK:
        return np.zeros((num_mels, num_columns), np.uint8)
    rate = recording.sample_rate
    n_fft = 1 << max(8, round(np.log2(0.046 * rate)))
    hop = max(1, min(n_fft // 4, recording.waveform.shape[1] // num_columns))
    power = mel_spectrogram(torch.from_numpy(recording.waveform[0]), rate, n_fft=n_fft, hop=hop, num_mels=num_mels)
    level_db = power_to_db(power, floor_db=_DARKEST_DB).numpy()
    level_db = level_db - level_db.max()
    nearest = np.linspace(0, level_db.shape[1] - 1, num_columns).round().astype(int)
    scaled = np.clip(1 - level_db[:, nearest] / _FLOOR_DB, 0, 1) * (_NUM_LEVELS - 1)
    return np.asarray(scaled[::-1].round().astype(np.uint8))


def png(levels: NDArray[np.uint8]) -> bytes:
    """A palette PNG of ``levels`` ``[rows, columns]``.

    Source:
        W3C Portable Network Graphics specification, colour type 3.
    """
    rows, columns = levels.shape
    stops = np.linspace(0, len(_PALETTE_STOPS) - 1, _NUM_LEVELS)
    palette = np.stack([np.interp(stops, np.arange(len(_PALETTE_STOPS)), channel) for channel in _PALETTE_STOPS.T], 1)
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), levels], axis=1)  # filter type 0 before each row
    data = b"\x89PNG\r\n\x1a\n"
    data += _png_chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0))
    data += _png_chunk(b"PLTE", palette.round().astype(np.uint8).tobytes())
    data += _png_chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
    return data + _png_chunk(b"IEND", b"")


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
