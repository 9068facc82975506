from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from menura.captions.cards import LabelCard
from menura.captions.descriptors import (
    descriptor_question,
    draw_descriptors,
    moods,
    prepare_descriptors,
)
from menura.captions.words import content_words
from menura.errors import BackendError, ConfigError
from menura.seeding import item_generator

GOOD = ("loud", "rising", "tonal", "shrill", "sharp", "long", "pulsed", "bright", "nasal", "steady")


def test_every_list_holds_ten_acoustic_words(
    cards_of: Callable[..., dict[str, LabelCard]], esc50: tuple[str, ...], offline: Any
) -> None:
    cards = cards_of(esc50)
    lists = prepare_descriptors(cards, model=offline, domain="environment", seed=0)
    for label, words in lists.items():
        assert len({content_words(word) for word in words}) == 10, label
        assert not any(moods(word) for word in words), label
        assert not any(set(content_words(label.replace("_", " "))) & set(content_words(word)) for word in words), label


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((*GOOD[:9], "bewitching"), "'bewitching' is a mood"),
        ((*GOOD[:9], "soothingly calm"), "'soothingly calm' is a mood"),
        ((*GOOD[:9], "sirens"), "'sirens' repeats the label"),
        ((*GOOD[:9], "louder than all"), "has 3 words"),
        ((*GOOD[:9], "Loud."), "'loud' is there twice"),
        (GOOD[:9], "at least 10 items"),
        ((*GOOD, "low"), "at most 10 items"),
    ],
)
def test_a_wrong_list_is_sent_back_with_the_word(
    cards_of: Callable[..., dict[str, LabelCard]], scripted: Callable[..., Any], words: tuple[str, ...], problem: str
) -> None:
    question = descriptor_question(cards_of(["siren"])["siren"], domain="environment")
    with pytest.raises(BackendError, match=problem):
        scripted({"words": words}).answer(question, seed=0)


def test_a_good_list_is_taken_as_it_is(
    cards_of: Callable[..., dict[str, LabelCard]], scripted: Callable[..., Any]
) -> None:
    model = scripted({"words": GOOD})
    lists = prepare_descriptors(cards_of(["siren"]), model=model, domain="environment", seed=0)
    assert lists == {"siren": GOOD}
    assert "emergency vehicle" in model.instructions[0]
    assert "not a mythical creature" in model.instructions[0]


def test_lists_are_kept_in_a_file_and_a_persons_words_stay(
    tmp_path: Path, cards_of: Callable[..., dict[str, LabelCard]], offline: Any
) -> None:
    path = tmp_path / "descriptors.toml"
    path.write_text('siren = ["calm"]  # mine\n')
    cards = cards_of(["siren", "rain"])
    lists = prepare_descriptors(cards, model=offline, domain="environment", seed=0, path=path)
    assert lists["siren"] == ("calm",)
    assert len(lists["rain"]) == 10
    assert offline.asked == ["descriptors"]
    before = path.read_bytes()
    assert prepare_descriptors(cards, model=offline, domain="environment", seed=5, path=path) == lists
    assert path.read_bytes() == before
    assert before.startswith(b'siren = ["calm"]  # mine\n')


@pytest.mark.parametrize("text", ['siren = "loud"', "siren = []", "siren = [1]", 'siren = ["  "]'])
def test_a_file_that_holds_no_words_is_refused(
    tmp_path: Path, cards_of: Callable[..., dict[str, LabelCard]], offline: Any, text: str
) -> None:
    path = tmp_path / "descriptors.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="expected a list of words"):
        prepare_descriptors(cards_of(["siren"]), model=offline, domain="environment", seed=0, path=path)


def test_words_are_drawn_without_replacement_and_all_in_the_long_run() -> None:
    drawn = [draw_descriptors(GOOD, 3, item_generator(0, "siren", i)) for i in range(60)]
    assert all(len(set(words)) == 3 for words in drawn)
    assert {word for words in drawn for word in words} == set(GOOD)
    assert len(set(drawn)) > 50
    assert sorted(draw_descriptors(GOOD, 99, np.random.default_rng(0))) == sorted(GOOD)
