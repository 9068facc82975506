"""What a study left in its folder: the record that its page is made from. Knows files, not studies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from menura.errors import RunError

__all__ = ["StudyFiles", "find_studies", "read_study"]


@dataclass(frozen=True, slots=True)
class StudyFiles:
    """A study as its files tell it.

    Attributes:
        name: Of the command.
        stored: What its JSON file holds.
        figures: File name to SVG.
        tables: File name to CSV.
    """

    name: str
    stored: Mapping[str, Any]
    figures: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Records of the table."""
        found: Sequence[Mapping[str, Any]] = self.stored["rows"]
        return found

    @property
    def columns(self) -> Sequence[str]:
        """Columns of the table in their order, which the JSON file does not keep."""
        head = self.tables.get(f"{self.name}.csv", "").partition("\n")[0]
        return head.strip().split(",") if head else list(self.rows[0] if self.rows else ())

    @property
    def has_arms(self) -> bool:
        """Whether a row is an arm under a condition, compared with another arm."""
        return bool(self.rows) and {"point", "arm", "baseline", "value", "gain", "gain_interval"} <= set(self.rows[0])


def find_studies(folder: Path) -> list[Path]:
    """The JSON files of studies that lie in a folder; each is named like its study."""
    return [path for path in sorted(folder.glob("*.json")) if _is_study(path)]


def read_study(path: Path) -> StudyFiles:
    """A study and the figures and tables beside it.

    Args:
        path: Its JSON file.

    Raises:
        RunError: The file cannot be read, or is none of a study.
    """
    stored = _stored(path)
    if not isinstance(stored, dict) or stored.get("study") != path.stem or not isinstance(stored.get("rows"), list):
        raise RunError(f"{path} is no file of a study, which `menura study NAME -o FOLDER` writes as NAME.json")
    if not all(isinstance(row, dict) for row in stored["rows"]):
        raise RunError(f"{path} has rows that are no records; run `menura study {path.stem}` again")
    return StudyFiles(
        path.stem, stored, _beside(path, ".svg"), _beside(path, ".csv")
    )  # fmt: skip


def _beside(path: Path, end: str) -> dict[str, str]:
    """Files of the study: its name alone, or with a part after a hyphen; a longer name of another study is not one."""
    others = [other.stem for other in find_studies(path.parent) if other.stem.startswith(f"{path.stem}-")]
    found = [path.with_suffix(end), *sorted(path.parent.glob(f"{path.stem}-*{end}"))]
    return {
        one.name: one.read_text(encoding="utf-8")
        for one in found
        if one.is_file() and not any(one.stem.startswith(other) for other in others)
    }


def _is_study(path: Path) -> bool:
    try:
        stored = _stored(path)
    except RunError:
        return False
    return isinstance(stored, dict) and stored.get("study") == path.stem and isinstance(stored.get("rows"), list)


def _stored(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}); run the study again") from error
