from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menura.captions.cards import LabelCard
from menura.captions.components import Components
from menura.captions.lexicon import family_of
from menura.captions.mixcap import mix_captions, mixcap_question
from menura.captions.rules import CaptionRules
from menura.captions.similarity import distinct_captions, overlap
from menura.captions.words import holds_phrase, label_words
from menura.config import PromptSettings
from menura.errors import BackendError

REAL = {
    "clip1": "A dog barks twice in a park while children shout, with wind in the trees",
    "clip2": "Loud barking, a gate rattles, then a man speaks in a yard",
    "clip3": "Dog barking and birds chirping on a farm",
    "clip4": "A dog growls beside a fence, chains clink",
}
SETTINGS = PromptSettings(style="mixcap")
FOUR = tuple(f"A dog in a {place}" for place in ("park", "yard", "car", "field"))


def test_every_label_of_esc50_gets_captions_that_keep_to_the_rules(
    cards_of: Callable[..., dict[str, LabelCard]], esc50: tuple[str, ...], offline: Any
) -> None:
    for label, card in cards_of(esc50).items():
        pool = Components(events=("a chain clinking", "gravel shifting"), scenes=("in a tunnel",))
        question = mixcap_question(card, pool, domain="environment", settings=SETTINGS)
        answer = offline.answer(question, seed=0)
        rules = CaptionRules(card, 25)
        assert len(answer.captions) == 5
        assert [rules.problem(caption) for caption in answer.captions] == [""] * 5, label


def test_each_clip_gets_five_captions_made_of_the_pool_of_its_label(
    cards_of: Callable[..., dict[str, LabelCard]], offline: Any
) -> None:
    card = cards_of(["dog"])["dog"]
    exact = SETTINGS.model_copy(update={"novel_share": 0.0})
    mixed = mix_captions(card, REAL, model=offline, domain="environment", settings=exact, seed=0)
    assert list(mixed.by_clip) == list(REAL)
    assert sum(map(len, mixed.by_clip.values())) + mixed.dropped == 20
    assert offline.asked.count("components") == 4
    assert offline.asked.count("mixcap") == 4
    for caption in mixed.in_turns():
        assert any(holds_phrase(caption, event) for event in mixed.pool.events), caption
    assert mixed.in_turns()[:4] == tuple(captions[0] for captions in mixed.by_clip.values())


def test_a_share_of_the_components_is_new(cards_of: Callable[..., dict[str, LabelCard]], offline: Any) -> None:
    card = cards_of(["dog"])["dog"]
    fresh = family_of(label_words("dog")).events

    def share_of_new(share: float) -> float:
        wide = PromptSettings(novel_share=share, captions_per_clip=20)
        pool = Components(
            events=tuple(f"{word} rattling" for word in ("a chain", "a pan", "a tin", "a box")), scenes=()
        )
        told = [
            caption
            for seed in range(6)
            for caption in offline.answer(
                mixcap_question(card, pool, domain="environment", settings=wide), seed=seed
            ).captions
        ]
        return sum(any(holds_phrase(caption, event) for event in fresh) for caption in told) / len(told)

    assert share_of_new(0.0) == 0.0
    # 120 captions with one or two events each; the standard error of a share near 0.25 is 0.04.
    assert 0.1 < share_of_new(0.2) < 0.42
    assert share_of_new(0.8) > 0.7


def test_new_components_name_no_other_label(cards_of: Callable[..., dict[str, LabelCard]], offline: Any) -> None:
    card = cards_of(["dog"])["dog"]
    wide = PromptSettings(novel_share=1.0, captions_per_clip=10)
    question = mixcap_question(
        card,
        Components(events=(), scenes=()),
        domain="environment",
        settings=wide,
        other_labels=("gate", "paws", "kitchen"),
    )
    told = " ".join(caption for seed in range(5) for caption in offline.answer(question, seed=seed).captions)
    assert not any(holds_phrase(told, word) for word in ("gate", "paw", "kitchen"))


