"""The licence that the card of a model states, read and written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["NOT_STATED", "licence_head", "stated_licence"]

NOT_STATED = "not stated"
"""Stands among licences for what has none."""

_ASKS_NOTHING = ("cc0-1.0", "own")


def licence_head(licences: Iterable[str]) -> str:
    r"""The top of a card that states the licence of what a model was made from; empty where that is not one licence.

    Args:
        licences: Of all that it was made from; ``not stated`` for what has none. What asks for nothing (CC0, ``own``)
            does not count beside others.

    Example:
        >>> licence_head(["CC-BY-NC-3.0", "cc0-1.0"])
        '---\nlicense: CC-BY-NC-3.0\n---\n'
        >>> licence_head(["CC-BY-3.0", "CC-BY-NC-3.0"]), licence_head(["not stated"])
        ('', '')
    """
    said = {" ".join(licence.split()) for licence in licences}
    asking = {licence for licence in said if licence.lower() not in _ASKS_NOTHING} or set(sorted(said)[:1])
    if len(asking) != 1 or asking == {NOT_STATED}:
        return ""
    return f"---\nlicense: {asking.pop()}\n---\n"


def stated_licence(folder: Path) -> str | None:
    """What ``README.md`` of a model folder says: ``license: …`` between two lines ``---`` at its top; None for nothing.

    A card that says ``other`` is asked for the name of that licence.
    """
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    head = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
    lines = dict(
        re.findall(r"^(license|license_name|licence):[ \t]*([^\n]+?)[ \t]*$", head.group(1) if head else "", re.M)
    )
    stated = lines.get("license") or lines.get("licence")
    named = lines.get("license_name") if stated in (None, "other") else stated
    return named.strip("\"'") if named else stated
