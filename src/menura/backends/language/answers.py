"""From what a language model wrote to a validated object, or to words that say exactly what is wrong with it.

Models put JSON into code fences, talk before and after it, think aloud, stop in the middle. All of it is read; nothing
is guessed: a half object is not completed, and the inner part of a broken object is not taken for the whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from menura.backends.language.texts import excerpt

__all__ = ["Invalid", "Valid", "read_answer", "stored_answer"]

AnswerT = TypeVar("AnswerT", bound=BaseModel)

_FENCE = re.compile(r"```[A-Za-z0-9_-]*[ \t]*\n(.*?)```", re.DOTALL)
_BRACKET = re.compile(r"[{\[]")
_THOUGHT_END = "</think>"
_MOST_PROBLEMS = 8


@dataclass(frozen=True, slots=True)
class Valid(Generic[AnswerT]):
    """An answer that counts.

    Attributes:
        answer: The object.
        text: Its JSON text, to be stored.
    """

    answer: AnswerT
    text: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """An answer that does not count.

    Attributes:
        problem: What is wrong, in words that a model and a person can act on.
    """

    problem: str


class _BrokenError(Exception):
    """An object began and did not end well."""


def read_answer(text: str, kind: type[AnswerT]) -> Valid[AnswerT] | Invalid:
    """The one object in ``text`` that fits ``kind``.

    Args:
        text: What the model wrote.
        kind: Pydantic class of the answer; its validators decide.
    """
    said = text.rpartition(_THOUGHT_END)[2].strip()
    if not said:
        return Invalid("it is empty")
    if said.startswith("<think>"):
        return Invalid("it never stops thinking: there is no </think> and no answer after it")
    try:
        values = _values(said)
    except _BrokenError as error:
        return Invalid(str(error))
    if not values:
        return Invalid(f"it holds no JSON object, it begins with: {excerpt(said, 80)}")
    outcomes = [_validated(value, kind) for value in values]
    valid = {outcome.text: outcome for outcome in outcomes if isinstance(outcome, Valid)}
    if len(valid) > 1:
        return Invalid(f"it holds {len(valid)} different JSON objects that fit; one was asked for")
    return next(iter(valid.values())) if valid else outcomes[0]


def stored_answer(text: str, kind: type[AnswerT]) -> AnswerT | None:
    """The answer that was stored as ``text``; None if it does not fit ``kind`` (any more)."""
    try:
        return kind.model_validate_json(text)
    except ValidationError:
        return None


def _values(said: str) -> list[Any]:
    """JSON objects and lists in the text: the whole of it, else those in code fences, else those in the prose."""
    return (
        _whole(said)
        or [value for block in _FENCE.findall(said) for value in _whole(block)]
        or [*_values_in_prose(said)]
    )


def _whole(text: str) -> list[Any]:
    try:
        value = _decoder().decode(text.strip())
    except (ValueError, RecursionError):
        return []
    return [value] if isinstance(value, dict | list) else []


def _values_in_prose(said: str) -> Iterator[Any]:
    decoder, place = _decoder(), 0
    while bracket := _BRACKET.search(said, place):
        start = bracket.start()
        try:
            value, place = decoder.raw_decode(said, start)
        except json.JSONDecodeError as error:
            if error.pos >= len(said) or _was_json(said[start : error.pos]):
                raise _BrokenError(_what_broke(said, error)) from None
            place = start + 1
        except (ValueError, RecursionError) as error:
            raise _BrokenError(f"it is not JSON: {excerpt(str(error), 120) or type(error).__name__}") from None
        else:
            yield value


def _was_json(read: str) -> bool:
    """Whether what could be read shows an object that broke, and not a bracket of the prose such as ``[12a]``."""
    return (read[0] == "{" and bool(read[1:].strip())) or "{" in read[1:]


def _what_broke(said: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(said.rstrip()) or error.msg.startswith("Unterminated string"):
        return f"its JSON is cut off after {len(said)} characters, it ends with: {excerpt(said[-60:], 80)}"
    around = excerpt(said[max(0, error.pos - 30) : error.pos + 30], 80)
    return f"its JSON is broken ({error.msg} at character {error.pos}), near: {around}"


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(parse_constant=_no_such_number)


def _no_such_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _validated(value: Any, kind: type[AnswerT]) -> Valid[AnswerT] | Invalid:
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except RecursionError:
        return Invalid("it is nested too deeply")
    except UnicodeEncodeError:
        return Invalid("it holds half a character (a lone surrogate such as \\ud83d)")
    try:
        return Valid(kind.model_validate_json(text), text)
    except ValidationError as error:
        return Invalid(_problems(error))


def _problems(error: ValidationError) -> str:
    """One clause a problem: where, what, and what stood there."""
    items = error.errors(include_url=False, include_context=False)
    clauses = [
        f"{'.'.join(map(str, item['loc'])) or 'the object'}: {item['msg'].removeprefix('Value error, ')}"
        + ("" if item["type"] == "missing" else f" (found {excerpt(json.dumps(item['input'], default=str), 60)})")
        for item in items[:_MOST_PROBLEMS]
    ]
    more = len(items) - len(clauses)
    return "; ".join(clauses) + (f"; and {more} more" if more else "")
