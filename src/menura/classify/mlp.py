"""One hidden layer on the embeddings of a frozen encoder, many at once: folds, ways to train, arms and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from menura.classify.base import FitTask, FittedClassifier, TrainingExamples
from menura.classify.batched import HeadTask, train_heads
from menura.classify.embedded import Embedded, real_scaling
from menura.classify.heads import FittedHead, HeadSettings
from menura.classify.inner import inner_splits, validation_score
from menura.errors import ConfigError
from menura.seeding import item_generator

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["WAYS", "MlpClassifier"]

WAYS: tuple[HeadSettings, ...] = tuple(
    HeadSettings(
        hidden_layers=1, hidden_width=64, learning_rate=rate, optimiser="adamw", weight_decay=0.05, batch_size=32,
        epochs=1, criterion="loss", dropout=0.3, initialisation="xavier_uniform", warm_share=0.1,
    )
    for rate in (3e-3, 1e-3, 1e-2)
)  # fmt: skip
"""The ways to train that are tried; of equal ones the first. All go by steps."""

_INNER_FOLDS = 4
_STEPS_SHARE = 0.5
_LOOKS = 10


@dataclass(frozen=True)
class _Trial:
    """A head that is only there to choose a way: whose it is, and the clips that it has not learned from."""

    task: int
    way: int
    apart: TrainingExamples


class MlpClassifier(Embedded):
    """A hidden layer of 64 with batch norm, dropout and rectifier; AdamW for the given steps, in batches of 32.

    Weights say how often a clip is drawn, so that every arm takes the same steps whatever its number of clips. The
    learning rate is the best one on held-out folds of the real training clips (half of the steps each), or on
    ``validation``, where the look of ten with the smallest loss is kept as well. Several labels: a sigmoid each.

    Args:
        encoder: Gives the embeddings; stays as it is.
        ways: What is tried; their ``steps`` are replaced.
    """

    name = "mlp"

    def __init__(self, encoder: Encoder, ways: tuple[HeadSettings, ...] = WAYS) -> None:
        super().__init__(encoder)
        if not ways:
            raise ConfigError("mlp has no way to train; expected at least one")
        self._ways = ways

    def fit(
        self, training: TrainingExamples, *, validation: TrainingExamples | None, steps: int, seed: int
    ) -> FittedClassifier:
        """The head of the way that does best on ``validation``, or within ``training`` when it is None."""
        return self.fit_many([FitTask(training, validation, seed)], steps=steps)[0]

    def fit_many(self, tasks: Sequence[FitTask], *, steps: int) -> list[FittedClassifier]:
        """As :meth:`fit`, all at once: each as it would be alone, up to the order in which sums are added."""
        tasks = [replace(task, training=_at_least_two(task.training)) for task in tasks]
        chosen = self._chosen_within(tasks, steps)
        heads: list[HeadTask] = []
        for number, task in enumerate(tasks):
            ways = self._ways if task.validation is not None else (self._ways[chosen[number]],)
            scaling = real_scaling(task.training)
            for way in ways:
                settings = replace(way, steps=steps, check_every=max(1, steps // _LOOKS))
                generator = item_generator(task.seed, "mlp", self._ways.index(way))
                heads.append(HeadTask(task.training, task.validation, settings, generator, scaling))
        fitted = iter(train_heads(heads))
        counts = [1 if task.validation is None else len(self._ways) for task in tasks]
        return [_best([next(fitted) for _ in range(count)]) for count in counts]

    def _chosen_within(self, tasks: Sequence[FitTask], steps: int) -> list[int]:
        """Index of the way for each task without validation clips of its own; 0 where nothing can be held out."""
        trials: list[_Trial] = []
        heads: list[HeadTask] = []
        part_steps = max(1, round(_STEPS_SHARE * steps))
        for number, task in enumerate(tasks):
            if task.validation is not None or len(self._ways) == 1:
                continue
            for fold, split in enumerate(inner_splits(task.training, folds=_INNER_FOLDS, seed=task.seed)):
                part, apart = _at_least_two(task.training.take(split.fit)), task.training.take(split.held_out)
                scaling = real_scaling(part)
                for way, settings in enumerate(self._ways):
                    generator = item_generator(task.seed, "mlp inner", fold, way)
                    trials.append(_Trial(number, way, apart))
                    heads.append(HeadTask(part, None, replace(settings, steps=part_steps), generator, scaling))
        found: dict[tuple[int, int], list[tuple[np.ndarray, np.ndarray]]] = {}
        for trial, head in zip(trials, train_heads(heads), strict=True):
            answers = found.setdefault((trial.task, trial.way), [])
            answers.append((head.predict(trial.apart.features), trial.apart.targets))
        scores = np.zeros((len(tasks), len(self._ways)))
        for (number, way), answers in found.items():
            predicted, targets = (np.concatenate(part) for part in zip(*answers, strict=True))
            scores[number, way] = validation_score(predicted, targets, multilabel=tasks[number].training.is_multilabel)
        return [int(best) for best in scores.argmax(axis=1)]


def _best(heads: Sequence[FittedHead]) -> FittedHead:
    """The head with the best value on validation; the only one has none."""
    return max(heads, key=lambda head: head.value) if len(heads) > 1 else heads[0]


def _at_least_two(training: TrainingExamples) -> TrainingExamples:
    """A batch norm needs two clips; an only one is taken twice."""
    return training if len(training) > 1 else training.take(np.array([0, 0]))
