from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from menura.captions.cards import LabelCard
from menura.captions.plain import label_captions_question, multi_label_question, rewrite_question
from menura.captions.rules import CaptionRules, says_label
from menura.captions.words import count_words, holds_phrase
from menura.config import PromptSettings
from menura.errors import BackendError, ConfigError

SETTINGS = PromptSettings()
LABELS = ("rain", "dog", "car_horn", "siren", "church_bells")


def test_captions_from_the_label_alone_keep_to_the_rules(
    cards_of: Callable[..., dict[str, LabelCard]], offline: Any, esc50: tuple[str, ...]
) -> None:
    for card in cards_of(esc50).values():
        answer = offline.answer(label_captions_question(card, domain="environment", settings=SETTINGS), seed=0)
        assert len(set(answer.captions)) == 5
        assert not any(CaptionRules(card, 25).problem(caption) for caption in answer.captions)


def test_a_rewrite_keeps_something_of_the_caption_and_adds_something(
    cards_of: Callable[..., dict[str, LabelCard]], offline: Any
) -> None:
    card = cards_of(["dog"])["dog"]
    question = rewrite_question(
        "A dog barks in a tunnel while a chain clinks", card, domain="environment", settings=SETTINGS
    )
    told = " ".join(offline.answer(question, seed=0).captions)
    assert holds_phrase(told, "tunnel") or holds_phrase(told, "chain clinking")
    assert "A dog barks in a tunnel" in question.messages[1].text


def test_captions_of_several_labels_name_two_to_four_of_them(
    cards_of: Callable[..., dict[str, LabelCard]], offline: Any
) -> None:
    cards = cards_of(LABELS)
    question = multi_label_question(list(cards.values()), domain="environment", settings=SETTINGS)
    counts = set()
    for seed in range(6):
        for item in offline.answer(question, seed=seed).captions:
            counts.add(len(item.labels))
            assert all(says_label(item.caption, cards[label]) for label in item.labels)
            assert count_words(item.caption) <= 25
    assert counts == {2, 3, 4}


@pytest.mark.parametrize(
    ("caption", "labels", "problem"),
    [
        ("Rain and thunder", ["rain", "thunder"], "'thunder' is none of the labels"),
        ("Rain", ["rain"], "expected 2 to 4 distinct ones"),
        ("Rain on a street", ["rain", "dog"], "does not hold 'a dog'; put it in"),
        ("Rain, a dog " + "far away " * 12, ["rain", "dog"], "more than 25 words"),
    ],
)
def test_a_wrong_caption_of_several_labels_is_sent_back(
    cards_of: Callable[..., dict[str, LabelCard]],
    scripted: Callable[..., Any],
    caption: str,
    labels: list[str],
    problem: str,
) -> None:
    question = multi_label_question(
        list(cards_of(LABELS).values()),
        domain="environment",
        settings=SETTINGS.model_copy(update={"captions_per_clip": 1}),
    )
    with pytest.raises(BackendError, match=problem):
        scripted({"captions": [{"caption": caption, "labels": labels}]}).answer(question, seed=0)


def test_one_label_is_too_few(cards_of: Callable[..., dict[str, LabelCard]]) -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        multi_label_question(list(cards_of(["rain"]).values()), domain="environment", settings=SETTINGS)
