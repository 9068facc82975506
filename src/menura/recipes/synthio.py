"""Recipe ``synthio``: an aligned text-to-audio model, captions mixed from those of the real clips, self-reflection.

Before the plan the generator learns the sound of the real clips (preference pairs, an adapter in the run's folder).
Their captions are taken apart and mixed anew (MixCap); each mixture becomes a clip; the judges keep what carries its
label. What they reject goes back with the evidence against it and gets another caption from what they accepted, in a
few rounds, until nothing is missing or a round adds nothing. Every part can be left out by one setting.

Source:
    Ghosh et al. 2025, arXiv:2410.02056 (Synthio). Where we differ is said in docs/recipes/synthio.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from menura.backends.base import Generator, LanguageModel
from menura.config import PromptStyle, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.execute import Method
from menura.pipeline.shortfall import Shortfall
from menura.recipes.adapted import adapted
from menura.recipes.amounts import leading_clips, to_explain
from menura.recipes.parents import Scenes, shuffled
from menura.recipes.prompted import Prompted, reviser_of
from menura.recipes.prompts import Prompter
from menura.recipes.reflection import Reflection
from menura.types import Progress, Request

__all__ = ["STYLE", "build", "defaults", "prepare"]

STYLE: PromptStyle = "mixcap"
"""Of the prompts, unless the settings name another."""

_WITHOUT_CAPTIONS: tuple[PromptStyle, ...] = ("label", "sound_of", "descriptors")
"""Styles whose prompts hold nothing that could be rewritten: what is rejected comes back with another seed."""

_NUMBER = 3
"""Place of the number of a request among those of its label, in keys of a plan and of its revisions."""


def defaults(settings: RunSettings) -> RunSettings:
    """The settings of the pipeline that follow from those under ``synthio``.

    Raises:
        ConfigError: One of them says otherwise.
    """
    asked, given = settings.synthio, settings.prompts.style
    style = _style(settings)
    if given not in (None, style) and style != STYLE:
        flag = "template_captions" if asked.template_captions else "mixcap = false"
        raise ConfigError(f"prompts.style is {given}, and synthio.{flag} asks for {style}; give one of them")
    rounds = settings.rounds if "rounds" in settings.model_fields_set else asked.self_reflection
    if "self_reflection" in asked.model_fields_set and rounds != asked.self_reflection:
        raise ConfigError(f"rounds is {rounds} and synthio.self_reflection {asked.self_reflection}; give one of them")
    keeps_all = not (asked.filter and settings.judge.enabled)
    return settings.model_copy(
        update={
            "prompts": settings.prompts.model_copy(update={"style": given or style}),
            "rounds": rounds,
            "judge": settings.judge.model_copy(update={"enabled": not keeps_all}),
            "synthio": asked.model_copy(update={"self_reflection": rounds, "filter": not keeps_all}),
        }
    )


def _style(settings: RunSettings) -> PromptStyle:
    if settings.synthio.template_captions:
        return "sound_of"
    return STYLE if settings.synthio.mixcap else "rewrite"


def prepare(training: TrainingPart, settings: RunSettings, out: Path, progress: Progress | None = None) -> RunSettings:
    """The settings with the adapter that the run makes in its folder, if they ask for one.

    Args:
        training: The real clips.
        settings: Of the run.
        out: Its folder.
        progress: Called with the stage, how much is done, and how much there is.

    Raises:
        ConfigError: The generator cannot be aligned, or has an adapter already.
    """
    return adapted(training, settings, out, progress) if settings.makes_adapter else settings


def build(training: TrainingPart, settings: RunSettings, language_model: LanguageModel | None = None) -> Method:
    """The method for one training part."""
    prompts = Prompter(training, settings, STYLE, language_model)
    recipe = Prompted("synthio", training, settings, prompts)
    reflection = Reflection(settings, prompts)
    has_captions = prompts.settings.style not in _WITHOUT_CAPTIONS

    def revise(generator: Generator, shortfalls: Sequence[Shortfall], round_index: int) -> Iterator[Request]:
        return _reflected(recipe, reflection, generator, shortfalls, round_index)

    return Method(
        plan=recipe.plan,
        revise=revise if has_captions else recipe.revise,
        text_of=prompts.text_of,
        gives_up=True,
        rehearse=reflection.rehearse if has_captions else None,
    )


def _reflected(
    recipe: Prompted,
    reflection: Reflection,
    generator: Generator,
    shortfalls: Sequence[Shortfall],
    round_index: int,
) -> Iterator[Request]:
    """New requests in place of rejected ones, beside the same real clips: another caption, another seed."""
    settings = recipe.settings
    order = {label: shuffled(clips, settings.seed) for label, clips in leading_clips(recipe.training).items()}
    scenes = Scenes(recipe.training)
    for shortfall in shortfalls:
        rejections = to_explain(shortfall, settings.judge.surplus)
        for rejected, prompt in reflection.revised(shortfall.label, rejections, shortfall.passed, round_index):
            yield recipe.request(
                order[shortfall.label],
                int(rejected.seed_key[_NUMBER]),
                (*rejected.seed_key, "round", round_index),
                reviser_of(generator, shortfall),
                scenes,
                round_index=round_index,
                replaces=rejected.id,
                prompt=prompt,
            )
