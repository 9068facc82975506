"""Waveforms to audio files, with the same bytes for the same samples."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from menura.errors import AudioError
from menura.files import disk_trouble
from menura.types import Recording

__all__ = ["encode"]

_TAGS = ("title", "copyright", "software", "artist", "comment", "date", "album", "license", "tracknumber", "genre")


def encode(
    recording: Recording,
    path: str | Path | None = None,
    *,
    container: str = "FLAC",
    subtype: str = "PCM_16",
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """Bytes of an audio file; written to ``path`` too when one is given.

    Samples outside [-1, 1] are clipped to the range; level a waveform first (:func:`menura.audio.gain`).

    Args:
        recording: Waveform ``[channels, samples]`` and its rate.
        path: Where to write; None only returns the bytes.
        container: Container as libsndfile names it: ``FLAC``, ``WAV``, ``OGG``.
        subtype: ``PCM_16``, ``PCM_24``, ``VORBIS``, ….
        tags: Text tags of the file; known names are those of libsndfile, e.g. ``title``, ``comment``, ``software``.

    Raises:
        AudioError: The waveform is empty or not finite, the tag is unknown, or the file cannot be written.
    """
    import soundfile

    waveform = np.asarray(recording.waveform, dtype=np.float32)
    if waveform.ndim != 2 or waveform.shape[1] == 0:
        raise AudioError(f"a waveform of shape {waveform.shape} cannot be written, expected [channels, samples >= 1]")
    if not np.isfinite(waveform).all():
        raise AudioError("a waveform with NaN or infinite samples cannot be written")
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(
            buffer, "w", recording.sample_rate, waveform.shape[0], subtype=subtype, format=container
        ) as sink:
            for name, text in (tags or {}).items():
                if name not in _TAGS:
                    raise AudioError(f"no audio tag {name!r}; known tags: {', '.join(_TAGS)}")
                setattr(sink, name, text)
            sink.write(np.clip(waveform, -1.0, 1.0).T)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(
            f"{waveform.shape[0]} channels at {recording.sample_rate} Hz cannot be written as "
            f"{container}/{subtype}: {error}"
        ) from error
    data = buffer.getvalue()
    if path is not None:
        try:
            Path(path).write_bytes(data)
        except OSError as error:
            raise AudioError(f"{path} cannot be written: {disk_trouble(error) or error.strerror or error}") from error
    return data
