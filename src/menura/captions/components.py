"""Components of captions: the events and the scenes that a label is heard with (Prompt 1 of MixCap).

Source:
    Ghosh et al. 2025, arXiv:2410.02056 (Synthio), MixCap.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from menura.backends.base import Message, Question
from menura.captions.cards import DOMAIN_TEXT, LabelCard
from menura.captions.rules import CaptionRules
from menura.captions.words import content_words, gerund, label_words, one_line
from menura.config import Domain

__all__ = ["Components", "component_question", "draw_components", "pool_components", "without_label"]

_MARKS = re.compile(r"[,;:.!?]|\b(?:while|with|and|over|followed by|comes after|goes on|as|then)\b", re.IGNORECASE)
_FILLERS = re.compile(r"\b(?:now and then|close at first|further away|heard twice)\b", re.IGNORECASE)
_WHERE = re.compile(
    r"\b(in|at|on|inside|outside|under|beside|near|below|behind|through|amid|among|heard (?:in|from|through))\s",
    re.IGNORECASE,
)
_NO_SCENE = re.compile(r"\b(background|distance|pitch|level|second|seconds|front|all|loudness|succession)\b")
_OPENING = re.compile(
    r"^(there (is|are)|it is|the sound of|sounds? of|the|a recording of|we hear|first)\s+", re.IGNORECASE
)
_MANY = re.compile(
    r"((?:children|people|men|women|birds|dogs|insects|crickets|leaves|waves|bells|voices|chains|brakes|wheels|engines"
    r"|doors|cars|drops|keys|dishes|pipes|branches|machines)) (?!\w+ing$|\w+s$)(\w{3,})"
)
_EMPTY = frozenset({"sound", "nois", "background", "recording", "audio", "clip", "microphon"})

Phrase = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(one_line)]


class Components(BaseModel):
    """What a caption is made of, besides the label."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: tuple[Phrase, ...] = Field(description="Sounds and what makes them, short phrases: leaves rustling.")
    scenes: tuple[Phrase, ...] = Field(description="Where it is heard, short phrases: in a quiet forest.")


def component_question(caption: str, card: LabelCard, *, domain: Domain) -> Question[Components]:
    """Asks for the events and scenes of one caption, without the label."""
    system = (
        "You take captions of recordings apart. An event is a sound and what makes it; a scene is the place or the "
        f"surroundings. The recordings are {DOMAIN_TEXT[domain]}. Use the words of the caption and add nothing."
    )
    user = (
        f"Caption: {caption!r}\nLabel: {card.name!r} ({card.what}).\n"
        f"List its events and its scenes. Leave out every phrase that names the label {card.name!r} itself. "
        "Both lists may be empty."
    )
    return Question(
        name="components",
        messages=(Message("system", system), Message("user", user)),
        answer=Components,
        offline=lambda _: _taken_apart(caption, card),
    )


def _taken_apart(caption: str, card: LabelCard) -> Components:
    """By commas, conjunctions and prepositions of place."""
    events: list[str] = []
    scenes: list[str] = []
    for piece in _MARKS.split(_FILLERS.sub("", caption)):
        found = _WHERE.search(piece)
        at = found.start() if found and not _NO_SCENE.search(piece[found.start() :]) else len(piece)
        events.append(_as_phrase(_OPENING.sub("", piece[:at].strip())))
        scenes.append(_lowered(piece[at:].strip()))
    kept = [event for event in events if set(content_words(event)) - _EMPTY and len(event.split()) > 1]
    return without_label(Components(events=tuple(kept), scenes=tuple(s for s in scenes if s)), card)


def _as_phrase(event: str) -> str:
    """An event as it follows "with": "a gate rattles" is "a gate rattling", "children shout" "children shouting"."""
    lowered = _lowered(event)
    one = re.fullmatch(r"(an?) (?!few |couple |pair )([\w-]+) ([\w-]{2,}[^s\W])s", lowered)
    if one:
        verb = one[3].removesuffix("e") if re.search(r"(ss|sh|ch|x|zz)e$", one[3]) else one[3]
        return f"{one[1]} {one[2]} {gerund(verb)}"
    many = _MANY.fullmatch(lowered)
    return f"{many[1]} {gerund(many[2])}" if many else lowered


def _lowered(phrase: str) -> str:
    """A phrase as it stands within a sentence; acronyms keep their capitals."""
    is_acronym = phrase[:2].isalpha() and phrase[:2].isupper()
    return phrase if is_acronym else phrase[:1].lower() + phrase[1:]


def without_label(components: Components, card: LabelCard) -> Components:
    """The components without phrases that name the label, or that its card rules out, whatever the model answered."""
    named = set(content_words(f"{label_words(card.label)} {card.name}"))
    rules = CaptionRules(card, max_words=25)

    def kept(phrases: tuple[str, ...]) -> tuple[str, ...]:
        cleaned = (" ".join(phrase.split()).strip(" .,;") for phrase in phrases)
        return tuple(p for p in cleaned if p and not named & set(content_words(p)) and not rules.contradiction(p))

    return Components(events=kept(components.events), scenes=kept(components.scenes))


def pool_components(parts: Iterable[Components]) -> Components:
    """All events and all scenes of a label, each once, in alphabetic order, so that the order of clips is no matter."""
    found = list(parts)

    def once(phrases: Iterable[str]) -> tuple[str, ...]:
        named = {content_words(phrase): phrase for phrase in sorted(phrases, reverse=True)}
        return tuple(sorted(named.values()))

    return Components(
        events=once(phrase for part in found for phrase in part.events),
        scenes=once(phrase for part in found for phrase in part.scenes),
    )


def draw_components(pool: Components, generator: np.random.Generator, *, share: float = 0.75) -> Components:
    """A share of the events, and the same share of the scenes, without replacement; at least one of what there is."""
    return Components(events=_share_of(pool.events, generator, share), scenes=_share_of(pool.scenes, generator, share))


def _share_of(phrases: Sequence[str], generator: np.random.Generator, share: float) -> tuple[str, ...]:
    count = max(1, math.floor(share * len(phrases) + 1e-9))
    return tuple(phrases[i] for i in generator.permutation(len(phrases))[:count])
