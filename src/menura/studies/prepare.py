"""The clips of one fold and seed: made or resumed, described, and accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from menura.studies.arm_table import RUN_FAMILIES, SYNTHETIC, arm_named
from menura.studies.arms import Example
from menura.studies.cells import read_json, unit_path, write_json
from menura.studies.doses import dose_of
from menura.studies.families import Maker, made_family
from menura.studies.job import RunLike, UnitJob
from menura.studies.lab import Lab
from menura.studies.made_clips import family_packs
from menura.studies.nearness import measure
from menura.studies.packs import Features
from menura.studies.policy_search import policy_path
from menura.studies.real import real_features
from menura.types import Clip

__all__ = ["Material", "prepare", "tidy"]

LARGE_PACK_BYTES = 32 << 20


@dataclass(frozen=True)
class Material:
    """What the arms of one fold and seed learn from.

    Attributes:
        real: The real training clips.
        made: Family to its clips.
        features: Classifier to the features of everything, test clips included; to those of real clips alone where it
            is a classifier of some arms only.
    """

    real: Sequence[Example]
    made: Mapping[str, Sequence[Example]]
    features: Mapping[str, Features]


def prepare(job: UnitJob, lab: Lab) -> Material:
    """Makes the run, describes its clips and those of the other families, and notes what became of them.

    Raises:
        MenuraError: The run cannot be made, or a clip cannot be read.
    """
    maker, synthetic = Maker.of(job, lab)
    made = {SYNTHETIC: synthetic} | {name: made_family(name, maker) for name in _families(job) if name != SYNTHETIC}
    known = real_features(job.real_packs, lab, [clip.id for clip in (*job.training.clips, *job.test)])
    features = {
        name: {**real, **{key: value for one in made.values() for key, value in one.features.get(name, {}).items()}}
        for name, real in known.items()
    }
    material = Material(maker.real, {name: one.examples for name, one in made.items()}, features)
    _account(job, maker.run, material, lab.classifiers[0].name)
    return material


def _families(job: UnitJob) -> list[str]:
    """Of the arms that are to be trained, or of all when there are none: then the clips alone are made."""
    named = [arm_named(dose_of(arm)[0]) for arm in job.arms or job.settings.trained_arms]
    return list(dict.fromkeys(family for arm in named for family in arm.families))


def _account(job: UnitJob, run: RunLike, material: Material, classifier: str) -> None:
    """Writes down how many clips were kept, and how near they are to test clips."""
    features = material.features[classifier]

    def of(clips: Sequence[Example] | Sequence[Clip]) -> Features:
        return {clip.id: features[clip.id] for clip in clips}

    write_json(
        unit_path(job.folder, job.fold, job.seed),
        {
            "fold": job.fold,
            "seed": job.seed,
            "keep_rates": {label: asdict(rate) for label, rate in sorted(run.keep_rates().items())},
            "real": _counts(material.real),
            **{name: _counts(material.made[name]) for name in RUN_FAMILIES if name in material.made},
            **_searched(job),
            "nearness": measure(of(material.real), of(material.made[SYNTHETIC]), of(job.test)),
        },
    )


def _searched(job: UnitJob) -> dict[str, object]:
    """The policy that was searched for, by this process or by one that trains another arm."""
    search = read_json(policy_path(job))
    return {} if search is None else {"policy": search}


def _counts(examples: Sequence[Example]) -> dict[str, int]:
    return dict(sorted(Counter(label for example in examples for label in example.labels).items()))


def tidy(job: UnitJob, lab: Lab) -> None:
    """Deletes large features of a finished unit; they can be made again, and would fill the disk."""
    for family in _families(job):
        for path in family_packs(job, lab, family):
            if path.is_file() and path.stat().st_size > LARGE_PACK_BYTES:
                path.unlink()
