"""Embeddings of clips, computed once by several processes and kept by clip and encoder.

A cache is a folder for each encoder with up to 64 files, in which a clip's id says its file. Whatever a killed process
left behind is whole or absent; a damaged file costs its clips a second computation and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from menura.audio import decode
from menura.errors import BackendError
from menura.files import disk_errors, remove_leftovers
from menura.pipeline.threads import one_thread
from menura.seeding import content_hash
from menura.studies.pool import run_jobs
from menura.studies.tensors import read_arrays, write_arrays
from menura.types import Clip, Progress, Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["EncoderSpec", "cache_places", "embed_clips", "load_spec", "read_embeddings"]

_FILES = 64
_BLOCK = 32


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """What names an encoder: cheap to send to another process.

    Attributes:
        name: As on the command line: a name, a file of weights, or several with ``+`` between.
        random_weights: The network of the file with weights that were never trained.
        clip_s: Seconds from the start of a clip that it hears; None hears all of it.
    """

    name: str
    random_weights: bool = False
    clip_s: float | None = None

    @property
    def title(self) -> str:
        """What a table calls it."""
        return f"{self.name} (random weights)" if self.random_weights else self.name

    @property
    def is_trained(self) -> bool:
        """Whether it is one trained network, so that random weights can stand against its own."""
        from menura.encoders.learned import LearnedEncoder

        return not self.random_weights and isinstance(load_spec(self), LearnedEncoder)

    @property
    def parts(self) -> tuple[EncoderSpec, ...]:
        """The encoders that stand side by side; each is cached by itself, so that none is asked twice."""
        return tuple(replace(self, name=name) for name in self.name.split("+"))


@dataclass(frozen=True)
class _Job:
    """One file of one part: the clips that it lacks."""

    spec: EncoderSpec
    file: Path
    clips: tuple[Clip, ...]


@lru_cache(maxsize=4)
def load_spec(spec: EncoderSpec) -> Encoder:
    """The encoder, once per process.

    Raises:
        BackendError: It cannot be loaded, or has no weights that could be random.
    """
    from menura.backends.registry import load_encoder

    encoder = load_encoder(spec.name)
    if not spec.random_weights:
        return encoder
    from menura.encoders.learned import LearnedEncoder

    if not isinstance(encoder, LearnedEncoder):
        raise BackendError(
            f"{spec.name} is not one trained network, so that there are no weights to be drawn at random"
        )
    return encoder.with_random_weights()


def cache_places(spec: EncoderSpec, folder: Path) -> tuple[Path, ...]:
    """A folder of the cache for each part of an encoder; another one when the same clip would get another embedding.

    Raises:
        BackendError: The encoder cannot be loaded.
    """
    return tuple(folder / content_hash([load_spec(part).fingerprint, part.clip_s]) for part in spec.parts)


def embed_clips(
    specs: Sequence[EncoderSpec], clips: Iterable[Clip], folder: Path, *, workers: int, progress: Progress | None = None
) -> None:
    """Compute what the cache lacks.

    Args:
        specs: Encoders; the parts that they share are computed once.
        clips: Clips; those with equal content are computed once.
        folder: The cache.
        workers: Number of processes.
        progress: Called with ``embedding``, embeddings done, embeddings in all.

    Raises:
        AudioError: A clip is gone or cannot be read.
        BackendError: An encoder cannot be loaded, or gave something else than finite numbers.
        RunError: The disk cannot be written.
    """
    distinct = {clip.id: clip for clip in clips}
    jobs: list[_Job] = []
    total = done = 0
    for part in dict.fromkeys(part for spec in specs for part in spec.parts):
        (place,) = cache_places(part, folder)
        with disk_errors(str(place)):
            remove_leftovers(place)
        for number, wanted in _by_file(distinct).items():
            file = place / f"{number:02d}.safetensors"
            known = _known(file)
            missing = tuple(distinct[clip_id] for clip_id in wanted if clip_id not in known)
            total += len(wanted)
            done += len(wanted) - len(missing)
            if missing:
                jobs.append(_Job(part, file, missing))
    if progress is not None and jobs:
        progress("embedding", done, total)
    for count in run_jobs(_embed, jobs, workers=workers):
        done += count
        if progress is not None:
            progress("embedding", done, total)


def read_embeddings(places: Sequence[Path], ids: Sequence[str]) -> dict[str, NDArray[np.float32]] | None:
    """Clip id to embedding ``[dim]``, from the :func:`cache_places` of an encoder; None when one is lacking."""
    found = [_read_part(place, ids) for place in places]
    if any(clip_id not in part for part in found for clip_id in ids):
        return None
    return {clip_id: np.concatenate([part[clip_id] for part in found]) for clip_id in ids}


def _read_part(place: Path, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    files = sorted({_file_number(clip_id) for clip_id in ids})
    return {name: array for n in files for name, array in _known(place / f"{n:02d}.safetensors").items()}


def _embed(job: _Job) -> int:
    """Adds the missing clips to one file; what was done is kept every few clips."""
    with one_thread():
        encoder = load_spec(job.spec)
        known = dict(_known(job.file))
        for start in range(0, len(job.clips), _BLOCK):
            block = job.clips[start : start + _BLOCK]
            found = np.asarray(encoder.embed([_heard(clip, job.spec.clip_s) for clip in block]), dtype=np.float32)
            if len(found) != len(block) or not np.isfinite(found).all():
                raise BackendError(f"encoder {job.spec.title} gave no finite embedding of {block[0].path} or the next")
            known |= {clip.id: embedding for clip, embedding in zip(block, found, strict=True)}
            write_arrays(job.file, known, {"encoder": job.spec.name, "random_weights": job.spec.random_weights})
    return len(job.clips)


def _heard(clip: Clip, clip_s: float | None) -> Recording:
    """The clip, or its first seconds."""
    recording = decode(clip.path)
    if clip_s is None or recording.duration_s <= clip_s:
        return recording
    return Recording(recording.waveform[:, : round(clip_s * recording.sample_rate)], recording.sample_rate)


def _known(file: Path) -> Mapping[str, NDArray[np.float32]]:
    stored = read_arrays(file)
    return {} if stored is None else stored[0]


def _by_file(ids: Iterable[str]) -> dict[int, list[str]]:
    files: dict[int, list[str]] = defaultdict(list)
    for clip_id in ids:
        files[_file_number(clip_id)].append(clip_id)
    return files


def _file_number(clip_id: str) -> int:
    return int(content_hash(clip_id), 16) % _FILES
