"""What a recipe makes when a learner decides how many clips each label gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from menura.backends.base import Generator
from menura.config import AmountSettings, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.allocation import Grow
from menura.recipes.registry import Recipe
from menura.types import Request

__all__ = ["growing"]


def growing(recipe: Recipe, training: TrainingPart, settings: RunSettings) -> Grow:
    """The first requests of a recipe for any number of candidates of each label.

    Every recipe draws the n-th request of a label, or the n-th child of a parent, from a key of its own, so a larger
    number gives the same requests and more: an allocation makes the clips of an even run, fewer here and more there.
    """

    def grow(generator: Generator, candidates: Mapping[str, int]) -> Iterable[Request]:
        exact = settings.model_copy(
            update={
                "amount": AmountSettings(by_label={label: count for label, count in candidates.items() if count}),
                "judge": settings.judge.model_copy(update={"surplus": 1.0}),
            }
        )
        return recipe.method(training, exact).plan(generator)

    return grow
