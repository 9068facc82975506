"""The clips of one fold and seed: made or resumed, described, and accounted for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import ON_EMBEDDINGS
from menura.config import RunSettings
from menura.errors import RunError
from menura.studies.arms import Example
from menura.studies.cells import unit_path, write_json
from menura.studies.copies import CopyPlan, make_copies, plan_copies, plan_counted
from menura.studies.job import RunLike, UnitJob
from menura.studies.lab import Lab, describe, hear
from menura.studies.nearness import measure
from menura.studies.packs import Features, read_pack, stored_form, write_pack
from menura.studies.settings import LEARNER_ARM
from menura.studies.splits import source_of
from menura.types import Clip, Recording

__all__ = ["Material", "prepare", "tidy"]

LARGE_PACK_BYTES = 32 << 20


@dataclass(frozen=True)
class Material:
    """Training examples by origin, and the features of everything by classifier.

    ``learner`` are the synthetic clips that a learner gave out; none without the arm.
    """

    real: list[Example]
    synthetic: list[Example]
    classic: list[Example]
    features: Mapping[str, Features]
    learner: list[Example]


def prepare(job: UnitJob, lab: Lab) -> Material:
    """Makes the run, describes its clips and the classic copies, and notes what became of them.

    Raises:
        MenuraError: The run cannot be made, or a clip cannot be read.
    """
    run = job.run or _make(job, job.key, job.settings.even_run)
    kept = run.kept()
    real = [Example(clip.id, clip.labels, (source_of(clip),), "real") for clip in job.training.clips]
    synthetic = [_synthetic_example(clip, job) for clip in kept]
    plans = _plans(job, run, real, synthetic) if _wants_copies(job) else []
    known = _real_features(job, lab)
    made = _described(
        lab, _made_pack(job), [e.id for e in synthetic], lambda: _hear_kept(kept, job), lambda: _judged(run, lab)
    )
    copied = _described(lab, _copies_pack(job), [plan.example.id for plan in plans], lambda: _hear_copies(plans, job))
    learner, given = _of_learner(job, lab) if _wants_learner(job) else ([], {})
    material = Material(
        real, synthetic, [plan.example for plan in plans],
        {name: {**known[name], **made[name], **copied[name], **given.get(name, {})} for name in known},
        learner,
    )  # fmt: skip
    _account(job, run, material, lab.classifiers[0].name)
    return material


def _make(job: UnitJob, name: str, settings: RunSettings) -> RunLike:
    return job.make_run(
        replace(job.training, clips=tuple(job.working[clip.id] for clip in job.training.clips)),
        job.folder / "runs" / name,
        settings.model_copy(update={"seed": job.seed}),
    )


def _of_learner(job: UnitJob, lab: Lab) -> tuple[list[Example], dict[str, Features]]:
    """The clips that a learner gave out, and their features."""
    run = _make(job, f"{job.key}-learner", job.settings.learner_run)
    kept = run.kept()
    examples = [_synthetic_example(clip, job) for clip in kept]
    ids = [example.id for example in examples]
    return examples, _described(lab, _learner_pack(job), ids, lambda: _hear_kept(kept, job), lambda: _judged(run, lab))


def _account(job: UnitJob, run: RunLike, material: Material, classifier: str) -> None:
    """Writes down how many clips were kept, and how near they are to test clips."""
    features = material.features[classifier]
    write_json(
        unit_path(job.folder, job.fold, job.seed),
        {
            "fold": job.fold,
            "seed": job.seed,
            "keep_rates": {label: asdict(rate) for label, rate in sorted(run.keep_rates().items())},
            "real": _counts(material.real),
            "synthetic": _counts(material.synthetic),
            **({"learner": _counts(material.learner)} if material.learner else {}),
            "nearness": measure(
                {example.id: features[example.id] for example in material.real},
                {example.id: features[example.id] for example in material.synthetic},
                {clip.id: features[clip.id] for clip in job.test},
            ),
        },
    )


def _counts(examples: Sequence[Example]) -> dict[str, int]:
    return dict(sorted(Counter(label for example in examples for label in example.labels).items()))


def _real_features(job: UnitJob, lab: Lab) -> dict[str, Features]:
    wanted = [clip.id for clip in (*job.training.clips, *job.test)]
    found: dict[str, Features] = {}
    for classifier in lab.classifiers:
        path = job.real_packs[classifier.name]
        features = read_pack(path, lab.fingerprint(classifier), wanted)
        if features is None:
            raise RunError(f"{path} was removed or altered meanwhile; run the same command again")
        found[classifier.name] = features
    return found


def _synthetic_example(clip: Clip, job: UnitJob) -> Example:
    """The clip with the sources of all its parents; one without known parents is a source of its own."""
    parents = clip.provenance.request.parents if clip.provenance is not None else ()
    by_id = {clip.id: clip for clip in job.training.clips} | {
        job.working[clip.id].id: clip for clip in job.training.clips
    }
    sources = tuple(sorted({source_of(by_id[parent]) for parent in parents if parent in by_id}))
    return Example(f"synthetic {clip.id}", clip.labels, sources or (f"synthetic {clip.id}",), "synthetic")


def _plans(job: UnitJob, run: RunLike, real: Sequence[Example], synthetic: Sequence[Example]) -> list[CopyPlan]:
    if not job.copies_as_asked:
        return plan_copies(real, synthetic)
    return plan_counted(real, {label: rate.target for label, rate in run.keep_rates().items()})


def _wants_copies(job: UnitJob) -> bool:
    return any("classic" in arm for arm in (job.arms or job.settings.arms))


def _wants_learner(job: UnitJob) -> bool:
    return LEARNER_ARM in (job.arms or job.settings.arms)


def _learner_pack(job: UnitJob) -> Path:
    return job.folder / "features" / f"{job.key}-learner"


def _made_pack(job: UnitJob) -> Path:
    return job.folder / "features" / ("synthetic" if job.run is not None else f"{job.key}-synthetic")


def _copies_pack(job: UnitJob) -> Path:
    return job.folder / "features" / f"{job.key}-classic"


def _hear_kept(kept: Sequence[Clip], job: UnitJob) -> Iterator[tuple[str, Recording]]:
    for clip in kept:
        yield f"synthetic {clip.id}", hear(clip, job.lab.working_rate)


def _judged(run: RunLike, lab: Lab) -> dict[str, NDArray[np.float32]]:
    """Embeddings of kept clips that the judges of the run worked out with the encoder of ``linear``."""
    found = run.embeddings(lab.encoder, highest_rate=lab.spec.working_rate)
    return {f"synthetic {clip_id}": vector for clip_id, vector in found.items()}


def _hear_copies(plans: Sequence[CopyPlan], job: UnitJob) -> Iterator[tuple[str, Recording]]:
    def hear_parent(clip_id: str) -> Recording:
        return hear(job.working[clip_id], job.lab.working_rate)

    for plan, copy in make_copies(plans, hear_parent, seed=job.seed, key=job.fold):
        yield plan.example.id, copy


def _described(
    lab: Lab,
    stem: Path,
    ids: Sequence[str],
    recordings: Callable[[], Iterable[tuple[str, Recording]]],
    embeddings: Callable[[], Mapping[str, NDArray[np.float32]]] = dict,
) -> dict[str, Features]:
    """Features of made clips by classifier, from disk where they are; else from their recordings, and to disk.

    ``embeddings`` are those of :data:`ON_EMBEDDINGS` where the judges worked them out; they are not worked out again.
    """
    paths = {c.name: _pack_file(stem, c.name) for c in lab.classifiers}
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


def tidy(job: UnitJob, lab: Lab) -> None:
    """Deletes large features of a finished unit; they can be made again, and would fill the disk."""
    stems = [_copies_pack(job)] if job.run is not None else [_copies_pack(job), _made_pack(job), _learner_pack(job)]
    for stem in stems:
        for classifier in lab.classifiers:
            path = _pack_file(stem, classifier.name)
            if path.is_file() and path.stat().st_size > LARGE_PACK_BYTES:
                path.unlink()


def _pack_file(stem: Path, classifier: str) -> Path:
    return stem.with_name(f"{stem.name}-{classifier}.safetensors")
