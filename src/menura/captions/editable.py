"""TOML files that Menura starts and a person edits: read strictly, added to, never rewritten.

What a person wrote, their order and their comments stay as they are: new entries go to the end of the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias

from menura.errors import ConfigError
from menura.files import write_text
from menura.records import parse_toml

__all__ = ["TomlValue", "add_text", "check_labels", "read_toml", "toml_entry"]

TomlValue: TypeAlias = str | float | Sequence[str] | Sequence[float]


def read_toml(path: Path) -> dict[str, object]:
    """What a TOML file holds; nothing when there is no file yet.

    Raises:
        ConfigError: The file is not TOML, or cannot be read; the message names the line.
    """
    if not path.exists():
        return {}
    try:
        return parse_toml(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); save it so") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}. Correct it, or delete the file to have it drafted") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error


def toml_entry(key: str, value: TomlValue) -> str:
    """One line of TOML; any text survives the way there and back.

    Example:
        >>> toml_entry("is_not", ["music", 'a "toy"'])
        'is_not = ["music", "a \\\\"toy\\\\""]'
    """
    is_bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return f"{key if is_bare else _quoted(key)} = {_written(value)}"


def _written(value: TomlValue) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Sequence):
        return f"[{', '.join(_written(item) for item in value)}]"
    return repr(float(value))


def _quoted(text: str) -> str:
    """A basic string of TOML: JSON's escapes are its own, but for DEL, which JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def add_text(path: Path, entries: Sequence[str], *, header: str) -> None:
    """Put entries at the end of a file that may not exist yet; what it holds stays as it is, byte for byte.

    Args:
        path: The file.
        entries: Texts, each of whole lines without the last line end.
        header: Comment for a new file.
    """
    if not entries:
        return
    before = path.read_bytes().decode() if path.exists() else "".join(f"# {line}\n" for line in header.split("\n"))
    path.parent.mkdir(parents=True, exist_ok=True)
    gap = "" if before.endswith("\n") or not before else "\n"
    write_text(path, before + gap + "".join(f"\n{entry}\n" for entry in entries))


def check_labels(found: Mapping[str, object], labels: Sequence[str], *, path: Path, what: str) -> None:
    """Refuse an entry of a label that the dataset does not have.

    Raises:
        ConfigError: It names the label and the nearest known one.
    """
    for label in found:
        if label not in labels:
            near = get_close_matches(label, labels, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"The labels are: {', '.join(sorted(labels)[:10])}."
            raise ConfigError(f"{path}: {what} for {label!r}, which is no label of this dataset. {hint}")
