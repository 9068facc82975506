"""What a comparison of two sets needs of each clip: embeddings, descriptors, a mel picture, its course in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from menura.audio.clip_descriptors import DESCRIPTORS, clip_descriptors
from menura.audio.filterbank import mel_filterbank
from menura.errors import BackendError
from menura.judge.facts import ClipFacts, look_at
from menura.pipeline.threads import one_thread
from menura.studies.embeddings import EncoderSpec, load_spec
from menura.studies.pool import run_jobs
from menura.studies.sound_sets import hear
from menura.types import Clip, Progress, Recording

__all__ = ["MeasuredClips", "measure_clips", "mel_picture"]

_BLOCK = 16
_MELS, _SLOTS, _FFT, _HOP = 32, 24, 1024, 256
_RANGE_DB = 60.0


@dataclass(frozen=True)
class MeasuredClips:
    """Clips with what was measured of them, row by row.

    Attributes:
        clips: In order.
        embeddings: Name of the encoder to ``[clips, dim]``.
        descriptors: ``[clips, len(DESCRIPTORS)]``.
        mels: Mel pictures ``[clips, bands * slots]``; the distance of two is in dB.
        facts: Technical numbers of each.
        signatures: Course of each in time.
    """

    clips: tuple[Clip, ...]
    embeddings: dict[str, NDArray[np.float32]]
    descriptors: NDArray[np.float64]
    mels: NDArray[np.float32]
    facts: tuple[ClipFacts, ...]
    signatures: tuple[NDArray[np.int8], ...]

    def __len__(self) -> int:
        return len(self.clips)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> MeasuredClips:
        """The same of some of the clips, in the order of the rows."""
        chosen = [int(row) for row in rows]
        return MeasuredClips(
            tuple(self.clips[row] for row in chosen),
            {name: found[chosen] for name, found in self.embeddings.items()},
            self.descriptors[chosen],
            self.mels[chosen],
            tuple(self.facts[row] for row in chosen),
            tuple(self.signatures[row] for row in chosen),
        )


@dataclass(frozen=True)
class _Job:
    number: int
    clips: tuple[Clip, ...]
    encoders: tuple[EncoderSpec, ...]
    sample_rate: int


@dataclass(frozen=True)
class _Measured:
    number: int
    embeddings: tuple[NDArray[np.float32], ...]
    descriptors: NDArray[np.float64]
    mels: NDArray[np.float32]
    looks: tuple[tuple[ClipFacts, NDArray[np.int8]], ...]


def measure_clips(
    clips: Sequence[Clip],
    encoders: Sequence[str],
    *,
    sample_rate: int,
    workers: int = 1,
    stage: str = "measuring",
    progress: Progress | None = None,
) -> MeasuredClips:
    """Decodes each clip once and measures all of it.

    Args:
        clips: In any number.
        encoders: Names, as on the command line.
        sample_rate: At which all are heard, in Hz.
        workers: Number of processes.
        stage: What progress is called with, beside clips done and clips in all.
        progress: Called after each few clips.

    Raises:
        AudioError: A clip is gone or cannot be read.
        BackendError: An encoder cannot be loaded, or gave something else than finite numbers.
    """
    specs = tuple(EncoderSpec(name) for name in encoders)
    jobs = [
        _Job(number, tuple(clips[start : start + _BLOCK]), specs, sample_rate)
        for number, start in enumerate(range(0, len(clips), _BLOCK))
    ]
    found: list[_Measured] = []
    done = 0
    for part in run_jobs(_measure, jobs, workers=workers):
        found.append(part)
        done += len(part.looks)
        if progress is not None:
            progress(stage, done, len(clips))
    found.sort(key=lambda part: part.number)
    looks = [look for part in found for look in part.looks]
    embeddings = {
        name: np.concatenate([part.embeddings[place] for part in found]) if found else np.zeros((0, 1), np.float32)
        for place, name in enumerate(encoders)
    }
    return MeasuredClips(
        clips=tuple(clips),
        embeddings=embeddings,
        descriptors=np.concatenate([np.zeros((0, len(DESCRIPTORS))), *(part.descriptors for part in found)]),
        mels=np.concatenate([np.zeros((0, _MELS * _SLOTS), np.float32), *(part.mels for part in found)]),
        facts=tuple(facts for facts, _ in looks),
        signatures=tuple(signature for _, signature in looks),
    )


def mel_picture(recording: Recording) -> NDArray[np.float32]:
    """Levels of 32 mel bands in 24 stretches of the clip, in dB below the loudest, down to 60 dB.

    Divided by the root of their number: the Euclidean distance of two pictures is the root of their mean squared
    difference in dB. Neither the level nor the length of a clip matters, its course does.

    Returns:
        ``[bands * stretches]``.
    """
    waveform = recording.waveform.mean(axis=0, dtype=np.float32)
    padded = np.pad(waveform, (_FFT // 2, max(_FFT // 2, _FFT - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    spectrum = np.fft.rfft(frames * np.hanning(_FFT + 2)[1:-1].astype(np.float32))
    power = np.square(np.abs(spectrum)) @ mel_filterbank(recording.sample_rate, n_fft=_FFT, num_mels=_MELS).T
    edges = np.linspace(0, len(power), _SLOTS + 1)
    slots = [power[int(low) : max(int(low) + 1, int(high))].mean(axis=0) for low, high in pairwise(edges)]
    levels = np.stack(slots)
    relative = 10 * np.log10(np.maximum(levels / max(float(levels.max()), 1e-20), 10 ** (-_RANGE_DB / 10)))
    return np.asarray(relative.ravel() / np.sqrt(relative.size), dtype=np.float32)


def _measure(job: _Job) -> _Measured:
    with one_thread():
        heard = [hear(clip, job.sample_rate) for clip in job.clips]
        embeddings = []
        for spec in job.encoders:
            embedded = np.asarray(load_spec(spec).embed(heard), dtype=np.float32)
            if len(embedded) != len(heard) or not np.isfinite(embedded).all():
                raise BackendError(f"encoder {spec.title} gave no finite embedding of {job.clips[0].path} or the next")
            embeddings.append(embedded)
        return _Measured(
            job.number,
            tuple(embeddings),
            np.stack([clip_descriptors(one) for one in heard]),
            np.stack([mel_picture(one) for one in heard]),
            tuple(look_at(one) for one in heard),
        )
