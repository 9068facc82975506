"""Prompts to read and to correct before a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from menura.captions import Prompt, text_diversity
from menura.config import PromptStyle, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.files import disk_errors, remove_leftovers_of_the_dead, write_text
from menura.recipes.amounts import leading_clips
from menura.recipes.parents import shuffled
from menura.recipes.prompts import Prompter
from menura.recipes.registry import get_recipe

__all__ = ["Drawn", "draw_prompts", "with_files"]


@dataclass(frozen=True)
class Drawn:
    """The first prompts of each label.

    Attributes:
        style: Of the prompts.
        language_model: Who wrote what they are drawn from.
        prompts: Label to prompts.
        diversity: How varied their texts are, see :func:`menura.captions.text_diversity`.
    """

    style: PromptStyle
    language_model: str
    prompts: Mapping[str, tuple[Prompt, ...]]
    diversity: Mapping[str, float]


def draw_prompts(training: TrainingPart, settings: RunSettings, *, count: int) -> Drawn:
    """The first prompts of each label, as a run of these settings would have them.

    Args:
        training: The real clips.
        settings: Of the run; its recipe decides the style where the settings leave it open.
        count: Prompts for each label.
    """
    recipe = get_recipe(settings.recipe)
    prompter = Prompter(training, recipe.defaults(settings), recipe.style)
    found = {
        label: tuple(
            prompter(order[number % len(order)], number, (settings.recipe, settings.seed, label, number))
            for number in range(count)
        )
        for label, clips in leading_clips(training).items()
        if (order := shuffled(clips, settings.seed))
    }
    texts = [prompt.text for some in found.values() for prompt in some]
    diversity = asdict(text_diversity(texts)) if len(texts) > 1 else {}
    return Drawn(prompter.settings.style or recipe.style, prompter.language_model.name, found, diversity)


def with_files(settings: RunSettings, folder: Path) -> RunSettings:
    """The settings with files for cards and descriptors in a folder, and a settings file there that names them.

    Prompts, language model and seed stand in it as they were asked for, so that a run of it has the prompts shown.

    Raises:
        ConfigError: The folder cannot be written.
    """
    files = {"cards": str(folder / "cards.toml")}
    if settings.prompts.style == "descriptors" or (
        settings.prompts.style is None and settings.recipe == "llm_assisted"
    ):
        files["descriptor_lists"] = str(folder / "descriptors.toml")
    prompts = settings.prompts.model_copy(update=files)
    tables: dict[str, Mapping[str, Any]] = {
        "generator": {"domain": settings.generator.domain},
        "prompts": prompts.model_dump(mode="json", exclude_defaults=True, exclude_none=True),
        "language_model": settings.language_model.model_dump(mode="json", exclude_defaults=True, exclude_none=True),
    }
    lines = [f'recipe = "{settings.recipe}"', *([f"seed = {settings.seed}"] if settings.seed else [])]
    for name, fields in tables.items():
        if fields:
            lines += ["", f"[{name}]", *(f"{field} = {_written(value)}" for field, value in fields.items())]
    with disk_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers_of_the_dead(folder)
        write_text(folder / "run.toml", "\n".join(lines) + "\n")
    return settings.model_copy(update={"prompts": prompts})


def _written(value: Any) -> str:
    """A value of the settings in TOML."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name} = {_written(one)}' for name, one in value.items())}}}"
    return json.dumps(value)
