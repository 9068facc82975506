"""The recipes by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from menura.backends.base import LanguageModel
from menura.config import PromptStyle, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.execute import Method
from menura.recipes import interpolation, label_guided, llm_assisted, mix, rare_labels, resynth, synthio
from menura.types import Progress

__all__ = ["Recipe", "get_recipe", "recipe_names"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole method: which requests a run makes, and what follows a rejection.

    Attributes:
        name: Name to ask for it by.
        summary: One sentence.
        build: Makes the method for one training part, its settings, and the language model that writes for it. Nothing
            is asked or read before the method is used.
        defaults: Fills in what the settings leave open and the recipe knows better.
        style: Of its prompts, where the settings leave it open.
        prepare: What it makes in the folder of the run before the run has an identity, and the settings that follow.
            Does only what is missing, and ends in the same bytes whether it was stopped or not. None: nothing.
    """

    name: str
    summary: str
    build: Callable[[TrainingPart, RunSettings, LanguageModel | None], Method]
    defaults: Callable[[RunSettings], RunSettings] = lambda settings: settings
    style: PromptStyle = "scene"
    prepare: Callable[[TrainingPart, RunSettings, Path, Progress | None], RunSettings] | None = None

    def method(
        self, training: TrainingPart, settings: RunSettings, *, language_model: LanguageModel | None = None
    ) -> Method:
        """The recipe for one training part and its settings.

        Args:
            training: The real clips.
            settings: Of the run, with the recipe's defaults.
            language_model: Instead of the one that the settings name; a dry run passes one that only counts.
        """
        return self.build(training, settings, language_model)


_RECIPES = (
    Recipe(
        "resynth", "Children of the real clips, each from one parent or from two of the same labels.", resynth.build
    ),
    Recipe(
        "label_guided",
        "Clips from a text-to-audio model, prompted with the label alone.",
        label_guided.build,
        style=label_guided.STYLE,
    ),
    Recipe(
        "llm_assisted",
        "Clips from a text-to-audio model, prompted with descriptors or captions that a language model writes.",
        llm_assisted.build,
        style=llm_assisted.STYLE,
    ),
    Recipe(
        "rare_labels",
        "Tops up rare labels with prompts in varied surroundings; labels that keep nothing fall back to resynthesis.",
        rare_labels.build,
        rare_labels.defaults,
        style=rare_labels.STYLE,
    ),
    Recipe(
        "mix",
        "Events of any generator over real backgrounds, each with its annotation.",
        mix.build,
        mix.defaults,
        mix.STYLE,
    ),
    Recipe(
        "interpolation",
        "Sounds between two real clips of one label, from different recordings where there are any.",
        interpolation.build,
        style=interpolation.STYLE,
    ),
    Recipe(
        "synthio",
        "An aligned text-to-audio model, MixCap captions of the real clips, and self-reflection on what is rejected.",
        synthio.build,
        synthio.defaults,
        synthio.STYLE,
        synthio.prepare,
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
