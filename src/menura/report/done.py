"""What an evaluation or a study has stored about itself, flat: the facts behind a methods paragraph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

__all__ = ["Done", "flat", "shown_path"]


@dataclass(frozen=True)
class Done:
    """What was stored, flat; a run's settings begin with ``run.``.

    Attributes:
        stored: What the file holds.
    """

    stored: Mapping[str, Any]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Name to value; of the conditions of a study, what they have in common."""
        about = {**self.stored, **self.stored.get("protocol", {})}
        settings = about.pop("settings", None)
        runs = about.pop("run_settings", None) or {}
        given = {**flat(about), **flat({"run": runs})}
        given |= flat(settings) if isinstance(settings, Mapping) else {}
        return self._conditions[0] | given

    @property
    def common(self) -> dict[str, Any]:
        """Name to the value of what the conditions of a study have in common."""
        return self._conditions[0]

    @property
    def varied(self) -> dict[str, list[Any]]:
        """Name to the values of what differs between the conditions of a study."""
        return self._conditions[1]

    @cached_property
    def _conditions(self) -> tuple[dict[str, Any], dict[str, list[Any]]]:
        found = [flat(one) for one in self.stored.get("conditions", {}).values()]
        names = dict.fromkeys(name for one in found for name in one)
        values = {name: [one.get(name) for one in found] for name in names}
        common = {name: every[0] for name, every in values.items() if all(one == every[0] for one in every)}
        return common, {
            name: [value for n, value in enumerate(every) if value is not None and value not in every[:n]]
            for name, every in values.items()
            if name not in common
        }

    def get(self, name: str) -> Any:
        """The value; None where nothing is stored."""
        return self.facts.get(name)

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Of a study's table."""
        return [row for row in self.stored.get("rows", ()) if isinstance(row, Mapping)]

    @property
    def arms(self) -> list[str]:
        """Arms that were compared."""
        named = self.stored.get("protocol", {}).get("arms") or [
            row.get("arm") or row.get("method") for row in self.rows
        ]  # fmt: skip
        return list(dict.fromkeys(str(name) for name in named if name))

    @property
    def is_corrected(self) -> bool:
        """Whether p-values were corrected."""
        return any(
            item.get("p_corrected") is not None for item in (*self.stored.get("differences", ()), *self.rows)
        )  # fmt: skip

    @property
    def generators(self) -> list[str]:
        """Names of generators, models left out, in all conditions."""
        given = [self.get("run.generator.name"), *self.varied.get("run.generator.name", ())]
        return list(dict.fromkeys(part.partition(":")[0] for name in given if name for part in str(name).split("+")))


def shown_path(value: Any) -> str:
    """A name as it is; of a folder on somebody's disk the last part alone."""
    text = str(value)
    if PureWindowsPath(text).is_absolute():
        return PureWindowsPath(text).name
    return PurePosixPath(text).name if text.startswith(("/", "~", "./", "../")) else text


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values as ``section.field`` to value."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{name}."))
        else:
            found[f"{prefix}{name}"] = value
    return found
