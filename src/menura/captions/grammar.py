"""Captions put together from a label, events and scenes, without a language model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from menura.captions.cards import LabelCard, without_conflicts
from menura.captions.components import Components
from menura.captions.lexicon import family_of
from menura.captions.rules import CaptionRules
from menura.captions.similarity import overlap
from menura.captions.words import label_words
from menura.errors import BackendError

__all__ = ["capitalised", "write_captions"]

_PATTERNS = (
    "{label} {scene}, with {event}",
    "{scene}, {label} and {event}",
    "{event}, followed by {label}, {scene}",
    "{label} {scene}, {event} now and then",
    "{label} comes after {event} {scene}",
    "{scene}: first {event}, then {label}",
    "{event} while {label} goes on {scene}",
    "a recording of {label} {scene}, {event} and {other}",
    "{label} over {event} and {other}, {scene}",
    "{label} {scene}, close at first, with {event} further away",
    "{label}, {event}, {other}, all {scene}",
)
_BARE = (
    "{label} {scene}",
    "{scene}, {label}",
    "a recording of {label} {scene}",
    "{label}, heard on its own",
    "clear {name}",
    "{label} alone, {scene}",
    "{label} {scene}, heard twice",
    "{scene}: {label}, then a pause",
    "{label} {scene}, louder towards the end",
    "{label} {scene}, fading out",
    "{label}",
    "{label}, twice",
    "{label}, close",
    "{label}, loud",
    "{label}, fading",
)
_TRIES = 40


def write_captions(
    card: LabelCard,
    components: Components,
    generator: np.random.Generator,
    *,
    count: int,
    max_words: int,
    novel_share: float,
    other_labels: Sequence[str] = (),
    unlike: str = "",
) -> tuple[str, ...]:
    """``count`` captions of a label that keep to its rules and differ from each other.

    Args:
        card: Of the label.
        components: Events and scenes to use.
        generator: Random state of this item.
        count: Number of captions.
        max_words: Of one caption.
        novel_share: Share of the events and scenes that are new: of the card and of the kind of sound.
        other_labels: Labels that new events must not name, as published.
        unlike: A caption that none of them may repeat.

    Raises:
        BackendError: The card rules out so much that no caption is left.
    """
    rules = CaptionRules(card, max_words)
    others = [label_words(label) for label in other_labels]
    fresh_events = without_conflicts(family_of(label_words(card.label), card.kind).events, [card.name, *others])
    fresh_scenes = without_conflicts(card.scenes, others)
    written: list[str] = []
    for attempt in range(_TRIES * count):
        if len(written) == count:
            return tuple(written)
        slots = {
            "event": _slot(components.events, fresh_events, generator, novel_share),
            "other": _slot(components.events, fresh_events, generator, novel_share),
            "scene": _slot(components.scenes, fresh_scenes, generator, novel_share),
        }
        patterns = _BARE if not slots["event"] or attempt > _TRIES * count // 2 else _PATTERNS
        pattern = patterns[int(generator.integers(len(patterns)))]
        if "{other}" in pattern and slots["other"] == slots["event"]:
            continue
        caption = capitalised(_tidy(pattern.format(label=card.phrase, name=card.name, **slots)))
        told = max((overlap(caption, other) for other in [*written, unlike] if other), default=0.0)
        if not rules.problem(caption) and told < (0.8 if attempt < _TRIES * count // 2 else 1.0):
            written.append(caption)
    if len(written) == count:
        return tuple(written)
    raise BackendError(
        f"the phrase grammar found {len(written)} of {count} captions of {card.label!r}: its card leaves too little "
        "to say. Add scenes to the card, shorten its lists is_not and avoid, or raise max_words"
    )


def _slot(given: Sequence[str], fresh: Sequence[str], generator: np.random.Generator, novel_share: float) -> str:
    """One phrase: a new one in the stated share of cases, or where there is no other. Draws twice in any case."""
    is_new, place = generator.random() < novel_share, generator.random()
    choices = (fresh or given) if is_new else (given or fresh)
    return choices[int(place * len(choices))] if choices else ""


def _tidy(text: str) -> str:
    return " ".join(text.replace(" ,", ",").replace(",,", ",").split()).strip(" ,:")


def capitalised(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]
