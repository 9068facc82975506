from __future__ import annotations

import pytest

from menura.captions.descriptors import moods
from menura.captions.lexicon import family_of, gives_away, lexicon
from menura.captions.words import content_words, label_words


def test_every_label_of_both_datasets_has_a_family(esc50: tuple[str, ...], urban: tuple[str, ...]) -> None:
    strangers = [label for label in (*esc50, *urban) if family_of(label_words(label)).name.startswith("any_")]
    assert strangers == []


@pytest.mark.parametrize(
    ("words", "name"),
    [("church bells", "bell"), ("gun shot", "gun"), ("car horn", "horn"), ("fog horn", "horn"), ("sea waves", "sea")],
)
def test_the_last_known_word_decides(words: str, name: str) -> None:
    assert family_of(words).name == name


def test_genres_are_genres_among_music_alone() -> None:
    assert family_of("rock", "music").name == "genre"
    assert family_of("balloon pop", "sound").name != "genre"
    assert family_of("dog", "music").name == "any_music"
    assert family_of("street music", "sound").name == "song"


def test_every_family_has_enough_to_say_and_known_places() -> None:
    for family in lexicon().families.values():
        assert len(set(map(content_words, family.descriptors))) >= 12, family.name
        assert len(family.events) >= 4, family.name
        assert set(family.places) <= set(lexicon().places), family.name
        assert not any(moods(word) for word in family.descriptors), family.name
        assert family.distance in lexicon().distances, family.name


def test_a_place_indoors_has_no_weather() -> None:
    for key in ("bathroom", "home", "office", "church", "studio"):
        assert lexicon().places[key].weathers == ()
    assert lexicon().places["woods"].weathers


def test_a_background_gives_away_what_it_sounds_like() -> None:
    background = next(one for one in lexicon().places["street"].backgrounds if "traffic" in one.text)
    assert gives_away(background.sounds, ["car"])
    assert gives_away(background.sounds, ["idling engines"])
    assert not gives_away(background.sounds, ["church bells"])
