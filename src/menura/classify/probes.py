"""Probes: what a frozen encoder is worth, by a simple classifier on its embeddings.

Every choice (the grid, the number of neighbours, when to stop) is made on validation clips; a probe never sees a test
clip before it predicts. The same seed gives the same bits on one kind of machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import FitTask, TrainingExamples
from menura.classify.batched import HeadTask, train_heads
from menura.classify.heads import FittedHead, HeadSettings, probe_score
from menura.classify.linear import FittedLinear, Scaling, fit_logistic, stacked
from menura.classify.neighbours import NEIGHBOURS, Neighbours
from menura.errors import ConfigError
from menura.seeding import content_hash, item_generator

__all__ = [
    "ARCH_HEAD",
    "HEAR_GRID",
    "NEIGHBOURS",
    "PROBES",
    "FittedProbe",
    "KnnProbe",
    "LinearProbe",
    "LogisticProbe",
    "MlpProbe",
    "Probe",
    "fit_probes",
    "get_probe",
]

PROBES = ("logistic", "linear", "mlp", "knn")
"""Names of the probes."""

Initialisation = Literal["xavier_uniform", "xavier_normal"]

HEAR_GRID: tuple[HeadSettings, ...] = tuple(
    HeadSettings(
        hidden_layers=layers, learning_rate=rate, initialisation=first, optimiser="adam", batch_size=1024, epochs=500,
        criterion="score", check_every=3, patience=20,
    )
    for layers, rate, first in product((1, 2), (3.2e-3, 1e-3, 3.2e-4, 1e-4), get_args(Initialisation))
)  # fmt: skip
"""The sixteen ways to train the MLP of HEAR."""

ARCH_HEAD = HeadSettings(
    hidden_layers=0, learning_rate=1e-3, optimiser="adamw", batch_size=32, epochs=200, criterion="loss", warm_share=0.1
)
"""The linear head of ARCH."""


class FittedProbe(Protocol):
    """A probe after training."""

    @property
    def chosen(self) -> str:
        """What was chosen on validation, in words."""
        ...

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Probabilities ``[clips, labels]`` of embeddings ``[dim]``."""
        ...


class Probe(Protocol):
    """Learns labels from embeddings. Holds settings, but no state between calls."""

    name: str
    needs_validation: bool
    """Whether validation clips of their own are asked for; otherwise all clips are learned from."""
    is_drawn: bool
    """Whether another seed gives another result on the same clips."""

    @property
    def fingerprint(self) -> str:
        """Changes when the same clips and seed would give another result."""
        ...

    def fit(self, training: TrainingExamples, *, validation: TrainingExamples | None, seed: int) -> FittedProbe:
        """Learns from ``training``.

        Args:
            training: Embeddings ``[dim]`` as features.
            validation: What settings are chosen on; never test clips.
            seed: Seed of everything that is drawn.

        Raises:
            ConfigError: The probe needs validation clips and there are none.
        """
        ...


def fit_probes(probe: Probe, tasks: Sequence[FitTask]) -> list[FittedProbe]:
    """The probes of several seeds or folds, in the order of the tasks; heads are trained side by side.

    Raises:
        ConfigError: A task has no validation clips, and the probe needs them.
    """
    if isinstance(probe, LinearProbe | MlpProbe):
        return list(probe.fit_many(tasks))
    return [probe.fit(task.training, validation=task.validation, seed=task.seed) for task in tasks]


def get_probe(name: str, *, standardise: bool = True) -> Probe:
    """The probe of that name.

    Args:
        name: One of :data:`PROBES`.
        standardise: Embeddings are standardised by the training clips first; False takes them as they are, as HEAR and
            ARCH do. ``logistic`` always standardises.

    Raises:
        ConfigError: There is no such probe.
    """
    if name == "logistic":
        return LogisticProbe()
    if name == "linear":
        return LinearProbe(standardise=standardise)
    if name == "mlp":
        return MlpProbe(standardise=standardise)
    if name == "knn":
        return KnnProbe(standardise=standardise)
    raise ConfigError(f"no probe {name!r}; known probes: {', '.join(PROBES)}")


