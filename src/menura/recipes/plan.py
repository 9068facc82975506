"""A dry run: what :func:`menura.augment` would make from the same settings, and what it would cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from menura.backends.base import AnswerT, Question
from menura.backends.language.costs import LanguageCosts, describe_costs
from menura.config import LanguageModelSettings, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.judge.texts import scorer_of
from menura.pipeline.context import generators
from menura.pipeline.estimate import Estimate, estimate
from menura.recipes.adapted import alignment_of
from menura.recipes.alignment import estimate_alignment
from menura.recipes.augment import identity_of
from menura.recipes.registry import get_recipe
from menura.seeding import item_generator

__all__ = ["Rehearsal", "plan_run"]


class Rehearsal:
    """A language model that writes down what it is asked, and answers with phrases.

    A question that depends on an earlier answer is only nearly the one that a real run will ask.
    """

    name = "rehearsal"
    fingerprint = "rehearsal"

    def __init__(self) -> None:
        self._asked: list[tuple[Question[Any], int]] = []

    def answer(self, question: Question[AnswerT], *, seed: int) -> AnswerT:
        """Phrases of the question itself."""
        self._asked.append((question, seed))
        return question.offline(item_generator(seed, "rehearsal", question.name))

    def costs(self, settings: LanguageModelSettings) -> LanguageCosts:
        """What the questions would cost the language model of the settings."""
        return describe_costs(
            [question for question, _ in self._asked],
            settings,
            seed=[seed for _, seed in self._asked],
        )


def plan_run(
    training: TrainingPart, settings: RunSettings, *, workers: int | None = None
) -> tuple[Estimate, LanguageCosts]:
    """Clips for each label, seconds, bytes and licences of a run, and what its language model would cost.

    Nothing is written, and no language model is asked.

    Raises:
        ConfigError: A setting is impossible.
        BackendError: The generator, the encoder or the audio-text model cannot be loaded, or the generator should be
            aligned and cannot be.
    """
    recipe = get_recipe(settings.recipe)
    settings = recipe.defaults(settings)
    identity, encoder = identity_of(training, settings)
    generator = generators(settings.generator, identity.sample_rate)(0)
    rehearsal = Rehearsal()
    method = recipe.method(training, settings, language_model=rehearsal)
    found = estimate(
        training,
        settings,
        lambda: method.plan(generator),
        targets=identity.targets,
        generator=generator,
        encoder=encoder,
        sample_rate=identity.sample_rate,
        scorer=scorer_of(settings.judge),
        workers=workers,
    )
    if settings.makes_adapter:
        align_s = estimate_alignment(training, alignment_of(settings), out=".").wall_s
        found = replace(found, align_s=align_s, wall_s=found.wall_s + align_s)
    costs = rehearsal.costs(settings.language_model)
    if costs.calls == 0 or method.rehearse is None:
        return found, costs
    method.rehearse(method.plan(generator))
    every = rehearsal.costs(settings.language_model)
    return found, replace(every, later=every.calls - costs.calls)
