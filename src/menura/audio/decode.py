"""Audio files to waveforms, by libsndfile (WAV, FLAC, Ogg Vorbis and Opus, MP3, AIFF and more)."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from menura.errors import AudioError
from menura.types import Recording

__all__ = ["AudioInfo", "clip_id", "decode", "decode_blocks", "identify", "probe"]

_BLOCK_VALUES = 1 << 19
_MOST_VALUES = 1 << 29
"""Samples over all channels of one file, 2 GiB as float32: an hour of silence at 655 kHz in eight channels is a FLAC
file of a few megabytes and 75 GB of numbers."""


_LEAST_RATE, _MOST_RATE = 100, 10_000_000
"""In Hz, from infrasound to ultrasound. Windows of so many milliseconds, filters and spectra grow with the rate that a
header of a few bytes declares."""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What the header of an audio file says.

    Attributes:
        num_samples: Samples per channel, as declared.
        sample_rate: In Hz.
        channels: Number of channels.
        container: e.g. ``WAV``, ``FLAC``, ``OGG``, ``MP3``.
        subtype: e.g. ``PCM_16``, ``VORBIS``.
    """

    num_samples: int
    sample_rate: int
    channels: int
    container: str
    subtype: str

    @property
    def duration_s(self) -> float:
        """Declared duration in seconds."""
        return self.num_samples / self.sample_rate


def probe(path: str | Path) -> AudioInfo:
    """What the header says, without decoding.

    Raises:
        AudioError: The file is missing, empty, not audio that libsndfile knows, or of an impossible sample rate.
    """
    import soundfile

    _check_kind(path)
    try:
        info = soundfile.info(str(path))
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise AudioError(_why_unreadable(Path(path), error)) from error
    _check_rate(path, int(info.samplerate))
    return AudioInfo(int(info.frames), int(info.samplerate), int(info.channels), str(info.format), str(info.subtype))


def decode(path: str | Path, *, max_duration_s: float = 3600.0) -> Recording:
    """The whole file as float32.

    Reads in blocks, so that a header which declares more samples than the file holds costs no memory.

    Args:
        path: Audio file.
        max_duration_s: Longest recording that is read, in seconds.

    Returns:
        Waveform ``[channels, samples]`` with at least one sample, and its rate.

    Raises:
        AudioError: The file is missing, not audio, damaged, without samples, longer than ``max_duration_s``, or
            holds NaN or infinite samples.
    """
    blocks = list(decode_blocks(path, max_duration_s=max_duration_s))
    return Recording(np.concatenate([block.waveform for block in blocks], axis=1), blocks[0].sample_rate)


def decode_blocks(path: str | Path, *, max_duration_s: float = 3600.0) -> Iterator[Recording]:
    """The file in consecutive blocks of a few seconds, each ``[channels, samples]``: memory does not grow with it.

    Raises:
        AudioError: As :func:`decode`, when the trouble is reached.
    """
    import soundfile

    _check_kind(path)
    num_samples = 0
    try:
        with soundfile.SoundFile(str(path)) as source:
            rate = int(source.samplerate)
            _check_rate(path, rate)
            if source.frames > max_duration_s * rate and source.frames < 2**62:
                raise AudioError(
                    f"{path} declares {source.frames / rate:.0f} s, at most {max_duration_s:.0f} s are read; "
                    "cut it into clips"
                )
            most = min(max_duration_s * rate, _MOST_VALUES // source.channels)
            if source.frames > most and source.frames < 2**62:
                raise AudioError(_too_much(path, source.frames, rate, source.channels))
            size = max(1, _BLOCK_VALUES // source.channels)
            while len(block := source.read(size, dtype="float32", always_2d=True)):
                num_samples += len(block)
                if num_samples > most:
                    raise AudioError(
                        f"{path} holds more than {most / rate:.0f} s in {source.channels} channels; cut it into clips"
                    )
                _check_finite(path, block)
                yield Recording(np.ascontiguousarray(block.T), rate)
    except AudioError:
        raise
    except (soundfile.LibsndfileError, OSError, RuntimeError, ValueError) as error:
        raise AudioError(_why_unreadable(Path(path), error)) from error
    if not num_samples:
        raise AudioError(f"{path} holds no samples; remove it or record it again")


def clip_id(recording: Recording) -> str:
    """Sixteen hexadecimal digits that name the decoded samples and the rate.

    The same sound packed as WAV or FLAC has one id; another lossy encoding is another clip.
    """
    return _clip_id([recording])


def identify(path: str | Path, *, max_duration_s: float = 3600.0) -> tuple[AudioInfo, str]:
    """What a file holds, and the id of its clip, in constant memory.

    The number of samples is counted and not taken from the header.

    Raises:
        AudioError: As :func:`decode`.
    """
    declared = probe(path)
    counted: list[int] = []

    def count() -> Iterator[Recording]:
        for block in decode_blocks(path, max_duration_s=max_duration_s):
            counted.append(block.waveform.shape[1])
            yield block

    name = _clip_id(count())
    return replace(declared, num_samples=sum(counted)), name


def _clip_id(blocks: Iterable[Recording]) -> str:
    """Digest of the rate and of one digest for each channel, so that blocks and the whole give one id."""
    digests: list[Any] = []
    rate = 0
    for block in blocks:
        rate = block.sample_rate
        digests = digests or [hashlib.sha256() for _ in block.waveform]
        for digest, samples in zip(digests, block.waveform, strict=True):
            digest.update(np.ascontiguousarray(samples, dtype="<f4").data)
    total = hashlib.sha256(f"{rate}:{len(digests)}:".encode())
    for digest in digests:
        total.update(digest.digest())
    return total.hexdigest()[:16]


def _too_much(path: str | Path, num_samples: int, rate: int, channels: int) -> str:
    return (
        f"{path} declares {num_samples / rate:.0f} s in {channels} channels at {rate} Hz, at most {_MOST_VALUES} "
        "samples are read; cut it into clips"
    )


def _check_finite(path: str | Path, block: NDArray[np.float32]) -> None:
    if not np.isfinite(block).all():
        bad = int(np.count_nonzero(~np.isfinite(block)))
        raise AudioError(
            f"{path} holds at least {bad} samples that are NaN or infinite; export it again from its source"
        )


def _check_rate(path: str | Path, rate: int) -> None:
    if not _LEAST_RATE <= rate <= _MOST_RATE:
        raise AudioError(
            f"{path} declares a sample rate of {rate} Hz, expected {_LEAST_RATE} to {_MOST_RATE}; correct its header"
        )


def _check_kind(path: str | Path) -> None:
    """Refuse a pipe, a socket and a device before they are opened: reading one may wait for ever, or never end."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return  # opening it says why
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise AudioError(f"{path} is a pipe, a socket or a device, expected a regular file of audio; remove it")


def _why_unreadable(path: Path, error: Exception) -> str:
    if not path.exists():
        return f"{path} does not exist"
    if path.is_dir():
        return f"{path} is a folder, expected an audio file"
    if path.stat().st_size == 0:
        return f"{path} is empty (0 bytes); copy it again from its source"
    detail = str(error).split(":")[-1].strip().rstrip(".")
    return f"{path} is not audio that can be read ({detail}); expected WAV, FLAC, Ogg, Opus, MP3 or AIFF"
