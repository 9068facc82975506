"""Recipe ``interpolation``: sounds between two real clips of one label.

The whole method: the real clips of a label lead equally many requests, each with a partner of exactly the same labels,
from another recording where there is one; the generator says where between the two. No pair comes twice before every
pair has come. A label with a single clip gets variations of that clip. What the judges reject comes back with another
partner, nearer to the clip that leads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice

from menura.backends.base import Generator, LanguageModel
from menura.backends.several import part_for, parts_of
from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.execute import Method, Shortfall
from menura.recipes.amounts import candidates_for, leading_clips, targets
from menura.recipes.parents import apart, partners, shuffled
from menura.recipes.resynth import LOWEST_PASS_RATE
from menura.seeding import item_generator
from menura.types import Clip, Request

__all__ = ["build", "plan", "revise"]


def build(training: TrainingPart, settings: RunSettings, language_model: LanguageModel | None = None) -> Method:
    """The method for one training part; it asks no language model."""
    return Method(
        plan=lambda generator: plan(training, settings, generator),
        revise=lambda generator, shortfalls, index: revise(training, settings, generator, shortfalls, index),
    )


def plan(training: TrainingPart, settings: RunSettings, generator: Generator) -> Iterator[Request]:
    """The requests of the first round, label after label, those of a leading clip together.

    The first children of a clip are the same whatever the amount, so a larger run contains the smaller one.

    Raises:
        ConfigError: A generator cannot take two parents, or needs two where a label has one clip.
    """
    for part in parts_of(generator):
        least, most = part.parents_needed
        if most < 2 or least > 2:
            raise ConfigError(
                f"recipe interpolation needs a generator that takes two parents, {part.name} takes {least} to {most}; "
                "try --generator spectrogram-diffusion, or resynth, which morphs"
            )
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
                yield _request([leader, *others[child % max(1, len(others)) :][:1]], key, generator)


def revise(
    training: TrainingPart,
    settings: RunSettings,
    generator: Generator,
    shortfalls: Sequence[Shortfall],
    round_index: int,
) -> Iterator[Request]:
    """New requests in place of rejected ones: the same leader, another partner, from a calmer generator."""
    leading = leading_clips(training)
    for shortfall in shortfalls:
        tries = math.ceil(shortfall.missing * settings.judge.surplus / max(shortfall.pass_rate, LOWEST_PASS_RATE))
        for rejected in islice(shortfall.rejected, tries):
            key = (*rejected.seed_key, "round", round_index)
            leader = training.by_id[rejected.parents[0]]
            others = apart(leader, leading[shortfall.label])
            fresh = [clip for clip in others if clip.id not in rejected.parents] or others
            choice = int(item_generator(settings.seed, "partner", *key).integers(max(1, len(fresh))))
            yield _request([leader, *fresh[choice:][:1]], key, generator, replaces=rejected, round_index=round_index)


def _request(
    parents: Sequence[Clip],
    key: tuple[str | int, ...],
    generator: Generator,
    *,
    replaces: Request | None = None,
    round_index: int = 0,
) -> Request:
    part = part_for(generator, item_generator(0, "generator", *key), num_parents=len(parents))
    return Request(
        labels=parents[0].labels,
        generator=part.fingerprint,
        parents=tuple(clip.id for clip in parents),
        seed_key=key,
        params=part.draw(parents, item_generator(0, "draw", *key)),
        round=round_index,
        replaces=None if replaces is None else replaces.id,
    )
