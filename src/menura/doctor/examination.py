"""The whole examination, with nothing in it that is nobody's business."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from menura.doctor.machine import cache, machine, torch_and_devices
from menura.doctor.parts import backends, plug_ins, programs, sound_formats, weights
from menura.doctor.privacy import Curtain, environment
from menura.doctor.run_state import run_state
from menura.doctor.section import Facts, Section, first_line
from menura.doctor.selftest import self_test
from menura.doctor.software import installation, packages

__all__ = ["Examination", "examine"]


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found.

    Attributes:
        sections: Part by part.
    """

    sections: tuple[Section, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """All that is broken, in the order of the parts."""
        return tuple(problem for section in self.sections for problem in section.problems)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: each part by name, and the problems of all."""
        return {**{section.name: dict(section.facts) for section in self.sections}, "problems": list(self.problems)}


def examine(run: str | Path | None = None, *, quick: bool = False) -> Examination:
    """Looks at everything and changes nothing.

    Args:
        run: A run to look at too, in a folder or at an address on object storage.
        quick: Leave out the self-test.
    """
    parts: dict[str, Callable[[], Section]] = {
        "menura": installation, "machine": machine, "torch": torch_and_devices, "packages": packages,
        "backends": backends, "plug_ins": plug_ins, "sound": sound_formats, "programs": programs, "weights": weights,
        "cache": cache, "environment": _environment,
    }  # fmt: skip
    parts |= {} if quick else {"self_test": self_test}
    parts |= {} if run is None else {"run": lambda: run_state(run)}
    return Examination(tuple(_covered(_looked(name, part) for name, part in parts.items())))


def _environment() -> Section:
    return Section("environment", "Environment", cast(Facts, environment(os.environ) or {"set": "nothing"}))


def _looked(name: str, part: Callable[[], Section]) -> Section:
    """What a part finds; that it could not look is a finding too."""
    try:
        return part()
    except Exception as error:  # the doctor is asked when something is wrong
        said = first_line(error)
        return Section(name, name.capitalize(), {"error": said}, (f"{name} could not be examined ({said})",))


def _covered(sections: Iterable[Section]) -> Iterable[Section]:
    curtain = Curtain.here()
    for section in sections:
        facts = cast(Facts, curtain.over(cast(Any, section.facts)))
        yield Section(section.name, section.title, facts, tuple(map(curtain.text, section.problems)))
