"""What the offline grammar knows about sounds: families of labels, places, and what is heard behind them.

The words stand in ``phrases.toml`` beside this module; this module reads and searches them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from menura.captions.words import content_words, stem

__all__ = ["KINDS", "Background", "Family", "Kind", "Lexicon", "Place", "family_of", "gives_away", "lexicon"]

Kind = Literal["sound", "music", "action", "species", "speech"]
KINDS: tuple[Kind, ...] = ("sound", "music", "action", "species", "speech")


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of sound that labels belong to.

    Attributes:
        name: Key in ``phrases.toml``.
        words: Stems of the words that put a label into it.
        kind: Kind of its labels, unless the domain of the dataset says otherwise.
        what: What such a label is.
        sources: What makes it.
        is_not: What it is mistaken for, by ear or by name.
        places: Keys of the places where it is heard.
        descriptors: Words for how it sounds.
        events: What may be heard with it.
        length_s: Usual shortest and longest duration.
        is_weather: It is a weather itself, and none is told beside it.
        strict: Its words are everyday words in other kinds, and are looked for in its own kind alone.
        distance: From where it is heard: ``near``, ``far``, ``any``, or ``none`` where it is all around.
    """

    name: str
    words: frozenset[str]
    kind: Kind
    what: str
    sources: tuple[str, ...]
    is_not: tuple[str, ...]
    places: tuple[str, ...]
    descriptors: tuple[str, ...]
    events: tuple[str, ...]
    length_s: tuple[float, float]
    distance: str = "any"
    is_weather: bool = False
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Background:
    """A phrase for a weather or a background, and the stems of what it sounds like."""

    text: str
    sounds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """Ways to name a place, and what the weather and the background may be there; no weather indoors."""

    phrases: tuple[str, ...]
    weathers: tuple[Background, ...]
    backgrounds: tuple[Background, ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The whole of ``phrases.toml``."""

    phrases: Mapping[str, str]
    emotions: Mapping[str, str]
    families: Mapping[str, Family]
    places: Mapping[str, Place]
    distances: Mapping[str, tuple[str, ...]]
    devices: tuple[str, ...]
    negative: Mapping[str, tuple[str, ...]]
    calls: Mapping[str, tuple[str, ...]]
    nothing: str


@cache
def lexicon() -> Lexicon:
    """The words that ship with Menura, read once."""
    table = tomllib.loads(files("menura.captions").joinpath("phrases.toml").read_text(encoding="utf-8"))
    weathers, backgrounds = (
        {key: Background(item["text"], _stems(item["sounds"]) | frozenset(content_words(item["text"])))
         for key, item in table[name].items()}
        for name in ("weathers", "backgrounds")
    )  # fmt: skip
    places = {
        key: Place(
            tuple(item["phrases"]),
            tuple(weathers[name] for name in item["weathers"]),
            tuple(backgrounds[name] for name in item["backgrounds"]),
        )
        for key, item in table["places"].items()
    }
    return Lexicon(
        phrases=table["phrases"],
        emotions=table["emotions"],
        families={name: _family(name, item) for name, item in table["families"].items()},
        places=places,
        distances={name: tuple(values) for name, values in table["recording"]["distances"].items()},
        devices=tuple(table["recording"]["devices"]),
        negative={name: tuple(values) for name, values in table["negative"].items()},
        calls={name: tuple(values) for name, values in table["calls"].items()},
        nothing=backgrounds["nothing"].text,
    )


@cache
def family_of(words: str, kind: Kind | None = None) -> Family:
    """The family that the last known word of a label belongs to; that of the kind when no word is known.

    Args:
        words: The label in words.
        kind: Of the label, when known; music belongs to families of music alone.

    Example:
        >>> family_of("church bells").name, family_of("gun shot").name, family_of("flurble", "music").name
        ('bell', 'gun', 'any_music')
    """
    known = lexicon().families
    for word in reversed(content_words(words)):
        for family in known.values():
            if word in family.words and _may_be(family, kind):
                return family
    return known[f"any_{kind or 'sound'}"]


def _may_be(family: Family, kind: Kind | None) -> bool:
    return family.kind == kind or not (family.strict or kind == "music")


def gives_away(sounds: Iterable[str], labels: Iterable[str]) -> bool:
    """Whether stems of a phrase hold a word of one of the labels, given in words."""
    heard = frozenset(sounds)
    return any(heard & frozenset(content_words(label)) for label in labels)


def _family(name: str, item: Mapping[str, Any]) -> Family:
    low_s, high_s = item["length_s"]
    lists = {key: tuple(item[key]) for key in ("sources", "is_not", "places", "descriptors", "events")}
    return Family(
        name,
        _stems(item["words"]),
        item["kind"],
        item["what"],
        **lists,
        length_s=(low_s, high_s),
        distance=item.get("distance", "any"),
        is_weather="is_weather" in item,
        strict="strict" in item,
    )


def _stems(words: Iterable[str]) -> frozenset[str]:
    return frozenset(stem(word) for word in words)
