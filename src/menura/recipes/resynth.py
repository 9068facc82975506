"""Recipe ``resynth``: children of real clips, each from one parent or from two of the same labels.

The whole method: every real clip of a label leads equally many requests; half of them bring a second parent of the
same labels, from another recording where there is one; some, if the generator wants them, bring a scene, a clip of
another label whose background will be heard behind, so that backgrounds stop telling labels apart; the generator draws
the numbers. What the judges reject comes back once with the same parents, another draw, and less strength.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from menura.backends.base import Generator, LanguageModel
from menura.backends.several import part_for, parts_of
from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.execute import Method, Shortfall
from menura.recipes.amounts import candidates_for, leading_clips, targets, to_replace
from menura.recipes.parents import Scenes, partner_of, partners, shuffled
from menura.seeding import item_generator
from menura.types import Request

__all__ = ["build", "plan", "revise"]

_KEY_LENGTH = 4
"""Of the keys of a plan; those of revisions begin with them, so that a revision stays with the generator."""


def build(training: TrainingPart, settings: RunSettings, language_model: LanguageModel | None = None) -> Method:
    """The method for one training part; it asks no language model."""
    return Method(
        plan=lambda generator: plan(training, settings, generator),
        revise=lambda generator, shortfalls, index: revise(training, settings, generator, shortfalls, index),
    )


def plan(training: TrainingPart, settings: RunSettings, generator: Generator) -> Iterator[Request]:
    """The requests of the first round: label after label, and all children of a parent together.

    The first children of a parent are the same whatever the amount, so a larger run contains the smaller one.

    Raises:
        ConfigError: The generator takes no parents.
    """
    for part in parts_of(generator):
        least, most = part.parents_needed
        if most < 1 or least > 2:
            raise ConfigError(
                f"recipe resynth needs a generator that takes one or two parents, {part.name} takes {least} to {most}"
            )
    scenes = Scenes(training)
    amounts = candidates_for(targets(training, settings.amount), settings.judge.surplus)
    for label, clips in leading_clips(training).items():
        order = shuffled(clips, settings.seed)
        for position, parent in enumerate(order):
            children = amounts[label] // len(order) + (position < amounts[label] % len(order))
            near = partners(order, position)
            for child in range(children):
                key = ("resynth", settings.seed, parent.id, child)
                part = part_for(generator, item_generator(0, "generator", *key))
                parents = [parent, *partner_of(near, key, part), *scenes(parent, key, part)]
                yield Request(
                    labels=parent.labels,
                    generator=part.fingerprint,
                    parents=tuple(clip.id for clip in parents),
                    seed_key=key,
                    params=part.draw(parents, item_generator(0, "draw", *key)),
                )


def revise(
    training: TrainingPart,
    settings: RunSettings,
    generator: Generator,
    shortfalls: Sequence[Shortfall],
    round_index: int,
) -> Iterator[Request]:
    """New requests in place of rejected ones: same parents, new numbers from a calmer generator."""
    for shortfall in shortfalls:
        for rejected in to_replace(shortfall, settings.judge.surplus):
            parents = [training.by_id[parent] for parent in rejected.parents]
            key = (*rejected.seed_key, "round", round_index)
            part = part_for(generator, item_generator(0, "generator", *rejected.seed_key[:_KEY_LENGTH]))
            yield Request(
                labels=rejected.labels,
                generator=part.fingerprint,
                parents=rejected.parents,
                seed_key=key,
                params=part.draw(parents, item_generator(settings.seed, "draw", *key)),
                round=round_index,
                replaces=rejected.id,
            )
