from __future__ import annotations

from collections.abc import Callable

import pytest

from menura.captions.cards import LabelCard
from menura.captions.lexicon import lexicon
from menura.captions.scenes import Scenario
from menura.captions.templates import described, label_guided, negative_prompt, scene_text, simple_scene, sound_of
from menura.captions.words import content_words, count_words, label_words


@pytest.mark.parametrize(
    ("label", "domain", "kinds", "prompt"),
    [
        ("car_horn", "environment", {}, "car horn sound"),
        ("Rain", "environment", {}, "rain sound"),
        ("door_wood_knock", "environment", {}, "sound of a knock on a wooden door"),
        ("jazz", "music", {}, "jazz music"),
        ("street_music", "environment", {}, "street music"),
        ("traffic noise", "environment", {}, "traffic noise"),
        ("BrushingTeeth", "environment", {"BrushingTeeth": "action"}, "brushing teeth"),
        ("PlayingCello", "environment", {"PlayingCello": "action"}, "playing cello"),
        ("BasketballDunk", "environment", {"BasketballDunk": "action"}, "a basketball dunk"),
        ("Turdus merula_Eurasian Blackbird", "animal", {}, "Eurasian blackbird (Turdus merula) call"),
        ("Passer domesticus", "animal", {}, "Passer domesticus call"),
        ("yes", "speech", {}, 'a person saying "yes"'),
    ],
)
def test_the_label_guided_prompt_follows_the_kind(
    cards_of: Callable[..., dict[str, LabelCard]], label: str, domain: str, kinds: dict[str, str], prompt: str
) -> None:
    assert label_guided(cards_of([label], domain, kinds=kinds)[label]) == prompt


@pytest.mark.parametrize(
    ("label", "text"),
    [("dog", "Sound of a dog"), ("rain", "Sound of rain"), ("engine", "Sound of an engine")],
)
def test_the_text_for_judges_has_the_right_article(
    cards_of: Callable[..., dict[str, LabelCard]], label: str, text: str
) -> None:
    assert sound_of(cards_of([label])[label]) == text


def test_descriptors_follow_the_label(cards_of: Callable[..., dict[str, LabelCard]]) -> None:
    assert described(cards_of(["rain"])["rain"], ["dense", "steady"]) == "rain sound, dense, steady"


def test_a_phrase_that_the_person_corrected_is_what_is_said(cards_of: Callable[..., dict[str, LabelCard]]) -> None:
    card = cards_of(["siren"])["siren"].model_copy(update={"phrase": "an air-raid warning"})
    assert label_guided(card) == "sound of an air-raid warning"
    assert sound_of(card) == "Sound of an air-raid warning"


SCENARIO = Scenario("a dog", "in a city park", "in light rain", "with distant traffic", "far away", "field recorder")


def test_a_scene_tells_its_slots_in_the_order_of_a_sentence() -> None:
    text = scene_text(SCENARIO, slots=("place", "weather", "background", "distance", "device"), max_words=25)
    assert text == "A dog in a city park in light rain, with distant traffic, far away, field recorder"
    assert simple_scene(SCENARIO) == "A clear sound of a dog in a city park"
    assert scene_text(SCENARIO, slots=("place",), max_words=25) == simple_scene(SCENARIO)
    assert simple_scene(Scenario("rain")) == "A clear sound of rain"


@pytest.mark.parametrize("max_words", range(8, 20))
def test_a_scene_that_is_too_long_loses_its_least_important_slots(max_words: int) -> None:
    slots = ("background", "place", "device", "weather", "distance")
    text = scene_text(SCENARIO, slots=slots, max_words=max_words)
    assert count_words(text) <= max_words
    assert "with distant traffic" in text
    assert text.startswith("A dog")


def test_a_negative_prompt_never_names_what_the_label_is(
    cards_of: Callable[..., dict[str, LabelCard]], esc50: tuple[str, ...], urban: tuple[str, ...]
) -> None:
    for label, card in cards_of(tuple(dict.fromkeys([*esc50, *urban]))).items():
        quality = lexicon().negative["quality"]
        terms = [term for term in negative_prompt(card).split(", ") if term not in quality]
        own = set(content_words(f"{label_words(label)} {card.name}"))
        assert not any(own & set(content_words(term)) for term in terms), label
        assert "distortion" in negative_prompt(card)


@pytest.mark.parametrize(
    ("label", "absent", "present"),
    [
        ("laughing", "laughter", "music"), ("crying_baby", "speech", "a cat"), ("street_music", "music", "hiss"),
        ("rain", "hiss", "frying"), ("siren", "warning", "a mythical creature"),
    ],
)  # fmt: skip
def test_a_negative_prompt_knows_relatives_of_the_label(
    cards_of: Callable[..., dict[str, LabelCard]], label: str, absent: str, present: str
) -> None:
    terms = negative_prompt(cards_of([label])[label]).split(", ")
    assert absent not in terms
    assert present in terms
