from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.backends.language.budget import Usage
from menura.backends.language.faults import Fault
from menura.backends.language.reply import Reply, read_reply

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "error", "code", "usage", "refusal", "text"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(status=st.integers(100, 599), content=JSON, wait=st.text(max_size=6))
def test_no_response_whatever_makes_it_fail(status: int, content: object, wait: str) -> None:
    text, headers = json.dumps(content), {"content-type": "application/json", "retry-after": wait}
    for body in (text, text[: len(text) // 2]):
        outcome = read_reply(status, headers, body)
        assert isinstance(outcome, Reply | Fault)
        assert isinstance(outcome, Fault) or 200 <= status < 300


def reply(usage: object = None, **message: Any) -> Reply | Fault:
    text = json.dumps({"choices": [{"message": message}], "usage": usage})
    return read_reply(200, {}, text)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 0}, Usage(3, 0)),
        ({"prompt_tokens": 3}, None),
        ({"prompt_tokens": -3, "completion_tokens": 5}, None),
        ({"prompt_tokens": True, "completion_tokens": 5}, None),
        ({"prompt_tokens": "3", "completion_tokens": 5}, None),
        ({"prompt_tokens": 10**12, "completion_tokens": 5}, None),
        ({"prompt_tokens": 0, "completion_tokens": 0}, None),
        (7, None),
    ],
)
def test_a_usage_that_cannot_be_is_none(usage: object, expected: Usage | None) -> None:
    outcome = reply(usage, content="x")
    assert isinstance(outcome, Reply)
    assert outcome.usage == expected


def test_a_text_may_come_in_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}, 5]
    assert reply(content=parts) == Reply("ab")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, {"error": {"message": "too long", "code": "context"}}, "answers 400 (Bad Request): too long; context"),
        (400, {"error": "plain"}, "answers 400 (Bad Request): plain"),
        (409, {"detail": [{"loc": ["body"]}]}, 'answers 409 (Conflict): [{"loc": ["body"]}]'),
        (599, {}, "answers 599"),
    ],
)
def test_the_words_of_the_server_are_found_where_it_puts_them(status: int, body: object, said: str) -> None:
    outcome = read_reply(status, {}, json.dumps(body))
    assert isinstance(outcome, Fault)
    assert outcome.message == said


@pytest.mark.parametrize(("asked", "wait_s"), [("5", 5.0), ("-1", None), ("nan", None), ("inf", None), ("soon", None)])
def test_a_wait_that_makes_no_sense_is_no_wait(asked: str, wait_s: float | None) -> None:
    outcome = read_reply(429, {"retry-after": asked}, "")
    assert isinstance(outcome, Fault)
    assert outcome.wait_s == wait_s
