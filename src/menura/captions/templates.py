"""Prompts by rule: from the label alone, with descriptors, or with a scenario; and what a clip shall not contain.

Source:
    Feng, Dimitriadis, Narayanan 2024, arXiv:2406.08800: ``{label} sound``, ``{genre} music``, ``{action}``.
    Ghosh et al. 2025, arXiv:2410.02056 (Synthio): ``Sound of a {label}``.
    Ronchini, Comanducci, Antonacci 2024, arXiv:2403.17864: the label in an urban context, simple and worded richly.
"""

from __future__ import annotations

from collections.abc import Sequence

from menura.captions.cards import LabelCard
from menura.captions.lexicon import family_of, lexicon
from menura.captions.scenes import Scenario
from menura.captions.words import content_words, count_words, label_words
from menura.config import ScenarioSlot

__all__ = ["described", "label_guided", "negative_prompt", "scene_text", "simple_scene", "sound_of"]

_NOUN = {"sound": "sound", "music": "music"}
_VOICES = frozenset({"speech", "laughter", "crowd", "baby", "song"})
_VOICE_TERMS = frozenset({"speech", "singing", "laughter", "background chatter", "crowd"})


def label_guided(card: LabelCard) -> str:
    """The shortest prompt, by the kind of the label: ``car horn sound``, ``jazz music``, ``brushing teeth``."""
    words = label_words(card.label)
    if card.kind == "species":
        both = f" ({card.scientific})" if card.scientific and card.scientific != card.phrase else ""
        return f"{card.name}{both} call"
    if card.kind in ("action", "speech"):
        return card.phrase
    if not card.phrase.endswith(words):  # a person or the lexicon words it otherwise
        return f"sound of {card.phrase}" if card.kind == "sound" else _with_noun(card.name, card.kind)
    return _with_noun(words, card.kind)


def _with_noun(words: str, kind: str) -> str:
    is_said = words.split()[-1] in ("sound", "sounds", "noise", "music")
    return words if is_said else f"{words} {_NOUN[kind]}"


def sound_of(card: LabelCard) -> str:
    """``Sound of a car horn``: prompt, condition of preference learning, and text that audio-text judges compare."""
    return f"Sound of {card.phrase}"


def described(card: LabelCard, descriptors: Sequence[str]) -> str:
    """The label-guided prompt with descriptors behind it: ``rain sound, pattering, dense, steady``."""
    return ", ".join([label_guided(card), *descriptors])


def simple_scene(scenario: Scenario) -> str:
    """The simple style: a clear sound of the label, at a place."""
    return f"A clear sound of {scenario.foreground}{scenario.place and ' '}{scenario.place}"


def scene_text(scenario: Scenario, *, slots: Sequence[ScenarioSlot], max_words: int) -> str:
    """The label in its scenario as one phrase; the least important slots go first where it gets too long.

    Args:
        scenario: Drawn by :func:`menura.captions.scenes.draw_scenario`.
        slots: What is told, most important first. A place alone gives the simple style.
        max_words: Most words of the phrase; the label itself is never cut.
    """
    told = [name for name in slots if getattr(scenario, name)]
    if set(slots) <= {"place"}:
        return simple_scene(scenario)
    text = _phrase(scenario, told)
    while count_words(text) > max_words and told:
        told = told[:-1]
        text = _phrase(scenario, told)
    return text


def _phrase(scenario: Scenario, told: Sequence[ScenarioSlot]) -> str:
    """``A car horn at a crossing on a still night, with distant traffic in the background, smartphone recording``."""
    head = " ".join([scenario.foreground, *(getattr(scenario, name) for name in ("place", "weather") if name in told)])
    parts = [head, *(getattr(scenario, name) for name in ("background", "distance", "device") if name in told)]
    text = ", ".join(part for part in parts if part)
    return text[:1].upper() + text[1:]


def negative_prompt(card: LabelCard) -> str:
    """What a clip of the label shall not contain: what it is mistaken for, and what spoils a recording of its kind.

    Nothing in it names what the label is: "singing" is not excluded from street music, nor hiss from rain.
    """
    words = f"{label_words(card.label)} {card.name}"
    family = family_of(label_words(card.label), card.kind)
    taken = set(content_words(f"{words} {' '.join(family.descriptors)}"))
    terms = [*card.is_not, *lexicon().negative[card.kind]]
    quality = lexicon().negative["quality"]
    kept = [
        term
        for term in terms
        if not taken & set(content_words(term))
        and not (term in _VOICE_TERMS and family.name in _VOICES)
        and (family.name.startswith("any_") or family_of(term).name != family.name)
    ]
    return ", ".join(dict.fromkeys([*kept, *quality]))
