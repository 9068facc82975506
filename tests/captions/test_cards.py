from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from menura.captions.cards import LabelCard, card_question, plain_phrase, prepare_cards, read_cards
from menura.captions.editable import toml_entry
from menura.captions.words import content_words, count_words
from menura.errors import BackendError, ConfigError

COMPLETE = {
    "phrase": "a siren", "kind": "sound", "what": "a warning signal", "is_not": ["a mermaid"],
    "sources": ["a police car"], "scenes": ["on a busy street"], "avoid": ["mermaid"], "shortest_s": 1.0,
    "longest_s": 9.0,
}  # fmt: skip


def test_every_label_of_esc50_gets_a_whole_card(
    cards_of: Callable[..., dict[str, LabelCard]], esc50: tuple[str, ...]
) -> None:
    cards = cards_of(esc50)
    assert list(cards) == list(esc50)
    for card in cards.values():
        assert card.what
        assert len(card.scenes) >= 3
        assert len(card.sources) >= 2
        assert 0 < card.shortest_s < card.longest_s
    assert cards["siren"].what == "the warning signal of an emergency vehicle"
    assert "a mythical creature" in cards["siren"].is_not


def test_a_card_does_not_depend_on_the_other_labels(cards_of: Callable[..., dict[str, LabelCard]]) -> None:
    assert cards_of(["rain", "siren"])["siren"] == cards_of(["siren"])["siren"]


def test_cards_are_written_once_and_read_back_alike(tmp_path: Path, offline: Any) -> None:
    path = tmp_path / "cards.toml"
    labels = ["siren", "rain", 'odd "label" [x]', "Turdus merula_Eurasian Blackbird"]
    made = prepare_cards(labels, model=offline, domain="animal", seed=0, path=path)
    first = path.read_bytes()
    asked = len(offline.asked)
    again = prepare_cards(labels, model=offline, domain="animal", seed=0, path=path)
    assert made == again == read_cards(path, labels)
    assert path.read_bytes() == first
    assert len(offline.asked) == asked, "a complete card is not asked for again"


def test_a_correction_outlives_every_later_draft(tmp_path: Path, offline: Any) -> None:
    path = tmp_path / "cards.toml"
    prepare_cards(["siren"], model=offline, domain="environment", seed=0, path=path)
    corrected = path.read_text().replace("an emergency vehicle", "a factory") + "# checked by me\n"
    path.write_text(corrected)
    cards = prepare_cards(["siren", "rain"], model=offline, domain="environment", seed=1, path=path)
    assert cards["siren"].what == "the warning signal of a factory"
    assert path.read_text().startswith(corrected)
    assert "[rain]" in path.read_text()


def test_a_part_of_a_card_is_filled_up_around_what_a_person_wrote(tmp_path: Path, offline: Any) -> None:
    path = tmp_path / "cards.toml"
    path.write_text('[siren]\nis_not = ["an alarm clock"]\n')
    card = prepare_cards(["siren"], model=offline, domain="environment", seed=0, path=path)["siren"]
    assert card.is_not == ("an alarm clock",)
    assert card.phrase == "a siren"
    assert path.read_text() == '[siren]\nis_not = ["an alarm clock"]\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[siren]\nphrase = "a siren"\n', r"card of 'siren': kind: Field required"),
        ('[sirene]\nphrase = "a siren"\n', "Did you mean 'siren'"),
        ('siren = "loud"\n', r"expected a table \[siren\]"),
        ("[siren]\nphrase = 3\n", "phrase: Input should be a valid string"),
        ('[siren]\ncolour = "red"\n', "colour: Extra inputs are not permitted"),
        ('[siren]\nkind = "mood"\n', "kind: Input should be 'sound', 'music'"),
    ],
)
def test_a_wrong_card_is_refused_with_the_field(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "cards.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        read_cards(path, ["siren", "rain"])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"shortest_s": 20.0}, "shortest_s is 20.0, more than longest_s 9.0"),
        ({"avoid": ["sirens"]}, "avoid names 'sirens', which the phrase 'a siren' itself uses"),
        ({"phrase": "a " * 12}, "phrase has 12 words, expected at most 10"),
    ],
)
def test_an_impossible_answer_says_what_to_repair(
    scripted: Callable[..., Any], change: dict[str, Any], problem: str
) -> None:
    question = card_question("siren", domain="environment")
    with pytest.raises(BackendError, match=problem):
        scripted(COMPLETE | change).answer(question, seed=0)


def test_the_instruction_says_in_what_sense_the_label_is_meant(scripted: Callable[..., Any]) -> None:
    model = scripted(COMPLETE)
    prepare_cards(["siren"], model=model, domain="environment", seed=0)
    assert "environmental sounds" in model.instructions[0]
    assert "never of anything else that the word may mean" in model.instructions[0]


def test_a_species_keeps_both_names(cards_of: Callable[..., dict[str, LabelCard]]) -> None:
    card = cards_of(["Turdus merula_Eurasian Blackbird"], "animal")["Turdus merula_Eurasian Blackbird"]
    assert (card.kind, card.phrase, card.scientific) == ("species", "a Eurasian blackbird", "Turdus merula")
    assert card.name == "Eurasian blackbird"


@pytest.mark.parametrize(
    ("label", "phrase"),
    [("yes", 'a person saying "yes"'), ("sadness", "a person speaking in a sad voice"), ("whisper", "a whisper")],
)
def test_labels_of_speech_are_words_emotions_or_voices(label: str, phrase: str) -> None:
    assert plain_phrase(label, "speech") == phrase


def test_a_label_without_a_word_is_refused_unless_a_person_wrote_its_card(tmp_path: Path, offline: Any) -> None:
    with pytest.raises(ConfigError, match="label '!!' has no word"):
        prepare_cards(["!!"], model=offline, domain="environment", seed=0)
    path = tmp_path / "cards.toml"
    whole = [toml_entry(name, value) for name, value in COMPLETE.items()]
    path.write_text("\n".join(['["!!"]', *whole]))
    assert prepare_cards(["!!"], model=offline, domain="environment", seed=0, path=path)["!!"].phrase == "a siren"


def test_no_card_rules_out_its_own_label(cards_of: Callable[..., dict[str, LabelCard]], urban: tuple[str, ...]) -> None:
    for card in cards_of(urban).values():
        own = set(content_words(card.phrase))
        assert not any(own & set(content_words(other)) for other in card.is_not)
        assert count_words(card.phrase) <= 10
