"""The formats of Menura's files: which number each kind has today, and the steps that lead there from older ones.

A file says its number under ``format``. An older one is brought up while it is read, by pure functions on plain values,
and stays as it is on the disk; ``menura upgrade`` writes a run anew when its owner asks for it. A newer one is refused
in one line that says what to install.

A number rises when a reader of the number before would misunderstand the file. A new field with a default that means
what was done before leaves it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from menura.errors import BackendError, MenuraError, RunError
from menura.seeding import content_hash

__all__ = [
    "DECISIONS",
    "ENCODER",
    "EVALUATION",
    "EVALUATION_SETTINGS",
    "FORMATS",
    "MINI_MODEL",
    "PROBES",
    "RUN",
    "TRAINING",
    "Format",
    "Step",
    "judgement_cells",
    "run_fingerprint",
]

Step: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Gives the values of the next format; leaves what it is given as it is."""

_DECISIVE = ("settings", "sample_rate", "generator", "encoder", "training", "package_version", "targets")
"""Fields of ``run.json`` that its fingerprint covers."""
_SCHEME = 1


@dataclass(frozen=True, slots=True)
class Format:
    """The format of one kind of file.

    Attributes:
        what: The kind, for messages.
        current: Number that this version writes.
        steps: From each older number that can be read to the next one, the oldest first.
        unnumbered: What a file without a number is; None where every file has had one.
        remedy: What to do about a file that is too old or has no number.
        error: Kind of the error.
    """

    what: str
    current: int = 1
    steps: tuple[Step, ...] = ()
    unnumbered: int | None = 1
    remedy: str = "make it again"
    error: type[MenuraError] = RunError

    @property
    def oldest(self) -> int:
        """Lowest number that can be read."""
        return self.current - len(self.steps)

    def number_of(self, values: Mapping[str, Any], *, source: object) -> int:
        """The number of a file that this version can read.

        Args:
            values: What the file holds.
            source: The file, for the message.

        Raises:
            MenuraError: Of the kind ``error``: it is newer, too old, or says no number.
        """
        found = values.get("format", self.unnumbered)
        if not isinstance(found, int) or isinstance(found, bool) or found < 0:
            raise self.error(f"{source} has format {found!r}, expected a number up to {self.current}; {self.remedy}")
        if found > self.current:
            raise self.error(
                f"{source} was made by a newer Menura ({self.what} format {found}); this one reads up to "
                f"{self.current}: pip install -U menura"
            )
        if found < self.oldest:
            raise self.error(
                f"{source} has {self.what} format {found}, this version reads {self.oldest} to {self.current}; "
                f"{self.remedy}"
            )
        return found

    def brought_up(self, values: Mapping[str, Any], *, source: object) -> dict[str, Any]:
        """What the file would hold today, its number included.

        Raises:
            MenuraError: As :meth:`number_of`; or a step finds something else than its format promises.
        """
        number = self.number_of(values, source=source)
        made = dict(values)
        for step in self.steps[number - self.oldest :]:
            try:
                made = step(made)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise self.error(f"{source} is damaged ({error!r}); {self.remedy}") from error
        return {**made, "format": self.current}


def run_fingerprint(values: Mapping[str, Any]) -> str:
    """The fingerprint that the content of a ``run.json`` gives, by the scheme of its own format.

    Over the values as they are stored: a setting that a later version added is no edit of an older run. The second
    number was once that of the format; it stays 1, so that a new format does not make every run another one.

    Raises:
        KeyError: A field is missing.
    """
    decisive = {name: values[name] for name in _DECISIVE}
    if "fingerprint_scheme" not in values:
        return content_hash(decisive)
    return content_hash([values["fingerprint_scheme"], 1, decisive])


def _numbered_run(values: Mapping[str, Any]) -> dict[str, Any]:
    """0 → 1: the number, and the scheme in the fingerprint."""
    numbered = {**values, "fingerprint_scheme": _SCHEME}
    return {**numbered, "fingerprint": run_fingerprint(numbered)}


def judgement_cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ``judgements.parquet`` with the columns ``surplus`` and ``made``, which runs of format 0 lack.

    What gave no waveform has no score.
    """
    return {
        "surplus": not row["accepted"] and row["reason"].startswith("surplus"),
        "made": row["scores"] != "{}",
        **row,
    }


RUN = Format("run", 1, steps=(_numbered_run,), unnumbered=0, remedy="make the run again with --fresh")
"""``run.json``; its number holds for all of the folder but ``review/`` and ``evaluation.json``."""
EVALUATION = Format("evaluation", unnumbered=None, remedy="run `menura evaluate` again")
EVALUATION_SETTINGS = Format("evaluation folder", remedy="choose another folder")
PROBES = Format("probe study", unnumbered=None, remedy="run `menura study probe` again")
TRAINING = Format("training", remedy="choose another folder with -o")
DECISIONS = Format("decision", remedy="take the line out")
ENCODER = Format("encoder", remedy="train it again with `menura pretrain`", error=BackendError)
MINI_MODEL = Format("menura-mini", remedy="train it again with `menura train-generator`", error=BackendError)

FORMATS = (RUN, EVALUATION, EVALUATION_SETTINGS, PROBES, TRAINING, DECISIONS, ENCODER, MINI_MODEL)
"""Every kind of file that carries a number of ours."""
