"""File names from labels: readable, safe on every system, different for different labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from menura.seeding import content_hash

__all__ = ["file_name_of", "folder_names", "is_plain_name"]

_RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{digit}" for name in ("com", "lpt") for digit in range(1, 10))}
_MAX_LENGTH = 80


def file_name_of(request_id: str) -> str:
    """Name of the audio file of a request."""
    return f"{request_id}.flac"


def is_plain_name(name: object) -> bool:
    """Whether it names a file in the folder that it is found in, and nothing above, below or elsewhere.

    Example:
        >>> [is_plain_name(name) for name in ("a.flac", "../a.flac", "/a.flac", "..", None)]
        [True, False, False, False, False]
    """
    if not isinstance(name, str) or name in ("", ".", ".."):
        return False
    return not any(sign in name for sign in "/\\\0")


def folder_names(labels: Iterable[str]) -> dict[str, str]:
    """Label to the name of its folder. Letters of any script stay; what a file system may refuse becomes ``_``.

    Names that would be equal, also where capitals do not count, get a few digits of the label's hash.

    Example:
        >>> folder_names(["Dog", "rain/wind"])
        {'Dog': 'Dog', 'rain/wind': 'rain_wind'}
    """
    labels = list(labels)
    plain = {label: _safe(label) for label in labels}
    taken: dict[str, int] = {}
    for name in plain.values():
        taken[name.casefold()] = taken.get(name.casefold(), 0) + 1
    return {
        label: name if taken[name.casefold()] == 1 else f"{name}-{content_hash(label, length=6)}"
        for label, name in plain.items()
    }


def _safe(label: str) -> str:
    text = unicodedata.normalize("NFC", label)
    text = re.sub(r"[^\w\- .,+&()']|[\x00-\x1f]", "_", text).strip(" .")[:_MAX_LENGTH].rstrip(" .")
    while len(text.encode("utf-8")) > 200:
        text = text[:-1]
    if not text or text.split(".")[0].casefold() in _RESERVED:
        return f"label_{text}" if text else f"label_{content_hash(label, length=6)}"
    return text
