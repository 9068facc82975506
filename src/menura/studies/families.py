"""The families of clips that join the real ones, each made from the training clips of a fold and seed alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from menura.config import RunSettings
from menura.studies.arm_table import CHOSEN, LEARNER, RETRIEVAL, SYNTHETIC, VANILLA, VANILLA_CAPTIONS
from menura.studies.arms import Example
from menura.studies.cells import served_path, write_json
from menura.studies.chosen_labels import served_labels
from menura.studies.copy_families import COPY_FAMILIES
from menura.studies.job import RunLike, UnitJob
from menura.studies.lab import Lab
from menura.studies.made_clips import Made, of_run
from menura.studies.real import real_features
from menura.studies.retrieved import retrieved
from menura.studies.splits import source_of
from menura.studies.vanilla import vanilla_run

__all__ = ["Maker", "made_family"]


@dataclass(frozen=True)
class Maker:
    """What the families of one fold and seed are made from.

    Attributes:
        job: The fold and seed.
        lab: The classifiers.
        real: The real training clips.
        run: The run whose clips the arm ``synthetic`` has.
        made: The clips of that run: other families are as many, label by label.
    """

    job: UnitJob
    lab: Lab
    real: Sequence[Example]
    run: RunLike
    made: Sequence[Example]

    @classmethod
    def of(cls, job: UnitJob, lab: Lab) -> tuple[Maker, Made]:
        """The maker, and the family ``synthetic``.

        Raises:
            MenuraError: The run cannot be made, or a clip cannot be read.
        """
        run = job.run or _run(job, SYNTHETIC, job.settings.even_run)
        synthetic = of_run(job, lab, run, SYNTHETIC)
        real = [Example(clip.id, clip.labels, (source_of(clip),), "real") for clip in job.training.clips]
        return cls(job, lab, real, run, synthetic.examples), synthetic


def made_family(name: str, maker: Maker) -> Made:
    """The clips of a family other than ``synthetic``, made or found on disk.

    Raises:
        MenuraError: They cannot be made, or a clip cannot be read.
    """
    return _FAMILIES[name](maker)


def _of_learner(maker: Maker) -> Made:
    run = _run(maker.job, LEARNER, maker.job.settings.learner_run)
    return of_run(maker.job, maker.lab, run, LEARNER)


def _vanilla(maker: Maker, family: str) -> Made:
    counts = {label: rate.kept for label, rate in maker.run.keep_rates().items()}
    if not any(counts.values()):
        return Made([], {classifier.name: {} for classifier in maker.lab.classifiers})
    run = _run(maker.job, family, vanilla_run(maker.job.settings.run, family, counts))
    return of_run(maker.job, maker.lab, run, family)


def _chosen(maker: Maker) -> Made:
    """The clips of ``synthetic`` whose first label they serve; what was found of each label is written down."""
    job, classifier = maker.job, maker.lab.classifiers[0]
    whole = of_run(job, maker.lab, maker.run, SYNTHETIC)
    real = real_features(job.real_packs, maker.lab, [clip.id for clip in job.training.clips])
    served = served_labels(
        classifier, maker.real, whole.examples, {**real[classifier.name], **whole.features[classifier.name]},
        job.labels, steps=job.settings.steps, seed=job.seed, multilabel=job.multilabel,
    )  # fmt: skip
    found = [{**asdict(one), "chosen": one.chosen} for one in served]
    write_json(served_path(job.folder, job.fold, job.seed), {"labels": found})
    names = {one.label for one in served if one.chosen}
    return Made([example for example in whole.examples if example.labels[0] in names], whole.features)


_FAMILIES: Mapping[str, Callable[[Maker], Made]] = {
    LEARNER: _of_learner,
    CHOSEN: _chosen,
    **COPY_FAMILIES,
    RETRIEVAL: retrieved,
    VANILLA: partial(_vanilla, family=VANILLA),
    VANILLA_CAPTIONS: partial(_vanilla, family=VANILLA_CAPTIONS),
}


def _run(job: UnitJob, family: str, settings: RunSettings) -> RunLike:
    """The run of a family; in a folder of its own."""
    name = job.key if family == SYNTHETIC else f"{job.key}-{family}"
    return job.make_run(
        replace(job.training, clips=tuple(job.working[clip.id] for clip in job.training.clips)),
        job.folder / "runs" / name,
        settings.model_copy(update={"seed": job.seed}),
    )
