from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from menura.captions.words import (
    article,
    content_words,
    count_words,
    holds_phrase,
    is_plural,
    joined,
    label_words,
    plural,
    singular,
    with_article,
)

ESC50_SENTENCE_FORMS = {
    "dog": "a dog", "rooster": "a rooster", "pig": "a pig", "cow": "a cow", "frog": "a frog", "cat": "a cat",
    "hen": "a hen", "insects": "insects", "sheep": "a sheep", "crow": "a crow", "rain": "rain",
    "sea_waves": "sea waves", "crackling_fire": "a crackling fire", "crickets": "crickets",
    "chirping_birds": "chirping birds", "water_drops": "water drops", "wind": "wind",
    "pouring_water": "pouring water", "toilet_flush": "a toilet flush", "thunderstorm": "a thunderstorm",
    "crying_baby": "a crying baby", "sneezing": "sneezing", "clapping": "clapping", "breathing": "breathing",
    "coughing": "coughing", "footsteps": "footsteps", "laughing": "laughing", "brushing_teeth": "brushing teeth",
    "snoring": "snoring", "drinking_sipping": "drinking sipping", "door_wood_knock": "a door wood knock",
    "mouse_click": "a mouse click", "keyboard_typing": "keyboard typing", "door_wood_creaks": "door wood creaks",
    "can_opening": "a can opening", "washing_machine": "a washing machine", "vacuum_cleaner": "a vacuum cleaner",
    "clock_alarm": "a clock alarm", "clock_tick": "a clock tick", "glass_breaking": "glass breaking",
    "helicopter": "a helicopter", "chainsaw": "a chainsaw", "siren": "a siren", "car_horn": "a car horn",
    "engine": "an engine", "train": "a train", "church_bells": "church bells", "airplane": "an airplane",
    "fireworks": "fireworks", "hand_saw": "a hand saw",
}  # fmt: skip
URBAN_SENTENCE_FORMS = {
    "air_conditioner": "an air conditioner", "car_horn": "a car horn", "children_playing": "children playing",
    "dog_bark": "a dog bark", "drilling": "drilling", "engine_idling": "an engine idling", "gun_shot": "a gun shot",
    "jackhammer": "a jackhammer", "siren": "a siren", "street_music": "street music",
}  # fmt: skip


def test_the_forms_below_are_all_labels_of_both_datasets(esc50: tuple[str, ...], urban: tuple[str, ...]) -> None:
    assert set(ESC50_SENTENCE_FORMS) == set(esc50)
    assert len(esc50) == 50
    assert set(URBAN_SENTENCE_FORMS) == set(urban)


@pytest.mark.parametrize(("label", "form"), [*ESC50_SENTENCE_FORMS.items(), *URBAN_SENTENCE_FORMS.items()])
def test_a_published_label_reads_well_in_a_sentence(label: str, form: str) -> None:
    assert with_article(label_words(label)) == form


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("car_horn", "car horn"), ("DogBark", "dog bark"), ("door, wood creaks", "door wood creaks"),
        ("Train/Subway", "train or subway"), ("TVNoise", "TV noise"), ("tv_noise", "TV noise"),
        ("DOG_BARK", "dog bark"), ("MRI_scanner", "MRI scanner"), ("snare2", "snare 2"), ("808Kick", "808 kick"),
        ("mp3", "mp 3"), ("A320", "A320"), ("European_robin", "European robin"), ("Blue Jay", "blue jay"),
        ("hi-hat", "hi-hat"), ("PlayingCello", "playing cello"), ("  rain  ", "rain"), ("", ""),
    ],
)  # fmt: skip
def test_a_label_falls_into_its_words(label: str, words: str) -> None:
    assert label_words(label) == words


@given(words=st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True), min_size=1, max_size=4))
def test_every_way_to_write_a_label_gives_the_same_words(words: list[str]) -> None:
    plain = " ".join(words)
    ways = [plain, "_".join(words), "".join(word.capitalize() for word in words), plain.title()]
    assert {label_words(way).lower() for way in ways} == {label_words(plain).lower()}


@given(label=st.text(max_size=40))
def test_words_of_words_are_the_words(label: str) -> None:
    words = label_words(label)
    assert "_" not in words
    assert words == " ".join(words.split())


@pytest.mark.parametrize(
    "phrase",
    [
        "an hour", "an honest word", "a university", "an umbrella", "a unicorn", "a European robin", "an MRI scanner",
        "a UFO", "an owl", "a one-way street", "an 8-bit sound", "an 18th shot", "a 10th shot", "an FM radio", "a TV",
        "an unusual sound", "a ukulele", "an eagle", "a ewe", "an uninvited guest", "a union", "a hoof", "an heiress",
    ],
)  # fmt: skip
def test_the_article_follows_how_the_first_word_is_spoken(phrase: str) -> None:
    wanted, rest = phrase.split(" ", 1)
    assert article(rest) == wanted


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("bell", "bells"), ("bus", "buses"), ("baby", "babies"), ("day", "days"), ("mouse", "mice"), ("tooth", "teeth"),
        ("brush", "brushes"), ("church bell", "church bells"), ("knock on a door", "knocks on a door"), ("emu", "emus"),
        ("sheep", "sheep"), ("rain", "rain"), ("snoring", "snoring"), ("box", "boxes"), ("footsteps", "footsteps"),
    ],
)  # fmt: skip
def test_plurals_are_formed_as_they_are_spelt(one: str, many: str) -> None:
    assert plural(one) == many


# Words that end in i or u are left out: "emus" and "skis" look like singulars as "bus" and "iris" do.
@given(word=st.from_regex(r"[a-z]{2,7}[a-hj-tv-z]", fullmatch=True).filter(lambda word: not is_plural(word)))
def test_a_plural_of_a_plural_is_itself(word: str) -> None:
    assert plural(plural(word)) == plural(word)


@given(word=st.from_regex(r"[bcdfglmnprt][aeiou][bdglmnprt]{1,2}", fullmatch=True))
def test_the_singular_of_a_plural_is_the_word(word: str) -> None:
    assume(word != "len")  # a lens is a singular
    assume(not is_plural(word))  # "men" has a singular of its own
    assert singular(plural(word)) == word


def test_mass_nouns_and_acts_take_no_article_but_their_holders_do() -> None:
    assert with_article("applause") == "applause"
    assert with_article("hand clapping") == "hand clapping"
    assert with_article("string quartet") == "a string quartet"
    assert with_article("the sea") == "the sea"
    assert with_article("knock on doors") == "a knock on doors"


def test_a_phrase_is_found_in_any_inflection_but_not_in_other_words() -> None:
    assert holds_phrase("Two dogs barking at a gate", "dog bark")
    assert holds_phrase("someone knocks on the wooden door", "a knock on a wooden door")
    assert not holds_phrase("carpet and hornets", "car horn")
    assert not holds_phrase("the horn of a car", "car horn")
    assert not holds_phrase("anything", "")


@given(text=st.text(max_size=80))
def test_counting_and_stemming_never_fail(text: str) -> None:
    assert count_words(text) >= 0
    assert all(word and not re.search(r"\s", word) for word in content_words(text))


def test_parts_are_joined_as_in_a_sentence() -> None:
    assert joined(["a"]) == "a"
    assert joined(["a", "b"]) == "a and b"
    assert joined(("a", "b", "c")) == "a, b and c"
