"""What others may have written into a file of JSON or TOML, as records: right in every field, or a ``ValueError``.

``json.loads`` gives whatever a text holds: a list where a table was expected, a text where a number, a recursion too
deep for the parser. Each reader says in its own words what a damaged file means; here every way of being wrong becomes
one kind of error that it can catch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

__all__ = ["HALF_CHARACTER", "holds_half_character", "parse_json", "parse_toml", "record_from"]

HALF_CHARACTER = "holds half a character (a lone surrogate such as \\ud83d)"

RecordT = TypeVar("RecordT")


def parse_json(text: str | bytes, *, unequal: bool = False) -> Any:
    """The value that a JSON text holds.

    Args:
        text: The text.
        unequal: Whether the names in an object must differ; else the last of two equal ones counts.

    Raises:
        ValueError: It is no JSON, or nested deeper than anything that Menura writes, or names are equal.
    """
    try:
        return json.loads(text, object_pairs_hook=_unequal if unequal else None)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _unequal(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands there more than once")
    return values


def holds_half_character(value: object) -> bool:
    r"""Whether a JSON value holds a text that has no bytes: JSON can say half of a pair (``\ud83d``), UTF-8 cannot.

    Programs that cut texts by their length leave such halves behind. What is nested too deeply to say counts as well.
    """
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return True
    return False


def parse_toml(text: str) -> dict[str, Any]:
    """The table that a TOML text holds.

    Raises:
        ValueError: It is no TOML, or nested too deeply.
    """
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def record_from(kind: type[RecordT], values: object) -> RecordT:
    """A dataclass from plain values: lists become tuples, tables the dataclasses inside.

    Unknown fields are left out.

    Raises:
        ValueError: A field is missing or holds something of another kind; the message names it.

    Example:
        >>> from menura.types import Params, Judgement
        >>> record_from(Judgement, {"request_id": "a", "scores": {}, "accepted": "perhaps", "reason": ""})
        Traceback (most recent call last):
        ...
        ValueError: accepted: Input should be a valid boolean, unable to interpret input
    """
    from pydantic import ValidationError

    if not isinstance(values, Mapping):
        raise ValueError(f"it holds {type(values).__name__}, expected a table")
    try:
        adapter: Any = _adapter(kind)  # type: ignore[arg-type]
        record: RecordT = adapter.validate_python(dict(values))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg']}" for item in error.errors()[:3]]
        raise ValueError("; ".join(problems)) from None
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return record


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
