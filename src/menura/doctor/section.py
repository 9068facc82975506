"""A part of an examination: facts by name, and what is broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from menura.types import JsonValue

__all__ = ["Facts", "Section", "first_line"]

Facts: TypeAlias = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an examination.

    Attributes:
        name: For programs.
        title: For people.
        facts: Name to what was found; a table inside is shown as a list.
        problems: What is broken, with what to do about it; none where all is well.
    """

    name: str
    title: str
    facts: Facts = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def first_line(error: BaseException) -> str:
    """Kind of an error and the first line of what it says."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
