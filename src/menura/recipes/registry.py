"""The recipes by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from menura.backends.base import Generator
from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.execute import Method, Shortfall
from menura.recipes import interpolation, resynth
from menura.types import Request

__all__ = ["Recipe", "get_recipe", "recipe_names"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole method: which requests a run makes, and what follows a rejection.

    Attributes:
        name: Name to ask for it by.
        summary: One sentence.
        plan: Requests of the first round, in a stable order, drawn as they are asked for.
        revise: Requests of a later round.
    """

    name: str
    summary: str
    plan: Callable[[TrainingPart, RunSettings, Generator], Iterator[Request]]
    revise: Callable[[TrainingPart, RunSettings, Generator, Sequence[Shortfall], int], Iterator[Request]]

    def method(self, training: TrainingPart, settings: RunSettings) -> Method:
        """The recipe for one training part and its settings."""
        return Method(
            plan=lambda generator: self.plan(training, settings, generator),
            revise=lambda generator, shortfalls, index: self.revise(training, settings, generator, shortfalls, index),
        )


_RECIPES = (
    Recipe(
        "resynth",
        "Children of the real clips, each from one parent or from two of the same labels.",
        resynth.plan,
        resynth.revise,
    ),
    Recipe(
        "interpolation",
        "Sounds between two real clips of one label, from different recordings where there are any.",
        interpolation.plan,
        interpolation.revise,
    ),
)


def recipe_names() -> dict[str, str]:
    """Name of each recipe to its summary."""
    return {recipe.name: recipe.summary for recipe in _RECIPES}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ConfigError: There is none.
    """
    for recipe in _RECIPES:
        if recipe.name == name:
            return recipe
    known = [recipe.name for recipe in _RECIPES]
    close = get_close_matches(name, known, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    raise ConfigError(f"no recipe {name!r}. Known: {', '.join(known)}.{guess}")
