"""Recipes by name."""

from __future__ import annotations

import pytest

from menura.errors import ConfigError
from menura.recipes.registry import get_recipe, recipe_names


def test_every_recipe_can_be_had_by_its_name() -> None:
    for name, summary in recipe_names().items():
        assert get_recipe(name).name == name
        assert summary.endswith(".")


def test_a_misspelt_recipe_is_refused_with_a_guess() -> None:
    with pytest.raises(ConfigError, match=r"no recipe 'resinth'. Known: .*resynth.* Did you mean 'resynth'\?"):
        get_recipe("resinth")
