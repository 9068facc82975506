"""An examination as Markdown, to be pasted into a bug report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from menura.doctor.examination import Examination
from menura.types import JsonValue

__all__ = ["as_markdown"]

_LONGEST = 100


def as_markdown(found: Examination) -> str:
    """The examination, problems first."""
    lines = ["## menura doctor", ""]
    if found.problems:
        count = len(found.problems)
        lines += [f"**{count} of what was looked at {'is' if count == 1 else 'are'} broken:**", ""]
        lines += [f"- {_plain(problem)}" for problem in found.problems]
    else:
        lines += ["Nothing is broken."]
    for section in found.sections:
        lines += ["", f"### {section.title}", ""]
        for name, value in section.facts.items():
            lines += _entry(name, value)
    return "\n".join(lines) + "\n"


def _entry(name: str, value: JsonValue, indent: str = "") -> Iterator[str]:
    plain = _words(value)
    if len(plain) <= _LONGEST or not isinstance(value, Mapping | list):
        yield f"{indent}- {_plain(name)}: {plain}"
        return
    yield f"{indent}- {_plain(name)}:"
    if isinstance(value, Mapping):
        for inner, item in value.items():
            yield from _entry(inner, item, indent + "  ")
    else:
        yield from (f"{indent}  - {_words(item)}" for item in value)


def _words(value: JsonValue) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "unknown"}[value]
    if isinstance(value, Mapping):
        return ", ".join(f"{_plain(name)} {_words(item)}" for name, item in value.items())
    if isinstance(value, list):
        return "; ".join(map(_words, value)) or "none"
    return _plain(str(value))


def _plain(text: str) -> str:
    """On one line, without what Markdown or HTML would make something of."""
    return " ".join(text.split()).replace("<", "&lt;").replace("`", "'").replace("|", "\\|")
