from __future__ import annotations

from collections.abc import Callable

import pytest

from menura.captions.cards import LabelCard
from menura.captions.rules import CaptionRules, says_label


@pytest.fixture
def rules(cards_of: Callable[..., dict[str, LabelCard]]) -> CaptionRules:
    card = cards_of(["car_horn"])["car_horn"].model_copy(update={"avoid": ("french horn",)})
    return CaptionRules(card, max_words=12)


@pytest.mark.parametrize(
    ("caption", "problem"),
    [
        ("A car horn on a street", ""),
        ("Two car horns answer each other at a crossing", ""),
        ("A street without people, and a car horn", ""),
        ("A street at night", "does not hold the phrase 'a car horn'; put it in"),
        ("A horn of a car on a street", "does not hold the phrase"),
        ("A car horn " + "and a bus " * 5, "has 18 words, expected at most 12; shorten it"),
        ("A street without a car horn", "denies that 'car horn' is heard"),
        ("A siren and a car horn", "names 'a siren', which 'car horn' is not"),
        ("A car horn and a French horn", "uses 'french horn', which the card of the label excludes"),
        ("Hm", "is too short"),
    ],
)
def test_a_caption_is_judged_with_what_to_do(rules: CaptionRules, caption: str, problem: str) -> None:
    found = rules.problem(caption)
    assert problem in found
    assert bool(found) == bool(problem)


def test_the_published_name_counts_as_the_label(cards_of: Callable[..., dict[str, LabelCard]]) -> None:
    card = cards_of(["door_wood_knock"])["door_wood_knock"]
    assert says_label("Someone knocking on a wooden door", card)
    assert says_label("A door wood knock in a hall", card)
    assert not says_label("Wood is knocked in a hall", card)
