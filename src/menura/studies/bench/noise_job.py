"""One part of the noise study: test clips in noise described, or the arms of a fold and seed trained and tested."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.audio import decode
from menura.classify.select import fit_best
from menura.errors import RunError
from menura.pipeline.threads import one_thread
from menura.studies.arms import Example, target_matrix, training_examples
from menura.studies.bench.in_noise import Noise, draw_noise, in_noise
from menura.studies.cells import Cell, safe_name
from menura.studies.lab import Lab, LabSpec, describe, hear, load_lab
from menura.studies.packs import Features, read_pack, stored_form, write_pack
from menura.studies.splits import Split, source_of
from menura.types import Clip, Recording

__all__ = ["ARMS", "CLEAN", "Place", "TestJob", "TrainJob", "run_test_job", "run_train_job", "train_sources"]

CLEAN = "clean"
ARMS = ("none", "white", "real", "synthetic", "real+synthetic")
"""Where the noise of training clips comes from."""


@dataclass(frozen=True, slots=True)
class Place:
    """Under which noise the test clips are heard.

    Attributes:
        series: ``fixed noises`` (which the arm ``real`` has learned with) or ``unseen noises``; empty when clean.
        snr_db: Level; None is clean.
    """

    series: str
    snr_db: float | None

    @property
    def point(self) -> str:
        """Name on the axis."""
        return CLEAN if self.snr_db is None else f"{self.snr_db:g}"

    @property
    def folder(self) -> str:
        """Name of the folder of its cells."""
        return "-".join(part for part in (self.series.replace(" ", "-"), self.point) if part)


@dataclass(frozen=True)
class TestJob:
    """The test clips of a fold at one place.

    Attributes:
        folder: Of the study.
        split: The fold.
        place: The noise.
        noises: Noise clips by id.
        lab: Classifiers and working rate.
    """

    __test__ = False

    folder: Path
    split: Split
    place: Place
    noises: Mapping[str, Clip]
    lab: LabSpec

    def pack(self, classifier: str) -> Path:
        """File of the features."""
        name = f"test-{safe_name(self.split.name)}-{self.place.folder}-{classifier}.safetensors"
        return self.folder / "features" / name


@dataclass(frozen=True)
class TrainJob:
    """The arms of one fold and seed that have no cells yet.

    Attributes:
        folder: Of the study.
        split: The fold.
        seed: Of what is drawn.
        arms: Of :data:`ARMS`.
        training: Real clips that are learned from.
        sources: Arm to the ids of its noises; None among them is white noise.
        noises: Noise clips by id.
        tests: The places at which all arms are tested.
        copies: Noisy copies of each training clip.
        snr_db: Range of their level.
        labels, multilabel, lab, steps: As in any evaluation.
    """

    folder: Path
    split: Split
    seed: int
    arms: tuple[str, ...]
    training: tuple[Clip, ...]
    sources: Mapping[str, tuple[str | None, ...]]
    noises: Mapping[str, Clip]
    tests: tuple[TestJob, ...]
    copies: int
    snr_db: tuple[float, float]
    labels: tuple[str, ...]
    multilabel: bool
    lab: LabSpec
    steps: int


def train_sources(real: Sequence[str], synthetic: Sequence[str]) -> dict[str, tuple[str | None, ...]]:
    """Arm to the noises of its training clips.

    ``real+synthetic`` draws from either with equal chance, however many there are.
    """
    turns = max(len(real), len(synthetic))
    both = [*(real[i % len(real)] for i in range(turns)), *(synthetic[i % len(synthetic)] for i in range(turns))]
    return {
        "none": (),
        "white": (None,),
        "real": tuple(real),
        "synthetic": tuple(synthetic),
        "real+synthetic": tuple(both),
    }


def run_test_job(job: TestJob) -> int:
    """Describes the test clips, unless that was done; returns 1.

    Raises:
        MenuraError: A clip cannot be read, or the disk cannot be written.
    """
    with one_thread():
        lab = load_lab(job.lab)
        ids = [clip.id for clip in job.split.test]
        missing = [c for c in lab.classifiers if read_pack(job.pack(c.name), lab.fingerprint(c), ids) is None]
        found: dict[str, dict[str, NDArray[np.generic]]] = {c.name: {} for c in missing}
        for clip in job.split.test if missing else ():
            heard = hear(clip, job.lab.working_rate)
            if job.place.snr_db is not None:
                level = (job.place.snr_db, job.place.snr_db)
                key = ("test", job.split.name, job.place.series, clip.id)
                noise = draw_noise(sorted(job.noises), level, seed=0, key=key)  # the same at every level and seed
                heard = in_noise(heard, noise, _listener(job.noises), seed=0, key=clip.id)
            for name, features in describe(missing, heard).items():
                found[name][clip.id] = features
        for classifier in missing:
            write_pack(job.pack(classifier.name), found[classifier.name], lab.fingerprint(classifier))
    return 1


def run_train_job(job: TrainJob) -> int:
    """Trains the arms and tests them at every place; returns the number of arms.

    Raises:
        MenuraError: A clip cannot be read, or the disk cannot be written.
    """
    with one_thread():
        lab = load_lab(job.lab)
        clean = {clip.id: hear(clip, job.lab.working_rate) for clip in job.training}
        known = {clip_id: describe(lab.classifiers, recording) for clip_id, recording in clean.items()}
        for arm in job.arms:
            _train_arm(job, arm, lab, clean, known)
    return len(job.arms)


def _train_arm(
    job: TrainJob,
    arm: str,
    lab: Lab,
    clean: Mapping[str, Recording],
    known: Mapping[str, Mapping[str, NDArray[np.generic]]],
) -> None:
    real = [Example(clip.id, clip.labels, (source_of(clip),), "real") for clip in job.training]
    described = dict(known)
    members = list(real)
    for example, noise in _noisy(job, arm, real):
        key = f"{job.split.name} {example.id}"
        recording = in_noise(clean[example.id.split("~")[0]], noise, _listener(job.noises), seed=job.seed, key=key)
        described[example.id] = describe(lab.classifiers, recording)
        members.append(example)
    predicted = _fit_and_predict(job, lab, members, described)
    truth = target_matrix([clip.labels for clip in job.split.test], job.labels) > 0
    for test, (chosen, probabilities) in zip(job.tests, predicted, strict=True):
        Cell.scored(
            job.split.name, job.seed, arm,
            clips={"real": len(real), "classic": len(members) - len(real)}, chosen=chosen, truth=truth,
            probabilities=probabilities, multilabel=job.multilabel,
        ).write(job.folder / "conditions" / test.place.folder)  # fmt: skip


def _noisy(job: TrainJob, arm: str, real: Sequence[Example]) -> Iterator[tuple[Example, Noise]]:
    """The copies of an arm; all arms draw the same levels for the same copy."""
    sources = job.sources[arm]
    for example in real if sources else ():
        for number in range(job.copies):
            noise = draw_noise(
                sources, job.snr_db, seed=job.seed, key=("train", job.split.name, example.id, number)
            )  # fmt: skip
            yield Example(f"{example.id}~{number}", example.labels, example.sources, "classic"), noise


def _fit_and_predict(
    job: TrainJob, lab: Lab, members: Sequence[Example], described: Mapping[str, Mapping[str, NDArray[np.generic]]]
) -> list[tuple[str, NDArray[np.float64]]]:
    features = {
        c.name: {key: stored_form(one[c.name]).astype(np.float32) for key, one in described.items()}  # type: ignore[arg-type]
        for c in lab.classifiers
    }
    examples = {
        c.name: training_examples(
            members, features[c.name], job.labels, balanced=True, augment=False, multilabel=job.multilabel
        )
        for c in lab.classifiers
    }
    tested = [{c.name: _tested(test, lab, c.name) for c in lab.classifiers} for test in job.tests]
    name, best = fit_best(lab.classifiers, examples, steps=job.steps, seed=job.seed)
    return [
        (name, best.join(best.predict_each({key: list(found.values()) for key, found in one.items()})))
        for one in tested
    ]


def _tested(test: TestJob, lab: Lab, name: str) -> Features:
    classifier = next(c for c in lab.classifiers if c.name == name)
    found = read_pack(test.pack(name), lab.fingerprint(classifier), [clip.id for clip in test.split.test])
    if found is None:
        raise RunError(f"{test.pack(name)} was removed meanwhile; run the same command again")
    return found


def _listener(noises: Mapping[str, Clip]) -> Callable[[str], Recording]:
    return lambda clip_id: _heard(noises[clip_id].path)


@lru_cache(maxsize=256)
def _heard(path: str) -> Recording:
    """A noise clip; the same ones are drawn again and again."""
    return decode(path)
