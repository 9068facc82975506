"""Compositional diversity: an effective number of different sets of events and scenes."""

from __future__ import annotations

import pytest

from menura.captions.composition import composition
from menura.errors import ConfigError


def test_equal_captions_are_worth_one_and_different_ones_as_many_as_they_are() -> None:
    park, street = "A dog barks in a park", "A dog barks, children shouting on a street"
    assert composition([park] * 5, ["dog"] * 5).effective_combinations == pytest.approx(1.0)
    both = composition([park, street], ["dog"] * 2)
    assert (both.effective_combinations, both.combinations) == (pytest.approx(2.0), 2)
    assert both.share_of_texts == pytest.approx(1.0)


def test_order_inflection_and_the_label_itself_do_not_count() -> None:
    said = ["A dog barks, children shouting, in a park", "In a park, children shouting, a dog barking"]
    assert composition(said, ["dog"] * 2).combinations == 1


def test_known_parts_put_together_anew_are_another_combination() -> None:
    texts = [
        "A dog barks, children shouting, in a park",
        "A dog barks, leaves rustling, on a street",
        "A dog barks, children shouting, on a street",
        "A dog barks, leaves rustling, in a park",
    ]
    found = composition(texts, ["dog"] * 4)
    assert (found.components, found.combinations) == (4, 4)
    assert found.per_text == 2.0
    assert found.effective_combinations == pytest.approx(4.0)


def test_a_frequent_combination_counts_for_less_than_an_even_mix() -> None:
    park, street = "A dog barks in a park", "A dog barks on a street"
    uneven = composition([park] * 9 + [street], ["dog"] * 10)
    even = composition([park] * 5 + [street] * 5, ["dog"] * 10)
    assert 1 < uneven.effective_combinations < even.effective_combinations == pytest.approx(2.0)


def test_every_caption_needs_a_label() -> None:
    with pytest.raises(ConfigError, match="1 captions and 0 labels"):
        composition(["rain"], [])
