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

from menura.backends.base import Generator
from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.execute import Shortfall
from menura.recipes.amounts import candidates_for, leading_clips, targets
from menura.seeding import item_generator, item_seed
from menura.types import Clip, Request

__all__ = ["plan", "revise"]

LOWEST_PASS_RATE = 0.2
"""Pass rate below which a revision makes no more candidates: the label needs another setting, not more tries."""


def plan(training: TrainingPart, settings: RunSettings, generator: Generator) -> Iterator[Request]:
    """The requests of the first round, label after label, those of a leading clip together.

    The first children of a clip are the same whatever the amount, so a larger run contains the smaller one.

    Raises:
        ConfigError: The generator cannot take two parents.
    """
    least, most = generator.parents_needed
    if most < 2 or least > 2:
        raise ConfigError(
            f"recipe interpolation needs a generator that takes two parents, {generator.name} takes {least} to {most}; "
            "try --generator spectrogram-diffusion, or resynth, which morphs"
        )
    amounts = candidates_for(targets(training, settings.amount), settings.judge.surplus)
    for label, clips in leading_clips(training).items():
        order = sorted(clips, key=lambda clip: (item_seed(settings.seed, "order", clip.id), clip.id))
        for position, leader in enumerate(order):
            children = amounts[label] // len(order) + (position < amounts[label] % len(order))
            partners = _partners(order, position)
            if not partners and least > 1:
                raise ConfigError(f"label {label} has one clip, and {generator.name} needs two: give it another clip")
            for child in range(children):
                key = ("interpolation", settings.seed, leader.id, child)
                yield _request(
                    [leader, *partners[child % len(partners) :][:1]] if partners else [leader], key, generator
                )


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
            others = _apart(leader, leading[shortfall.label])
            partners = [clip for clip in others if clip.id not in rejected.parents] or others
            choice = int(item_generator(settings.seed, "partner", *key).integers(max(1, len(partners))))
            yield _request([leader, *partners[choice:][:1]], key, generator, replaces=rejected, round_index=round_index)


def _request(
    parents: Sequence[Clip],
    key: tuple[str | int, ...],
    generator: Generator,
    *,
    replaces: Request | None = None,
    round_index: int = 0,
) -> Request:
    return Request(
        labels=parents[0].labels,
        generator=generator.fingerprint,
        parents=tuple(clip.id for clip in parents),
        seed_key=key,
        params=generator.draw(parents, item_generator(0, "draw", *key)),
        round=round_index,
        replaces=None if replaces is None else replaces.id,
    )


def _partners(order: Sequence[Clip], position: int) -> list[Clip]:
    """Partners of a clip in the order of their turn: the next ones first, so that no pair comes twice early on."""
    return _apart(order[position], [*order[position + 1 :], *order[:position]])


def _apart(leader: Clip, clips: Sequence[Clip]) -> list[Clip]:
    """Clips with exactly the labels of a clip, those of other groups if there are any."""
    alike = [clip for clip in clips if set(clip.labels) == set(leader.labels) and clip.id != leader.id]
    apart = [clip for clip in alike if leader.group is None or clip.group != leader.group]
    return apart or alike
