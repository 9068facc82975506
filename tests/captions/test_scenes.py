from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menura.captions.cards import LabelCard
from menura.captions.lexicon import family_of, lexicon
from menura.captions.scenes import Scenario, draw_scenario, known_place
from menura.captions.words import content_words, label_words
from menura.seeding import item_generator

SLOTS = ("place", "weather", "background", "distance", "device")


def test_no_scenario_names_another_label(cards_of: Callable[..., dict[str, LabelCard]], esc50: tuple[str, ...]) -> None:
    for label, card in cards_of(esc50).items():
        others = [other for other in esc50 if other != label]
        own = set(content_words(f"{label_words(label)} {card.name}"))
        forbidden = {word for other in others for word in content_words(label_words(other))} - own
        for number in range(6):
            scenario = draw_scenario(card, item_generator(0, label, number), other_labels=others)
            told = " ".join(getattr(scenario, slot) for slot in SLOTS)
            assert not forbidden & set(content_words(told)), (label, told)


def test_behind_a_sound_there_is_no_other_of_its_kind(cards_of: Callable[..., dict[str, LabelCard]]) -> None:
    card = cards_of(["crow"])["crow"]
    told = {draw_scenario(card, item_generator(0, number)).background for number in range(80)}
    assert "with birdsong in the background" not in told
    dog = cards_of(["dog"])["dog"]
    free = {draw_scenario(dog, item_generator(0, number)).background for number in range(200)}
    watched = {draw_scenario(dog, item_generator(0, number), other_labels=["crow"]).background for number in range(200)}
    assert "with birdsong in the background" in free - watched


@settings(max_examples=40)
@given(number=st.integers(0, 10_000), label=st.sampled_from(["dog", "siren", "snoring", "airplane", "rain"]))
def test_the_slots_fit_each_other(cards_of: Callable[..., dict[str, LabelCard]], number: int, label: str) -> None:
    card = cards_of([label])[label]
    scenario = draw_scenario(card, item_generator(0, label, number))
    place = known_place(scenario.place)
    assert scenario.place in card.scenes
    assert scenario.weather in ("", *(weather.text for weather in place.weathers))
    assert scenario.background in ("", *(background.text for background in place.backgrounds))
    family = family_of(label)
    assert scenario.distance in ("", *lexicon().distances[family.distance])
    if family.is_weather:
        assert scenario.weather == ""


def test_leaving_a_slot_out_does_not_change_the_others(cards_of: Callable[..., dict[str, LabelCard]]) -> None:
    card = cards_of(["dog"])["dog"]
    for number in range(20):
        whole = draw_scenario(card, item_generator(0, number))
        part = draw_scenario(card, item_generator(0, number), slots=("place", "device"))
        assert part == Scenario(whole.foreground, place=whole.place, device=whole.device)


def test_a_place_that_the_person_added_is_used_with_little_else(cards_of: Callable[..., dict[str, LabelCard]]) -> None:
    card = cards_of(["dog"])["dog"].model_copy(update={"scenes": ("in a kennel at night",)})
    scenario = draw_scenario(card, np.random.default_rng(0))
    assert scenario.place == "in a kennel at night"
    assert scenario.weather == scenario.background == ""


def test_words_to_avoid_are_avoided(cards_of: Callable[..., dict[str, LabelCard]]) -> None:
    card = cards_of(["dog"])["dog"].model_copy(update={"avoid": ("smartphone", "street")})
    told = [draw_scenario(card, item_generator(0, number)) for number in range(100)]
    assert not any("smartphone" in one.device or "street" in one.place for one in told)


@pytest.mark.parametrize(("label", "kind_of_call"), [("Barn Owl", "hooting call"), ("House Sparrow", "alarm call")])
def test_a_species_is_heard_by_its_calls(
    cards_of: Callable[..., dict[str, LabelCard]], label: str, kind_of_call: str
) -> None:
    card = cards_of([label], "animal")[label]
    told = {draw_scenario(card, item_generator(0, number)).foreground for number in range(60)}
    assert f"the {kind_of_call} of {card.phrase}" in told
    assert len(told) >= 3
