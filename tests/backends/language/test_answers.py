from __future__ import annotations

import json

import pytest
from fake_server import Words
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from menura.backends.language.answers import Invalid, Valid, read_answer, stored_answer

ANSWER = Words(words=["bright [dry]", 'a "b" {c}', "ünïcode \\ 🎵"])
TEXT = ANSWER.model_dump_json()
PROSE = st.text(st.characters(exclude_characters="{}[]`<>", exclude_categories=("Cs",)), max_size=40)


@given(before=PROSE, after=PROSE, fence=st.booleans(), indent=st.sampled_from([None, 2]))
def test_an_answer_is_found_wherever_it_stands(before: str, after: str, fence: bool, indent: int | None) -> None:
    text = json.dumps(json.loads(TEXT), indent=indent)
    said = f"{before}\n```json\n{text}\n```\n{after}" if fence else f"{before} {text} {after}"
    outcome = read_answer(said, Words)
    assert isinstance(outcome, Valid)
    assert outcome.answer == ANSWER
    assert stored_answer(outcome.text, Words) == ANSWER


@given(length=st.integers(0, len(TEXT) - 1), before=PROSE)
def test_half_an_answer_is_never_taken_for_a_whole_one(length: int, before: str) -> None:
    assert isinstance(read_answer(before + TEXT[:length], Words), Invalid)


@given(said=st.text(max_size=80))
def test_no_text_whatever_makes_it_fail(said: str) -> None:
    assert isinstance(read_answer(said, Words), Valid | Invalid)


class Loose(BaseModel):
    """Fits any object: what must not be taken from the inside of a broken one."""

    events: list[str] = []


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ('{"outer": [{"events": ["rain"]}, ', "cut off after 32 characters"),
        ('{"outer": [{"events": ["rain"]},], "x": 1}', "its JSON is broken"),
        ('[{"events": ["rain"]}, {"events": ["wind"]', "cut off"),
        ("", "it is empty"),
        ("<think>hmm", "never stops thinking"),
        ("I cannot say [sorry].", "holds no JSON object, it begins with: I cannot say"),
        ('"a string"', "holds no JSON object"),
        ('{"events": ["a"]} or {"events": ["b"]}', "2 different JSON objects"),
        ('{"events": NaN}', "NaN is no number"),
        ('{"events": ["\\ud83d"]}', "half a character"),
        ('{"events": ' + "[" * 100_000, "is not JSON"),
        ('{"events": "rain"}', 'events: Input should be a valid array (found "rain")'),
    ],
)
def test_what_is_wrong_is_named(said: str, problem: str) -> None:
    outcome = read_answer(said, Loose)
    assert isinstance(outcome, Invalid)
    assert problem in outcome.problem


@pytest.mark.parametrize(
    "said",
    [
        'As in [1] and {braces}: {"events": ["rain"]}',
        '{"events": ["rain"]} (see [12a])',
        '{"events": ["rain"]}\n{"events": ["rain"]}',
        '<think>{"events": ["no"]}</think>{"events": ["rain"]}',
    ],
)
def test_brackets_of_the_prose_do_not_confuse_it(said: str) -> None:
    outcome = read_answer(said, Loose)
    assert isinstance(outcome, Valid)
    assert outcome.answer.events == ["rain"]


class Shouting(BaseModel):
    """A validator that changes what it is given, every time."""

    word: str

    @field_validator("word")
    @classmethod
    def _louder(cls, word: str) -> str:
        return word + "!"


def test_a_stored_answer_is_the_answer_that_was_given() -> None:
    outcome = read_answer('{"word": "rain"}', Shouting)
    assert isinstance(outcome, Valid)
    assert outcome.answer.word == "rain!"
    assert stored_answer(outcome.text, Shouting) == outcome.answer


def test_many_problems_are_counted() -> None:
    outcome = read_answer(json.dumps({"events": [1] * 30}), Loose)
    assert isinstance(outcome, Invalid)
    assert outcome.problem.count("should be a valid string") == 8
    assert outcome.problem.endswith("and 22 more")