@dataclass(frozen=True, slots=True)
class LogisticProbe:
    """The logistic regression of ``menura evaluate``: a convex problem, its penalty chosen by cross-validation inside.

    The one to use first: it needs no validation clips of its own, so nothing is lost with few clips.
    """

    name = "logistic"
    needs_validation = False
    is_drawn = False

    @property
    def fingerprint(self) -> str:
        """Changes with the version of the method."""
        return content_hash([self.name, 1])

    def fit(self, training: TrainingExamples, *, validation: TrainingExamples | None, seed: int) -> FittedProbe:
        """Logistic regression with the C that does best on ``validation``, or within ``training`` when it is None."""
        return _Logistic(fit_logistic(training, validation=validation, seed=seed))


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """Linear head by AdamW with a rise and a straight fall of the rate; weights of the best validation loss are kept.

    Attributes:
        settings: How the head is trained.
        standardise: Whether embeddings are standardised by the training clips first. ARCH does not; encoders whose
            numbers have different units need it.

    Source:
        La Quatra et al. 2024, arXiv:2405.00934 (ARCH).
    """

    settings: HeadSettings = ARCH_HEAD
    standardise: bool = True

    name = "linear"
    needs_validation = True
    is_drawn = True

    @property
    def fingerprint(self) -> str:
        """Changes with the settings."""
        return content_hash([self.name, 2, asdict(self.settings), self.standardise])

    def fit(self, training: TrainingExamples, *, validation: TrainingExamples | None, seed: int) -> FittedProbe:
        """The head of the best epoch.

        Raises:
            ConfigError: There are no validation clips.
        """
        return self.fit_many([FitTask(training, validation, seed)])[0]

    def fit_many(self, tasks: Sequence[FitTask]) -> list[FittedHead]:
        """As :meth:`fit`, all at once."""
        heads = [
            HeadTask(
                task.training, _needed(task.validation, self.name), self.settings,
                item_generator(task.seed, "linear probe"), _scaling(task.training, self.standardise),
            )
            for task in tasks
        ]  # fmt: skip
        return [replace(fitted, chosen=f"epoch {fitted.epoch}") for fitted in train_heads(heads)]


@dataclass(frozen=True, slots=True)
class MlpProbe:
    """Hidden layers of 1024, one of the ways of :data:`HEAR_GRID` chosen on validation; the best epoch is kept.

    HEAR tries eight of the sixteen ways, drawn at random, on its first fold, and takes the best one for all folds. Here
    each fold chooses for itself: otherwise clips that are tested in one fold would have helped to choose for it.

    Attributes:
        grid: Ways to train.
        grid_points: How many of them are tried, drawn by the seed.
        standardise: Whether embeddings are standardised by the training clips first; HEAR does not.

    Source:
        Turian et al. 2022, arXiv:2203.03022, appendix B (HEAR).
    """

    grid: tuple[HeadSettings, ...] = HEAR_GRID
    grid_points: int = 8
    standardise: bool = True

    name = "mlp"
    needs_validation = True
    is_drawn = True

    @property
    def fingerprint(self) -> str:
        """Changes with the grid."""
        ways = [asdict(way) for way in self.grid]
        return content_hash([self.name, 2, ways, self.grid_points, self.standardise])

    def fit(self, training: TrainingExamples, *, validation: TrainingExamples | None, seed: int) -> FittedProbe:
        """The head of the best way and epoch; of equal ones the first.

        Raises:
            ConfigError: There are no validation clips, or there is no way to train.
        """
        return self.fit_many([FitTask(training, validation, seed)])[0]

    def fit_many(self, tasks: Sequence[FitTask]) -> list[FittedHead]:
        """As :meth:`fit`, all at once."""
        if not self.grid or self.grid_points < 1:
            raise ConfigError(f"{self.grid_points} of {len(self.grid)} ways to train are to be tried; expected one")
        ways = [self._ways(task) for task in tasks]
        fitted = iter(train_heads([way for of_task in ways for way in of_task]))
        return [_in_words(max((next(fitted) for _ in of_task), key=lambda head: head.value)) for of_task in ways]

    def _ways(self, task: FitTask) -> list[HeadTask]:
        checked, scaling = _needed(task.validation, self.name), _scaling(task.training, self.standardise)
        drawn = item_generator(task.seed, "mlp grid").permutation(len(self.grid))[: self.grid_points]
        return [
            HeadTask(task.training, checked, self.grid[number], item_generator(task.seed, "mlp probe", number), scaling)
            for number in sorted(int(index) for index in drawn)
        ]


