"""The real clips of an evaluation: decoded once, described once, and stored once at the working rate.

Everything after works at the working rate, so that runs are quick and real and synthetic clips have one bandwidth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.audio import clip_id, decode, encode
from menura.classify.base import Classifier
from menura.errors import AudioError, RunError
from menura.files import disk_errors, write_bytes
from menura.lock import locked
from menura.pipeline.threads import one_thread
from menura.studies.cells import read_json, write_json
from menura.studies.lab import Lab, LabSpec, describe, hear, load_lab
from menura.studies.packs import Features, read_pack, stored_form, write_pack
from menura.studies.pool import run_jobs
from menura.types import Clip, Recording

__all__ = ["RealClips", "prepare_real", "real_features"]

CHUNK = 16
_PATIENCE_S = 3600.0
"""How long to wait for another process that describes clips for the same folder."""


@dataclass(frozen=True)
class RealClips:
    """Where the real clips are at the working rate, and where their features are.

    Attributes:
        working: Clip id to the same clip at the working rate, with an id of its own.
        packs: Classifier name to the file of features, by the id of the original clip.
    """

    working: Mapping[str, Clip]
    packs: Mapping[str, Path]


@dataclass(frozen=True)
class _Chunk:
    lab: LabSpec
    listeners: tuple[str, ...]
    clips: tuple[Clip, ...]
    copies: Path
    to_copy: frozenset[str]


@dataclass(frozen=True)
class _Prepared:
    id: str
    features: Mapping[str, NDArray[np.generic]]
    working_id: str | None


def prepare_real(
    clips: Sequence[Clip],
    spec: LabSpec,
    folder: Path,
    *,
    to_copy: Iterable[str],
    workers: int,
    stem: str = "real",
    progress: Callable[[int, int], None] | None = None,
) -> RealClips:
    """Describe clips, and store those of a higher rate at the working rate.

    Args:
        clips: All training and test clips, each once.
        spec: Classifiers and working rate.
        folder: Folder of the evaluation.
        to_copy: Ids of the clips that runs and classic copies will be made from.
        workers: Number of processes.
        stem: What the files of features begin with.
        progress: Called with the number of clips done and in all.

    Raises:
        AudioError: A clip is gone or cannot be read.
        RunError: The disk cannot be written.
    """
    with locked(folder / "clips", patience_s=_PATIENCE_S):  # two at once would lose what the other one has found
        return _prepared(clips, spec, folder, to_copy, workers, stem, progress)


def _prepared(
    clips: Sequence[Clip],
    spec: LabSpec,
    folder: Path,
    to_copy: Iterable[str],
    workers: int,
    stem: str,
    progress: Callable[[int, int], None] | None,
) -> RealClips:
    lab = load_lab(spec)
    copies = folder / "clips"
    wanted = frozenset(to_copy) & {clip.id for clip in clips if clip.sample_rate > spec.working_rate}
    packs = {c.name: folder / "features" / f"{stem}-{lab.listener(c).name}.safetensors" for c in lab.all}
    index_path = copies / f"index-{spec.working_rate}.json"
    index = _index(index_path, copies, spec.working_rate)
    ids = [clip.id for clip in clips]
    missing = [c for c in lab.listeners if read_pack(packs[c.name], lab.fingerprint(c), ids) is None]
    if missing or not wanted <= index.keys():
        index |= _describe_all(lab, missing, clips, copies, wanted, packs, workers, progress)
    if read_json(index_path) != index:  # damaged, or an earlier start ended before it
        write_json(index_path, index)
    working = {
        clip.id: _at_working_rate(clip, index[clip.id], spec, copies) if clip.id in wanted else clip for clip in clips
    }
    return RealClips(working, packs)


def _index(path: Path, copies: Path, rate: int) -> dict[str, str]:
    """Id of a clip to that of its copy; of a damaged file from the copies themselves."""
    stored = read_json(path)
    if stored is not None or not path.exists():
        return {key: str(value) for key, value in (stored or {}).items()}
    found = {}
    for copy in sorted(copies.glob("*.flac")):
        with suppress(AudioError):
            recording = decode(copy)
            if recording.sample_rate == rate:
                found[copy.stem] = clip_id(recording)
    return found


def real_features(packs: Mapping[str, Path], lab: Lab, ids: Sequence[str]) -> dict[str, Features]:
    """Features of real clips by classifier.

    Args:
        packs: See :class:`RealClips`.
        lab: The classifiers.
        ids: Of the clips.

    Raises:
        RunError: A file is gone, or was altered.
    """
    found: dict[str, Features] = {}
    for classifier in lab.all:
        path = packs[classifier.name]
        features = read_pack(path, lab.fingerprint(classifier), ids)
        if features is None:
            raise RunError(f"{path} was removed or altered meanwhile; run the same command again")
        found[classifier.name] = features
    return found


def _describe_all(
    lab: Lab,
    missing: Sequence[Classifier],
    clips: Sequence[Clip],
    copies: Path,
    wanted: frozenset[str],
    packs: Mapping[str, Path],
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> dict[str, str]:
    with disk_errors(str(copies)):
        copies.mkdir(parents=True, exist_ok=True)
    names = tuple(classifier.name for classifier in missing)
    chunks = [_Chunk(lab.spec, names, tuple(clips[i : i + CHUNK]), copies, wanted) for i in range(0, len(clips), CHUNK)]
    described: list[_Prepared] = []
    for prepared in run_jobs(_prepare_chunk, chunks, workers=workers):
        described += prepared
        if progress is not None:
            progress(len(described), len(clips))
    for classifier in missing:
        fingerprint = lab.fingerprint(classifier)
        known = read_pack(packs[classifier.name], fingerprint, None) or {}  # of others that share the folder
        features = {key: stored_form(array) for key, array in known.items()}
        features |= {item.id: item.features[classifier.name] for item in described}
        write_pack(packs[classifier.name], features, fingerprint)
    return {item.id: item.working_id for item in described if item.working_id is not None}


def _prepare_chunk(chunk: _Chunk) -> list[_Prepared]:
    lab = load_lab(chunk.lab)
    listeners = [classifier for classifier in lab.listeners if classifier.name in chunk.listeners]
    prepared = []
    with one_thread():
        for clip in chunk.clips:
            recording = hear(clip, chunk.lab.working_rate)
            working_id = _store(recording, chunk.copies / f"{clip.id}.flac") if clip.id in chunk.to_copy else None
            prepared.append(_Prepared(clip.id, describe(listeners, recording), working_id))
    return prepared


def _store(recording: Recording, path: Path) -> str:
    """Writes a copy in 24 bits and returns the id of its samples."""
    with disk_errors(str(path)):
        write_bytes(path, encode(recording, subtype="PCM_24"))
    return clip_id(decode(path))


def _at_working_rate(clip: Clip, working_id: str, spec: LabSpec, copies: Path) -> Clip:
    return replace(clip, id=working_id, path=str(copies / f"{clip.id}.flac"), sample_rate=spec.working_rate)
