"""Scenarios: where a sound is heard, in what weather, over what, from how far, and with what it is recorded.

The slots fit each other (no fog in a bathroom), and none of them names another label of the dataset: a prompt for
rain that puts birdsong behind it makes a clip of two labels and is filed under one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from menura.captions.cards import LabelCard, without_conflicts
from menura.captions.lexicon import Background, Place, family_of, gives_away, lexicon
from menura.captions.words import content_words, label_words
from menura.config import ScenarioSlot

__all__ = ["Scenario", "draw_scenario", "foreground", "known_place"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is told of a recording; an empty slot is left out.

    Attributes:
        foreground: The label itself, as a phrase; for a species one of its calls.
        place: ``in a quiet forest``.
        weather: ``in light rain``; never indoors.
        background: ``with distant traffic in the background``.
        distance: ``heard from some distance``.
        device: ``smartphone recording``.
    """

    foreground: str
    place: str = ""
    weather: str = ""
    background: str = ""
    distance: str = ""
    device: str = ""

    def facts(self) -> dict[str, str]:
        """The slots that are filled."""
        return {name: text for name, text in asdict(self).items() if text}


def draw_scenario(
    card: LabelCard,
    generator: np.random.Generator,
    *,
    other_labels: Sequence[str] = (),
    slots: Sequence[ScenarioSlot] = ("place", "weather", "background", "distance", "device"),
) -> Scenario:
    """A scenario of one clip.

    Every slot is drawn whether it is asked for or not, so that leaving one out does not change the others.

    Args:
        card: Of the label; its scenes are the places.
        generator: Random state of this item alone.
        other_labels: The other labels of the dataset, as published.
        slots: What may be told.
    """
    own = f"{label_words(card.label)} {card.name}"
    family = family_of(label_words(card.label), card.kind)
    others = [_besides(label, own) for label in other_labels]
    place = _choice(without_conflicts(card.scenes, [*others, *card.avoid]), generator)
    known = known_place(place)
    taken = [own, *others, *card.avoid, *(" ".join(_relatives(label)) for label in (card.label, *other_labels))]
    weather = _choice(() if family.is_weather else _texts(known.weathers, taken), generator)
    background = _choice(_texts(known.backgrounds, taken), generator)
    drawn = {
        "place": place,
        "weather": weather,
        "background": background,
        "distance": _choice(without_conflicts(lexicon().distances[family.distance], taken), generator),
        "device": _choice(without_conflicts(lexicon().devices, taken), generator),
    }
    return Scenario(foreground(card, generator), **{name: text for name, text in drawn.items() if name in slots})


def foreground(card: LabelCard, generator: np.random.Generator) -> str:
    """The label as it reads in a sentence; of a species, one kind of its calls and both of its names."""
    if card.kind != "species":
        return card.phrase
    calls = lexicon().calls
    known = next((calls[word] for word in content_words(card.name) if word in calls), calls["other"])
    call = _choice(known, generator)
    scientific = f" ({card.scientific})" if card.scientific and card.scientific != card.phrase else ""
    return f"the {call} of {card.phrase}{scientific}"


def known_place(phrase: str) -> Place:
    """What may be heard at a place that a card names; little is said of one that the lexicon does not know."""
    for place in lexicon().places.values():
        if phrase in place.phrases:
            return place
    return Place((phrase,), (), ())


def _besides(label: str, own: str) -> str:
    """The words of another label that the own one does not have: "car" may be said of a car horn beside "engine"."""
    return " ".join(word for word in content_words(label_words(label)) if word not in content_words(own))


def _relatives(label: str) -> frozenset[str]:
    """Words for the same kind of sound: behind a crow there is no birdsong."""
    return family_of(label_words(label)).words


def _texts(choices: Sequence[Background], taken: Sequence[str]) -> tuple[str, ...]:
    return tuple(choice.text for choice in choices if not gives_away(choice.sounds, taken))


def _choice(texts: Sequence[str], generator: np.random.Generator) -> str:
    """One of the texts; empty when there is none. Draws once in any case."""
    share = generator.random()
    return texts[int(share * len(texts))] if texts else ""