@dataclass(frozen=True, slots=True)
class KnnProbe:
    """The nearest training clips by cosine, which vote with the inverse of their distance; k is chosen on validation.

    Attributes:
        counts: Numbers of neighbours that are tried; of equal ones the smallest is taken.
        standardise: Whether embeddings are standardised by the training clips first.
    """

    counts: tuple[int, ...] = NEIGHBOURS
    standardise: bool = True

    name = "knn"
    needs_validation = True
    is_drawn = False

    @property
    def fingerprint(self) -> str:
        """Changes with the numbers of neighbours."""
        return content_hash([self.name, 1, self.counts, self.standardise])

    def fit(self, training: TrainingExamples, *, validation: TrainingExamples | None, seed: int) -> FittedProbe:
        """The training clips and how many of them vote.

        Raises:
            ConfigError: There are no validation clips, or no number of neighbours to try.
        """
        checked = _needed(validation, self.name)
        counts = sorted({min(count, len(training)) for count in self.counts if count >= 1})
        if not counts:
            raise ConfigError(f"numbers of neighbours to try are {list(self.counts)}, expected at least one above 0")
        scaling = _scaling(training, self.standardise)
        neighbours = Neighbours.of(_scaled(training.features, scaling), training.targets, training.weights)
        votes = neighbours.votes(_scaled(checked.features, scaling), counts)
        scores = [probe_score(found, checked.targets, multilabel=training.is_multilabel) for found in votes]
        return _Knn(scaling, neighbours, counts[int(np.argmax(scores))])


@dataclass(frozen=True)
class _Logistic:
    fitted: FittedLinear

    @property
    def chosen(self) -> str:
        return f"C {self.fitted.strength:g}"

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        return self.fitted.predict(features)


@dataclass(frozen=True)
class _Knn:
    scaling: Scaling | None
    neighbours: Neighbours
    count: int

    @property
    def chosen(self) -> str:
        return f"k {self.count}"

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        if not len(features):
            return np.zeros((0, self.neighbours.targets.shape[1]))
        votes = self.neighbours.votes(_scaled(features, self.scaling), [self.count])
        return np.asarray(votes[0], dtype=np.float64)


def _in_words(head: FittedHead) -> FittedHead:
    way = head.settings
    return replace(
        head,
        chosen=f"{way.hidden_layers} x {way.hidden_width}, learning rate {way.learning_rate:g}, "
        f"{way.initialisation}, epoch {head.epoch}",
    )


def _needed(validation: TrainingExamples | None, name: str) -> TrainingExamples:
    if validation is None:
        raise ConfigError(f"probe {name!r} chooses on validation clips and got none; `logistic` needs none")
    return validation


def _scaling(training: TrainingExamples, standardise: bool) -> Scaling | None:
    return Scaling.of(stacked(training.features)) if standardise else None


def _scaled(features: Sequence[NDArray[np.float32]], scaling: Scaling | None) -> NDArray[np.float32]:
    embeddings = stacked(features)
    return embeddings if scaling is None else scaling.apply(embeddings)
