"""Clips of a pool that hold a recording which is tested, or learned from already: they are never retrieved.

Test clips are heard here for this alone. Nothing is ranked, chosen or calibrated by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from menura.datasets.duplicates import find_matches
from menura.datasets.fingerprint import Fingerprint
from menura.datasets.measure import measure
from menura.pipeline.threads import one_thread
from menura.studies.pool import run_jobs
from menura.types import Clip

__all__ = ["LEAK_VERSION", "REASONS", "leaking"]

LEAK_VERSION = 1
"""Changes when the same clips would be judged otherwise."""
REASONS: Mapping[str, str] = {
    "tested": "hold samples that are tested",
    "same_group": "have the group of a test clip",
    "near_tested": "hold a recording that is tested, cut or coded otherwise",
    "learned": "hold a recording that is learned from anyway",
}
"""Why a clip is left out, in words; the first that applies is counted."""

_CHUNK = 32
_MAX_HZ, _BELOW_HALF_RATE = 7000.0, 0.475


@dataclass(frozen=True)
class _Chunk:
    paths: tuple[str, ...]
    max_hz: float


def leaking(
    pool: Sequence[Clip], *, tested: Sequence[Clip], learned: Sequence[Clip], workers: int = 1
) -> dict[str, str]:
    """Clips of the pool that must not be used, each with its reason.

    Equal samples are known by their ids; the same recording at another level, in another codec, cut or with noise by
    its fingerprint.

    Args:
        pool: Recordings that may be retrieved.
        tested: Test clips of all folds.
        learned: Training clips of all folds; what is tested in one fold may be learned from in another.
        workers: Number of processes.

    Returns:
        Clip id to a key of :data:`REASONS`.

    Raises:
        AudioError: A file is gone or cannot be read.
    """
    tested_ids, groups = {clip.id for clip in tested}, {clip.group for clip in tested} - {None}
    learned_ids = {clip.id for clip in learned} - tested_ids
    known = list({clip.id: clip for clip in (*tested, *learned)}.values())
    found: dict[str, str] = {}
    for match in find_matches(_fingerprints([*known, *pool], workers=workers)):
        if match.first < len(known) <= match.second:
            clip_id = pool[match.second - len(known)].id
            is_tested = known[match.first].id in tested_ids
            found[clip_id] = "near_tested" if is_tested else found.get(clip_id, "learned")
    for clip in pool:
        if clip.id in tested_ids:
            found[clip.id] = "tested"
        elif clip.group in groups:
            found[clip.id] = "same_group"
        elif clip.id in learned_ids:
            found[clip.id] = found.get(clip.id, "learned")
    return found


def _fingerprints(clips: Sequence[Clip], *, workers: int) -> list[Fingerprint]:
    lowest = min(clip.sample_rate for clip in clips)
    max_hz = min(_MAX_HZ, max(500.0, _BELOW_HALF_RATE * lowest))
    paths = list(dict.fromkeys(clip.path for clip in clips))
    chunks = [_Chunk(tuple(paths[i : i + _CHUNK]), max_hz) for i in range(0, len(paths), _CHUNK)]
    by_path = {path: one for part in run_jobs(_measure, chunks, workers=workers) for path, one in part.items()}
    return [by_path[clip.path] for clip in clips]


def _measure(chunk: _Chunk) -> dict[str, Fingerprint]:
    with one_thread():
        return {path: measure(path, max_hz=chunk.max_hz).fingerprint for path in chunk.paths}
