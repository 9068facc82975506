"""Recipe ``interpolation``: sounds between two real clips of one label.

The whole method: the real clips of a label lead equally many requests, each with a partner of exactly the same labels,
from another recording where there is one; the generator says where between the two. No pair comes twice before every
pair has come. A label with a single clip gets variations of that clip. What the judges reject comes back with another
partner, nearer to the clip that leads. A generator that makes nothing without a prompt gets that of the label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from menura.backends.base import Generator, LanguageModel, PromptedGenerator
from menura.backends.several import part_for, parts_of
from menura.captions import Prompt
from menura.config import PromptStyle, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.execute import Method, Shortfall
from menura.recipes.amounts import candidates_for, leading_clips, targets, to_replace
from menura.recipes.parents import apart, partners, shuffled
from menura.recipes.prompts import Prompter
from menura.seeding import item_generator
from menura.types import Clip, Request

__all__ = ["STYLE", "build", "plan", "revise"]

STYLE: PromptStyle = "sound_of"

Prompts: TypeAlias = Callable[[Clip, int | None, tuple[str | int, ...]], Prompt]
"""Gives the prompt of a new clip beside a real one, by its number in the label and its key."""


def build(training: TrainingPart, settings: RunSettings, language_model: LanguageModel | None = None) -> Method:
    """The method for one training part; it writes prompts only for a generator that needs them."""
    prompts = Prompter(training, settings, STYLE, language_model)
    return Method(
        plan=lambda generator: plan(training, settings, generator, prompts),
        revise=lambda generator, shortfalls, index: revise(training, settings, generator, shortfalls, index, prompts),
    )


def plan(
    training: TrainingPart, settings: RunSettings, generator: Generator, prompts: Prompts | None = None
) -> Iterator[Request]:
    """The requests of the first round, label after label, those of a leading clip together.

    The first children of a clip are the same whatever the amount, so a larger run contains the smaller one.

    Raises:
        ConfigError: A generator cannot take two parents, or needs two where a label has one clip.
    """
    prompts = prompts or Prompter(training, settings, STYLE)
    for part in parts_of(generator):
        _check_takes_two(part)
    amounts = candidates_for(targets(training, settings.amount), settings.judge.surplus)
    for label, clips in leading_clips(training).items():
        order = shuffled(clips, settings.seed)
        for position, leader in enumerate(order):
            children = amounts[label] // len(order) + (position < amounts[label] % len(order))
            others = partners(order, position)
            if not others and generator.parents_needed[0] > 1:
                raise ConfigError(f"label {label} has one clip, and {generator.name} needs two: give it another clip")
            for child in range(children):
                key = ("interpolation", settings.seed, leader.id, child)
                parents = [leader, *others[child % max(1, len(others)) :][:1]]
                yield _request(parents, key, generator, prompts, position + child * len(order))


def revise(
    training: TrainingPart,
    settings: RunSettings,
    generator: Generator,
    shortfalls: Sequence[Shortfall],
    round_index: int,
    prompts: Prompts | None = None,
) -> Iterator[Request]:
    """New requests in place of rejected ones: the same leader, another partner, from a calmer generator."""
    prompts = prompts or Prompter(training, settings, STYLE)
    leading = leading_clips(training)
    for shortfall in shortfalls:
        for rejected in to_replace(shortfall, settings.judge.surplus):
            key = (*rejected.seed_key, "round", round_index)
            leader = training.by_id[rejected.parents[0]]
            others = apart(leader, leading[shortfall.label])
            fresh = [clip for clip in others if clip.id not in rejected.parents] or others
            choice = int(item_generator(settings.seed, "partner", *key).integers(max(1, len(fresh))))
            parents = [leader, *fresh[choice:][:1]]
            yield _request(parents, key, generator, prompts, None, replaces=rejected, round_index=round_index)


def _request(
    parents: Sequence[Clip],
    key: tuple[str | int, ...],
    generator: Generator,
    prompts: Prompts,
    number: int | None,
    *,
    replaces: Request | None = None,
    round_index: int = 0,
) -> Request:
    part = part_for(generator, item_generator(0, "generator", *key), num_parents=len(parents))
    prompt = prompts(parents[0], number, key) if isinstance(part, PromptedGenerator) and part.needs_prompt else None
    return Request(
        labels=parents[0].labels,
        generator=part.fingerprint,
        prompt=None if prompt is None else prompt.text,
        negative_prompt=None if prompt is None else prompt.negative,
        parents=tuple(clip.id for clip in parents),
        seed_key=key,
        params=part.draw(parents, item_generator(0, "draw", *key)),
        round=round_index,
        replaces=None if replaces is None else replaces.id,
    )


def _check_takes_two(part: Generator) -> None:
    least, most = part.parents_needed
    if most < 2 or least > 2:
        hint = "set model.interpolate = true for a text-to-audio model that can be inverted, or "
        raise ConfigError(
            f"recipe interpolation needs a generator that takes two parents, {part.name} takes {least} to {most}; "
            f"{hint if isinstance(part, PromptedGenerator) else ''}try --generator spectrogram-diffusion, or resynth, "
            "which morphs"
        )
