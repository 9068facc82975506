"""Several generators as series of one study: ``resynth``, or ``label_guided=audioldm2:PATH`` with a recipe."""

from __future__ import annotations

import re
from collections.abc import Sequence

from menura.config import RunSettings
from menura.errors import ConfigError
from menura.recipes.registry import get_recipe

__all__ = ["UNAIDED_RECIPES", "is_unaided", "with_generators"]

UNAIDED_RECIPES = ("label_guided", "llm_assisted")
"""Recipes whose generator hears no real clip, unless it is told to start from one."""

_NAMED = re.compile(r"(?:(?P<recipe>[a-z_]+)=)?(?P<generator>.+)")


def with_generators(base: RunSettings, names: Sequence[str]) -> dict[str, RunSettings]:
    """Name of a series to the settings of its runs; one without a name where no generators are named.

    Args:
        base: All other settings, and the recipe of those that name none.
        names: ``GENERATOR`` or ``RECIPE=GENERATOR``, as for ``--generator``.

    Raises:
        ConfigError: A recipe is unknown, or two series have one name.
    """
    if not names:
        return {"": base}
    found: dict[str, RunSettings] = {}
    for name in names:
        match = _NAMED.fullmatch(name)
        if match is None:
            raise ConfigError(f"generator {name!r} has no name; expected GENERATOR or RECIPE=GENERATOR")
        recipe = get_recipe(match["recipe"] or base.recipe).name
        generator = base.generator.model_copy(update={"name": match["generator"]}).with_absolute_paths()
        series = match["generator"].partition(":")[0] if match["recipe"] is None else name.partition(":")[0]
        if series in found:
            raise ConfigError(f"two generators are called {series}; name each once, or give each its recipe")
        found[series] = base.model_copy(update={"recipe": recipe, "generator": generator})
    return found


def is_unaided(run: RunSettings) -> bool:
    """Whether no real clip is heard by the generator; the judges hear them all the same, where they are on."""
    style = run.prompts.style
    return run.recipe in UNAIDED_RECIPES and run.generator.model.strength is None and style not in (
        "mixcap", "plain", "rewrite", "caption"
    )  # fmt: skip
