"""Clips that were made for an evaluation, with their features: a family of a fold and seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import ON_EMBEDDINGS
from menura.studies.arm_table import SYNTHETIC
from menura.studies.arms import Example
from menura.studies.job import RunLike, UnitJob
from menura.studies.lab import Lab, describe, hear
from menura.studies.packs import Features, read_pack, stored_form, write_pack
from menura.types import Clip, Recording

__all__ = ["Made", "described", "family_packs", "of_run", "pack_file"]


@dataclass(frozen=True)
class Made:
    """The clips of one family.

    Attributes:
        examples: As training examples.
        features: Classifier to example id to features.
    """

    examples: list[Example]
    features: Mapping[str, Features]


def of_run(job: UnitJob, lab: Lab, run: RunLike, family: str) -> Made:
    """The clips that a run has kept.

    Args:
        job: The fold and seed.
        lab: The classifiers.
        run: A finished run.
        family: Name of the family.
    """
    kept = run.kept()
    examples = [Example(f"synthetic {clip.id}", clip.labels, job.sources_of(clip), "synthetic") for clip in kept]
    return Made(
        examples,
        described(job, lab, family, [e.id for e in examples], lambda: _hear_kept(kept, job), lambda: _judged(run, lab)),
    )


def described(
    job: UnitJob,
    lab: Lab,
    family: str,
    ids: Sequence[str],
    recordings: Callable[[], Iterable[tuple[str, Recording]]],
    embeddings: Callable[[], Mapping[str, NDArray[np.float32]]] = dict,
) -> dict[str, Features]:
    """Features of made clips by classifier, from disk where they are; else from their recordings, and to disk.

    Args:
        job: The fold and seed.
        lab: The classifiers.
        family: Name of the family.
        ids: Of the clips.
        recordings: Gives the clips with their ids; called only when something is missing.
        embeddings: Those of the encoder where the judges worked them out; they are not worked out again.
    """
    stem = _stem(job, family)
    paths = {c.name: pack_file(stem, c.name) for c in lab.classifiers}
    found = {c.name: read_pack(paths[c.name], lab.fingerprint(c), ids) if ids else {} for c in lab.classifiers}
    if all(pack is not None for pack in found.values()):
        return {name: pack or {} for name, pack in found.items()}
    fresh: dict[str, dict[str, NDArray[np.generic]]] = defaultdict(dict)
    direct = [name for name in paths if name in ON_EMBEDDINGS]
    known = embeddings() if direct else {}
    if known and all(clip_id in known for clip_id in ids):
        for name in direct:
            fresh[name] = {clip_id: stored_form(known[clip_id]) for clip_id in ids}
    missing = [classifier for classifier in lab.classifiers if classifier.name not in fresh]
    for clip_id, recording in recordings() if missing else ():
        for name, array in describe(missing, recording).items():
            fresh[name][clip_id] = array
    for classifier in lab.classifiers:
        write_pack(paths[classifier.name], fresh[classifier.name], lab.fingerprint(classifier))
    return {name: {k: a.astype(np.float32) for k, a in pack.items()} for name, pack in fresh.items()}


def family_packs(job: UnitJob, lab: Lab, family: str) -> list[Path]:
    """The files of a family's features that belong to this fold and seed alone."""
    if job.run is not None and family == SYNTHETIC:
        return []
    return [pack_file(_stem(job, family), classifier.name) for classifier in lab.classifiers]


def pack_file(stem: Path, classifier: str) -> Path:
    """File of the features for one classifier."""
    return stem.with_name(f"{stem.name}-{classifier}.safetensors")


def _stem(job: UnitJob, family: str) -> Path:
    name = family if job.run is not None and family == SYNTHETIC else f"{job.key}-{family}"
    return job.folder / "features" / name


def _hear_kept(kept: Sequence[Clip], job: UnitJob) -> Iterator[tuple[str, Recording]]:
    for clip in kept:
        yield f"synthetic {clip.id}", hear(clip, job.lab.working_rate)


def _judged(run: RunLike, lab: Lab) -> dict[str, NDArray[np.float32]]:
    """Embeddings of kept clips that the judges of the run worked out with the encoder of the lab."""
    found = run.embeddings(lab.encoder, highest_rate=lab.spec.working_rate)
    return {f"synthetic {clip_id}": vector for clip_id, vector in found.items()}
