"""Audio files between Menura and a worker: parents on their way in, clips on their way out, and nothing else."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np

from menura.audio import decode, encode, probe, resample
from menura.backends.worker.messages import Parent
from menura.errors import AudioError, BackendError
from menura.types import Recording, Waveform

__all__ = ["LENGTH_TOLERANCE", "LENGTH_TOLERANCE_S", "read_clip", "write_parent"]

LENGTH_TOLERANCE_S = 0.1
LENGTH_TOLERANCE = 0.02
"""A clip may miss its duration by the larger of both; models count in frames. It is cut or padded to the sample."""

_CONTAINERS = ("WAV", "WAVEX", "FLAC", "RF64")


def write_parent(recording: Recording, scratch: Path, name: str, *, sample_rate: int) -> Parent:
    """Put a parent into the scratch folder, at the worker's rate, so that no worker has to resample.

    Raises:
        AudioError: It cannot be written; a full disk, for one.
    """
    waveform = resample(recording.waveform, recording.sample_rate, sample_rate)
    at_rate = Recording(waveform, sample_rate)
    encode(at_rate, scratch / name, container="WAV", subtype="FLOAT")
    return Parent(file=name, sample_rate=sample_rate, duration_s=at_rate.duration_s)


def read_clip(
    scratch: Path, name: str, *, sample_rate: int, channels: int, duration_s: float | None, to_rate: int | None
) -> Recording:
    """The clip that a worker says it has made, if it is what was asked for and what the worker said of its clips.

    Args:
        scratch: The folder that the file must lie in.
        name: Name of the file, as the worker gave it.
        sample_rate, channels: What the worker said when it started.
        duration_s: What was asked for.
        to_rate: Rate of the recording that is returned, in Hz; None leaves it as it is.

    Raises:
        BackendError: The file is missing, elsewhere, not regular, not audio, or not as it should be.
    """
    path = _inside(scratch, name)
    try:
        info = probe(path)
        if info.container not in _CONTAINERS:
            raise BackendError(f"gave {name} as {info.container}, expected WAV or FLAC")
        if info.sample_rate != sample_rate:
            raise BackendError(f"gave {name} at {info.sample_rate} Hz, but said it makes clips at {sample_rate} Hz")
        if info.channels != channels:
            raise BackendError(f"gave {name} with {info.channels} channels, but said its clips have {channels}")
        recording = decode(path, max_duration_s=600.0 if duration_s is None else 2 * duration_s + 60)
    except AudioError as error:
        raise BackendError(f"gave a bad file: {str(error).replace(str(path), name)}") from error
    if duration_s is not None:
        _check_length(recording, name, duration_s)
    rate = to_rate or sample_rate
    waveform = resample(recording.waveform, sample_rate, rate)
    return Recording(waveform if duration_s is None else _fitted(waveform, max(1, round(duration_s * rate))), rate)


def _inside(scratch: Path, name: str) -> Path:
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise BackendError(f"names {name!r} as its file, expected a plain file name in its scratch folder")
    path = scratch / name
    try:
        mode = path.lstat().st_mode
    except OSError:
        raise BackendError(f"names {name} as its file, but there is no such file in its scratch folder") from None
    if not stat.S_ISREG(mode):
        kind = "a link" if stat.S_ISLNK(mode) else "not a regular file"
        raise BackendError(f"names {name} as its file, which is {kind}; expected a regular file in its scratch folder")
    return path


def _check_length(recording: Recording, name: str, duration_s: float) -> None:
    missed_s = recording.duration_s - duration_s
    if abs(missed_s) > max(LENGTH_TOLERANCE_S, LENGTH_TOLERANCE * duration_s):
        how = "too short" if missed_s < 0 else "too long"
        raise BackendError(f"gave {name} with {recording.duration_s:.2f} s, {how}: {duration_s:.2f} s were asked for")


def _fitted(waveform: Waveform, num_samples: int) -> Waveform:
    missing = max(0, num_samples - waveform.shape[1])
    return np.ascontiguousarray(np.pad(waveform, ((0, 0), (0, missing)))[:, :num_samples])
