"""The licence that the card of a model states."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["stated_licence"]


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
