"""One fold and seed: make the synthetic clips, then train and test every arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import Classifier, TrainingExamples
from menura.pipeline.threads import one_thread
from menura.studies.arm_table import arm_named
from menura.studies.arms import Example, arm_members, target_matrix, training_examples
from menura.studies.cells import Cell
from menura.studies.doses import dose_of, nested
from menura.studies.job import UnitJob
from menura.studies.lab import load_lab
from menura.studies.prepare import Material, prepare, tidy

__all__ = ["run_unit"]


def run_unit(job: UnitJob) -> int:
    """Work on one unit; returns the number of cells that were written.

    Raises:
        MenuraError: The run cannot be made, or a clip cannot be read.
    """
    with one_thread():
        lab = load_lab(job.lab)
        material = prepare(job, lab)
        done: dict[tuple[object, ...], Cell] = {}
        for arm in job.arms:
            classifiers = lab.of_arm(arm_named(dose_of(arm)[0]).classifier)
            examples = {c.name: _examples(job, arm, material, c.name) for c in classifiers}
            key = (*examples, *_content(next(iter(examples.values())), _members(arm, material)))
            cell = done.get(key) or _cell(job, arm, examples, material, classifiers)
            done[key] = cell
            replace(cell, arm=job.cell_arms.get(arm, arm)).write(job.folder)
        if job.arms:
            tidy(job, lab)
    return len(job.arms)


def _members(arm: str, material: Material) -> list[Example]:
    name, dose = dose_of(arm)
    asked, made = arm_named(name), material.made
    if dose is not None and asked.run_family is not None:
        made = {**made, asked.run_family: nested(made[asked.run_family], material.real, dose)}
    return arm_members(asked, material.real, made)


def _examples(job: UnitJob, arm: str, material: Material, classifier: str) -> TrainingExamples:
    asked = arm_named(dose_of(arm)[0])
    return training_examples(
        _members(arm, material), material.features[classifier], job.labels,
        balanced=asked.balanced, augment=asked.augment, multilabel=job.multilabel,
    )  # fmt: skip


def _content(examples: TrainingExamples, members: Sequence[Example]) -> tuple[object, ...]:
    """Equal for arms that learn the same from the same: their result is the same, and is not worked out twice."""
    return (tuple(e.id for e in members), np.round(examples.weights, 9).tobytes(), examples.augment)


def _cell(
    job: UnitJob,
    arm: str,
    examples: Mapping[str, TrainingExamples],
    material: Material,
    classifiers: Sequence[Classifier],
) -> Cell:
    chosen, probabilities, each = _fit_and_predict(job, examples, material, classifiers)
    return Cell.scored(
        job.fold, job.seed, arm,
        clips=dict(Counter(example.origin for example in _members(arm, material))),
        chosen=chosen,
        truth=target_matrix([clip.labels for clip in job.test], job.labels) > 0,
        probabilities=probabilities,
        each=each,
        multilabel=job.multilabel,
    )  # fmt: skip


def _fit_and_predict(
    job: UnitJob, examples: Mapping[str, TrainingExamples], material: Material, classifiers: Sequence[Classifier]
) -> tuple[str, NDArray[np.float64], Mapping[str, NDArray[np.float64]]]:
    """What was chosen and its probabilities; with a choice, also those of each classifier."""
    features = {c.name: [material.features[c.name][clip.id] for clip in job.test] for c in classifiers}
    if len(classifiers) == 1:
        classifier = classifiers[0]
        fitted = classifier.fit(examples[classifier.name], validation=None, steps=job.settings.steps, seed=job.seed)
        return classifier.name, fitted.predict(features[classifier.name]), {}
    from menura.classify.select import fit_best

    name, best = fit_best(classifiers, examples, steps=job.settings.steps, seed=job.seed)
    each = best.predict_each(features)
    return name, best.join(each), each
