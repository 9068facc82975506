"""One fold, seed, amount, probe and encoder: learn from embeddings, predict the test clips, keep the probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import FitTask, TrainingExamples
from menura.classify.probes import Probe, fit_probes
from menura.errors import RunError
from menura.metrics.classification import mean_average_precision, score_predictions
from menura.metrics.pitch import chroma_accuracy
from menura.pipeline.threads import one_thread
from menura.seeding import content_hash
from menura.studies.arms import Example, target_matrix, training_examples
from menura.studies.embeddings import read_embeddings
from menura.studies.splits import source_of
from menura.studies.tensors import read_arrays, write_arrays
from menura.types import Clip

__all__ = ["PROBE_METRICS", "ProbeCell", "ProbeJob", "run_probe_jobs", "score_cell", "truth_of"]

PROBE_METRICS = ("accuracy", "macro_f1", "uar", "mean_average_precision", "chroma_accuracy")
_VERSION = 1


@dataclass(frozen=True)
class ProbeJob:
    """What a worker process is told.

    Attributes:
        folder: Folder of the cells.
        places: Where the embeddings are, see :func:`menura.studies.embeddings.cache_places`.
        probe: The probe.
        train, validation, test: Clips; ``validation`` is empty for a probe that needs none.
        labels: All labels, in the order of the columns.
        multilabel: Whether clips may have several labels.
        seed: Seed of everything that the probe draws.
    """

    folder: Path
    places: tuple[Path, ...]
    probe: Probe
    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]
    labels: tuple[str, ...]
    multilabel: bool
    seed: int

    @property
    def file(self) -> Path:
        """File of the cell: its name says everything that decides the numbers in it."""
        learned = [[[clip.id, clip.labels, source_of(clip)] for clip in part] for part in (self.train, self.validation)]
        name = content_hash(
            [
                _VERSION, [place.name for place in self.places], self.probe.fingerprint, learned,
                [clip.id for clip in self.test], self.labels, self.multilabel, self.seed,
            ]
        )  # fmt: skip
        return self.folder / f"{name}.safetensors"


@dataclass(frozen=True)
class ProbeCell:
    """What one probe predicted.

    Attributes:
        probabilities: ``[clips, labels]`` float32, for the test clips in their order.
        chosen: What was chosen on validation, in words.
    """

    probabilities: NDArray[np.float32]
    chosen: str

    @classmethod
    def read(cls, file: Path) -> ProbeCell | None:
        """The stored cell; None when it is missing or damaged, so that it is made again."""
        stored = read_arrays(file)
        if stored is None or "probabilities" not in stored[0]:
            return None
        return cls(stored[0]["probabilities"], str(stored[1].get("chosen", "")))


def run_probe_jobs(jobs: Sequence[ProbeJob]) -> int:
    """Makes the cells of several jobs of one probe and one encoder, trained side by side; returns how many.

    Raises:
        RunError: Embeddings have gone meanwhile, or the disk cannot be written.
    """
    clips = {clip.id: clip for job in jobs for part in (job.train, job.validation, job.test) for clip in part}
    places = jobs[0].places
    with one_thread():
        embeddings = read_embeddings(places, list(clips))
        if embeddings is None:
            raise RunError(f"embeddings have gone from {places[0].parent}; run the same command again")
        tasks = [
            FitTask(
                _examples(job, job.train, embeddings),
                _examples(job, job.validation, embeddings) if job.validation else None,
                job.seed,
            )
            for job in jobs
        ]
        for job, fitted in zip(jobs, fit_probes(jobs[0].probe, tasks), strict=True):
            found = fitted.predict([embeddings[clip.id] for clip in job.test])
            write_arrays(job.file, {"probabilities": found.astype(np.float32)}, {"chosen": fitted.chosen})
    return len(jobs)


def score_cell(
    truth: NDArray[np.bool_], probabilities: NDArray[np.float32], *, multilabel: bool, pitches: Sequence[int] = ()
) -> dict[str, float]:
    """Name of a metric to its value, of :data:`PROBE_METRICS`; the chroma only where labels are notes.

    Args:
        truth: ``[clips, labels]``.
        probabilities: ``[clips, labels]``.
        multilabel: Whether a clip may have several labels.
        pitches: MIDI note number of each label, where labels are notes.
    """
    found = probabilities.astype(np.float64)
    scores = score_predictions(truth, found, multilabel=multilabel)
    values = {
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "uar": scores.uar,
        "mean_average_precision": mean_average_precision(truth, found),
    }
    if pitches:
        notes = np.array(pitches, dtype=np.int64)
        values["chroma_accuracy"] = chroma_accuracy(notes[truth.argmax(axis=1)], notes[found.argmax(axis=1)])
    return values


def truth_of(clips: Sequence[Clip], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Which labels each clip has, ``[clips, labels]``."""
    return target_matrix([clip.labels for clip in clips], labels) > 0


def _examples(job: ProbeJob, clips: Sequence[Clip], embeddings: dict[str, NDArray[np.float32]]) -> TrainingExamples:
    members = [Example(clip.id, clip.labels, (source_of(clip),), "real") for clip in clips]
    return training_examples(members, embeddings, job.labels, balanced=False, augment=False, multilabel=job.multilabel)
