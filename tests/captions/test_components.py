from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menura.captions.cards import LabelCard
from menura.captions.components import (
    Components,
    component_question,
    draw_components,
    pool_components,
    without_label,
)
from menura.seeding import item_generator


@pytest.mark.parametrize(
    ("caption", "events", "scenes"),
    [
        (
            "A dog barks in a park while children shout, with leaves rustling",
            ("children shouting", "leaves rustling"),
            ("in a park",),
        ),
        ("A gate rattles, then a man speaks in a yard", ("a gate rattling", "a man speaking"), ("in a yard",)),
        ("Traffic hums in the background", ("traffic hums in the background",), ()),
        ("There is heavy wind near the sea", ("heavy wind",), ("near the sea",)),
        ("Eight bright clicks, regular, in a small room", ("eight bright clicks",), ("in a small room",)),
        ("In a tunnel: first chains clinking, then a dog", ("chains clinking",), ("in a tunnel",)),
        ("A dog comes after chains clinking in a yard", ("chains clinking",), ("in a yard",)),
        ("Chains clinking while a dog goes on on a hill", ("chains clinking",), ("on a hill",)),
        ("A dog by a wall, chains clinking now and then", ("chains clinking",), ()),
        ("A dog in a yard, close at first, with chains clinking further away", ("chains clinking",), ("in a yard",)),
        ("Silence", (), ()),
    ],
)
def test_the_grammar_takes_captions_apart(
    cards_of: Callable[..., dict[str, LabelCard]], offline: Any, caption: str, events: tuple[str], scenes: tuple[str]
) -> None:
    question = component_question(caption, cards_of(["dog"])["dog"], domain="environment")
    assert offline.answer(question, seed=0) == Components(events=events, scenes=scenes)


def test_phrases_of_the_label_go_whatever_the_model_answers(
    cards_of: Callable[..., dict[str, LabelCard]], scripted: Callable[..., Any]
) -> None:
    card = cards_of(["car_horn"])["car_horn"]
    question = component_question("Horns blare in traffic", card, domain="environment")
    answer = scripted(
        {"events": ["horns blaring", "tyres squealing.", "a siren far off"], "scenes": ["beside a car", "in a city"]}
    ).answer(question, seed=0)
    assert without_label(answer, card) == Components(events=("tyres squealing",), scenes=("in a city",))


PHRASES = st.lists(st.from_regex(r"[b-z]{4,8} [b-z]{4,8}", fullmatch=True), unique=True, max_size=12)


@settings(max_examples=40)
@given(events=PHRASES, scenes=PHRASES, share=st.floats(0.05, 1.0), seed=st.integers(0, 99))
def test_a_share_is_drawn_without_replacement(events: list[str], scenes: list[str], share: float, seed: int) -> None:
    pool = Components(events=tuple(events), scenes=tuple(scenes))
    drawn = draw_components(pool, item_generator(seed), share=share)
    for given_phrases, kept in ((events, drawn.events), (scenes, drawn.scenes)):
        assert set(kept) <= set(given_phrases)
        assert len(set(kept)) == len(kept) == min(len(given_phrases), max(1, int(share * len(given_phrases) + 1e-9)))


def test_three_quarters_of_eight_are_six_and_they_differ_from_clip_to_clip() -> None:
    pool = Components(events=tuple(f"event {letter * 3}" for letter in "bcdfghjk"), scenes=())
    draws = {draw_components(pool, item_generator(0, clip)).events for clip in range(20)}
    assert all(len(events) == 6 for events in draws)
    assert len(draws) > 15


@given(order=st.permutations(range(4)))
def test_a_pool_does_not_depend_on_the_order_of_clips(order: list[int]) -> None:
    parts = [
        Components(events=("leaves rustling", "a gate"), scenes=("in a park",)),
        Components(events=("Leaves rustle",), scenes=()),
        Components(events=(), scenes=("in the park", "on a farm")),
        Components(events=("a man speaks",), scenes=("on a farm",)),
    ]
    pool = pool_components(parts[i] for i in order)
    assert pool == pool_components(parts)
    assert len(pool.events) == 3
    assert len(pool.scenes) == 2
