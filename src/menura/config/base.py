"""The base of every settings record, and how one is read."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from menura.errors import ConfigError
from menura.seeding import content_hash

__all__ = ["Settings", "absolute", "is_none", "settings_from"]


class Settings(BaseModel):
    """Base of every settings record."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when any field changes."""
        return content_hash(self.model_dump(mode="json"))


SettingsT = TypeVar("SettingsT", bound=Settings)


def is_none(value: object) -> bool:
    """Whether a field is unset."""
    return value is None


def absolute(path: str) -> str:
    """An existing path made absolute; anything else, such as a name on the Hub, as it is."""
    return str(Path(path).absolute()) if path and Path(path).exists() else path


def settings_from(kind: type[SettingsT], values: dict[str, Any], *, source: str = "settings") -> SettingsT:
    """Settings record made from plain values.

    Args:
        kind: The settings class.
        values: Field name to value, nested as the class is.
        source: Where the values came from, for the message.

    Raises:
        ConfigError: A value is unknown or impossible; the message names each field.
    """
    try:
        json.dumps(values, ensure_ascii=False, default=str).encode()
        return kind.model_validate(values)
    except UnicodeEncodeError as error:
        raise ConfigError(f"{source}: a text holds half a character (a lone surrogate such as \\ud83d)") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or kind.__name__}: "
            + (_unknown(kind, item["loc"]) if item["type"] == "extra_forbidden" else _said(item["msg"]))
            for item in error.errors()
        )
        raise ConfigError(f"{source}: {problems}") from error


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")


def _unknown(kind: type[BaseModel], place: tuple[str | int, ...]) -> str:
    """That there is no such setting, and which ones are near."""
    for part in place[:-1]:
        field = kind.model_fields.get(str(part))
        inner = field.annotation if field is not None else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return "there is no such setting"
        kind = inner
    near = difflib.get_close_matches(str(place[-1]), kind.model_fields, n=1)
    return (
        f"there is no such setting; {f'did you mean {near[0]}?' if near else 'known: ' + ', '.join(kind.model_fields)}"
    )
