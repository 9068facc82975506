from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from menura.captions.cards import LabelCard
from menura.captions.components import Components
from menura.captions.revision import RejectedClip, revision_question
from menura.captions.rules import CaptionRules
from menura.captions.words import holds_phrase
from menura.config import PromptSettings
from menura.errors import BackendError

REJECTED = "A dog in a park, with a gate rattling"
WORKED = Components(events=("a gate rattling", "chains clinking"), scenes=("in a park", "in a tunnel"))
SETTINGS = PromptSettings()


def test_a_rejected_caption_is_rewritten_from_other_components_that_worked(
    cards_of: Callable[..., dict[str, LabelCard]], offline: Any
) -> None:
    card = cards_of(["dog"])["dog"]
    question = revision_question(
        RejectedClip(REJECTED, reason="no dog"), card, WORKED, domain="environment", settings=SETTINGS
    )
    for seed in range(5):
        caption = offline.answer(question, seed=seed).caption
        assert caption is not None
        assert not CaptionRules(card, 25).problem(caption)
        assert not holds_phrase(caption, "gate")
        assert holds_phrase(caption, "in a tunnel")
    assert "no dog" in question.messages[1].text
    assert "chains clinking" in question.messages[1].text


@pytest.mark.parametrize(
    "worked", [Components(events=(), scenes=()), Components(events=("a gate rattling",), scenes=("in a park",))]
)
def test_without_other_components_the_caption_stays(
    cards_of: Callable[..., dict[str, LabelCard]], offline: Any, worked: Components
) -> None:
    question = revision_question(
        RejectedClip(REJECTED), cards_of(["dog"])["dog"], worked, domain="environment", settings=SETTINGS
    )
    assert offline.answer(question, seed=0).caption is None


@pytest.mark.parametrize("answer", [None, "None", " null ", ""])
def test_none_may_be_said_in_words(
    cards_of: Callable[..., dict[str, LabelCard]], scripted: Callable[..., Any], answer: str | None
) -> None:
    question = revision_question(
        RejectedClip(REJECTED), cards_of(["dog"])["dog"], WORKED, domain="environment", settings=SETTINGS
    )
    assert scripted({"caption": answer}).answer(question, seed=0).caption is None


@pytest.mark.parametrize(
    ("caption", "problem"),
    [
        ("In a park a dog, a gate rattles", "says the same as the rejected caption"),
        ("A cat in a tunnel", "does not hold the phrase 'a dog'"),
    ],
)
def test_a_wrong_revision_is_sent_back(
    cards_of: Callable[..., dict[str, LabelCard]], scripted: Callable[..., Any], caption: str, problem: str
) -> None:
    question = revision_question(
        RejectedClip(REJECTED), cards_of(["dog"])["dog"], WORKED, domain="environment", settings=SETTINGS
    )
    with pytest.raises(BackendError, match=problem):
        scripted({"caption": caption}).answer(question, seed=0)


def test_the_question_tells_all_that_is_known_against_the_clip(cards_of: Callable[..., dict[str, LabelCard]]) -> None:
    clip = RejectedClip(
        REJECTED, score=0.123, threshold=0.456, wrong_label="rain", heard="A steady hiss", reason="label: too low"
    )
    card = cards_of(["dog"])["dog"]
    told = revision_question(clip, card, WORKED, domain="environment", settings=SETTINGS).messages[1].text
    for said in (REJECTED, "Why: label: too low.", "Score: 0.12, 0.46 expected.", "'rain'", "'A steady hiss'"):
        assert said in told
    bare = revision_question(RejectedClip(REJECTED), card, WORKED, domain="environment", settings=SETTINGS)
    assert not [
        said for said in ("Why:", "Score:", "heard most like", "a listener heard") if said in bare.messages[1].text
    ]


def test_what_sounds_like_the_wrong_label_is_not_proposed(
    cards_of: Callable[..., dict[str, LabelCard]], offline: Any
) -> None:
    worked = Components(events=("bells ringing", "chains clinking"), scenes=("in a tunnel",))
    card = cards_of(["dog"])["dog"]

    def proposed(wrong: str) -> str:
        clip = RejectedClip(REJECTED, wrong_label=wrong)
        question = revision_question(clip, card, worked, domain="environment", settings=SETTINGS)
        return " ".join(offline.answer(question, seed=seed).caption for seed in range(12))

    assert "bells" in proposed("")
    assert "bells" not in proposed("church bell")
    assert "chains" in proposed("church bell")
