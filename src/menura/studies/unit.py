"""One fold and seed: make the synthetic clips, then train and test every arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import Classifier, FitTask, TrainingExamples, fit_many
from menura.classify.select import fit_best
from menura.pipeline.threads import one_thread
from menura.studies.arm_table import arm_named
from menura.studies.arms import Example, arm_members, target_matrix, training_examples
from menura.studies.cell_cache import CellCache
from menura.studies.cells import Cell
from menura.studies.doses import dose_of, nested
from menura.studies.job import UnitJob
from menura.studies.lab import load_lab
from menura.studies.prepare import Material, prepare, tidy

__all__ = ["run_unit", "run_units"]


def run_units(jobs: Sequence[UnitJob]) -> int:
    """Work on several units whose classifier trains them side by side; returns the number of cells that were written.

    Equal arms of a unit are trained once. A classifier is what it would be alone, up to the order of float32 sums.

    Raises:
        MenuraError: A run cannot be made, or a clip cannot be read.
    """
    with one_thread():
        lab = load_lab(jobs[0].lab)
        (classifier,) = lab.classifiers
        materials = [prepare(job, lab) for job in jobs]
        caches = [CellCache(job.cache, job, lab) for job in jobs]
        tasks: dict[tuple[int, str], FitTask] = {}
        cells: dict[tuple[int, str], Cell] = {}
        wanted: list[tuple[int, str, str]] = []
        for place, (job, material) in enumerate(zip(jobs, materials, strict=True)):
            for arm in job.arms:
                examples = _examples(job, arm, material, classifier.name)
                key = caches[place].key(_members(arm, material), {classifier.name: examples})
                wanted.append((place, arm, key))
                known = (place, key) in cells or (place, key) in tasks
                if not known and (found := caches[place].find(key)) is not None:
                    cells[place, key] = found
                elif not known:
                    tasks[place, key] = FitTask(examples, None, job.seed)
        fits = fit_many(classifier, list(tasks.values()), steps=jobs[0].settings.steps) if tasks else []
        fitted = dict(zip(tasks, fits, strict=True))
        for place, arm, key in wanted:
            job, features = jobs[place], materials[place].features[classifier.name]
            if (place, key) not in cells:
                predicted = fitted[place, key].predict([features[clip.id] for clip in job.test])
                cells[place, key] = _scored(job, arm, materials[place], classifier.name, predicted, {})
                caches[place].keep(key, cells[place, key])
            replace(cells[place, key], arm=job.cell_arms.get(arm, arm)).write(job.folder)
        for job in jobs:
            if job.arms:
                tidy(job, lab)
    return len(wanted)


def run_unit(job: UnitJob) -> int:
    """Work on one unit, arm after arm; returns the number of cells that were written.

    Raises:
        MenuraError: The run cannot be made, or a clip cannot be read.
    """
    with one_thread():
        lab = load_lab(job.lab)
        material = prepare(job, lab)
        done: dict[str, Cell] = {}
        cache = CellCache(job.cache, job, lab)
        for arm in job.arms:
            classifiers = lab.of_arm(arm_named(dose_of(arm)[0]).classifier)
            examples = {c.name: _examples(job, arm, material, c.name) for c in classifiers}
            key = cache.key(_members(arm, material), examples)
            if key not in done and (found := cache.find(key)) is not None:
                done[key] = found
            elif key not in done:
                done[key] = _cell(job, arm, examples, material, classifiers)
                cache.keep(key, done[key])
            replace(done[key], arm=job.cell_arms.get(arm, arm)).write(job.folder)
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


def _cell(
    job: UnitJob,
    arm: str,
    examples: Mapping[str, TrainingExamples],
    material: Material,
    classifiers: Sequence[Classifier],
) -> Cell:
    return _scored(job, arm, material, *_fit_and_predict(job, examples, material, classifiers))


def _scored(
    job: UnitJob,
    arm: str,
    material: Material,
    chosen: str,
    probabilities: NDArray[np.float64],
    each: Mapping[str, NDArray[np.float64]],
) -> Cell:
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
    name, best = fit_best(classifiers, examples, steps=job.settings.steps, seed=job.seed)
    each = best.predict_each(features)
    return name, best.join(each), each if len(classifiers) > 1 else {}