@settings(max_examples=8)
@given(order=st.permutations(sorted(REAL)))
def test_captions_of_a_clip_do_not_depend_on_the_order_of_clips(
    cards_of: Callable[..., dict[str, LabelCard]], new_offline: Callable[[], Any], order: list[str]
) -> None:
    card = cards_of(["dog"])["dog"]
    arguments: dict[str, Any] = {"model": new_offline(), "domain": "environment", "settings": SETTINGS, "seed": 0}
    shuffled = mix_captions(card, {clip: REAL[clip] for clip in order}, **arguments)
    assert shuffled == mix_captions(card, REAL, **arguments)


def test_another_seed_gives_other_captions(cards_of: Callable[..., dict[str, LabelCard]], offline: Any) -> None:
    card = cards_of(["dog"])["dog"]
    one, other = (
        mix_captions(card, REAL, model=offline, domain="environment", settings=SETTINGS, seed=seed) for seed in (0, 1)
    )
    assert one.pool == other.pool
    assert one.by_clip != other.by_clip


@pytest.mark.parametrize(
    ("captions", "problem"),
    [
        (["A dog in a park"] * 4, "at least 5 items"),
        (
            [*FOUR, "A cat"],
            "caption 5: .*'a dog'; put",
        ),
        (
            [*FOUR, "Dogs in the field"],
            "two captions say the same",
        ),
    ],
)
def test_a_wrong_answer_is_sent_back_with_what_to_repair(
    cards_of: Callable[..., dict[str, LabelCard]], scripted: Callable[..., Any], captions: list[str], problem: str
) -> None:
    question = mixcap_question(
        cards_of(["dog"])["dog"], Components(events=(), scenes=()), domain="environment", settings=SETTINGS
    )
    with pytest.raises(BackendError, match=problem):
        scripted({"captions": captions}).answer(question, seed=0)


def test_near_duplicates_of_a_model_are_dropped_across_clips(
    cards_of: Callable[..., dict[str, LabelCard]], scripted: Callable[..., Any]
) -> None:
    card = cards_of(["dog"])["dog"]
    written = [f"A dog in a {place} near a gate" for place in ("park", "yard", "car", "field", "hall")]
    again = [
        "The dogs near gates in a park",
        *(f"A dog and a {thing} far away" for thing in ("bus", "kite", "cow", "pan")),
    ]
    nothing = {"events": [], "scenes": []}
    model = scripted(nothing, nothing, {"captions": written}, {"captions": again})
    mixed = mix_captions(card, {"a": "x y", "b": "x z"}, model=model, domain="environment", settings=SETTINGS, seed=0)
    assert mixed.dropped == 1
    assert mixed.by_clip["a"] == tuple(written)
    assert mixed.by_clip["b"] == tuple(again[1:])


def test_a_card_that_leaves_nothing_to_say_is_named(
    cards_of: Callable[..., dict[str, LabelCard]], offline: Any
) -> None:
    shut = cards_of(["dog"])["dog"].model_copy(update={"avoid": ("dog",)})
    question = mixcap_question(shut, Components(events=(), scenes=()), domain="environment", settings=SETTINGS)
    with pytest.raises(BackendError, match=r"found 0 of 5 captions of 'dog'.*shorten its lists"):
        offline.answer(question, seed=0)


def test_overlap_is_symmetric_and_blind_to_inflection() -> None:
    assert overlap("Dogs barking", "the dog barks") == 1.0
    assert overlap("a dog in a park", "a dog in a yard") == overlap("a dog in a yard", "a dog in a park") == 1 / 3
    assert overlap("", "") == 1.0


@given(
    captions=st.lists(st.lists(st.sampled_from(["dog", "park", "gate", "rain"]), min_size=1, max_size=3), max_size=10),
    quota=st.integers(1, 3),
)
def test_a_quota_bounds_every_neighbourhood(captions: list[list[str]], quota: int) -> None:
    texts = [" ".join(words) for words in captions]
    kept = [texts[place] for place in distinct_captions(texts, max_overlap=0.6, quota=quota)]
    assert kept[:1] == texts[:1]
    for place, text in enumerate(kept):
        assert sum(overlap(text, other) > 0.6 for other in kept[:place]) < quota
