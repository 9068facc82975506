"""What people said of clips: one line each, appended at once and never rewritten; folded into what holds now.

A line of ``RUN/review/decisions.jsonl``::

    {"n": 3, "at": "2026-01-31T12:00:00+00:00", "reviewer": "ada", "action": "accept", "request": "0f…",
     "clip": "../shards/000000/0f….flac", "labels": ["dog"], "accepted": true}

``action`` is ``accept``, ``reject``, ``relabel`` (an acceptance with other labels), ``flag`` (a remark in ``note`` that
decides nothing) or ``undo`` (of the line ``undoes``). A line with ``settles`` ends a disagreement. ``clip``, ``labels``
and ``accepted`` are what :mod:`menura.align.decisions` reads. A line without a number under ``format`` is of format 1,
the only one yet.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from menura.errors import RunError
from menura.files import disk_errors
from menura.formats import DECISIONS
from menura.seeding import canonical_json

__all__ = ["Action", "Consensus", "Entry", "JsonLines", "Ledger", "Opinion", "consensus_of", "entry_of", "read_lines"]

Action: TypeAlias = Literal["accept", "reject", "relabel", "flag", "undo"]
_ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        n: Its number, from 1.
        reviewer: Who.
        action: Did what.
        request: Id of the request of the clip.
        clip: Its audio file, relative to the folder of the lines.
        labels: That it carries according to the reviewer.
        at: When, ISO 8601.
        note: Reason in words.
        undoes: Number of the line that an undo takes back.
        settles: Whether it ends a disagreement, whatever others said.
        source: Where it comes from, if not from the page; names it, so that nothing is imported twice.
        parents: Ids of the real clips that the clip was made from.
        prompt: That it was made with.
    """

    n: int
    reviewer: str
    action: Action
    request: str
    clip: str = ""
    labels: tuple[str, ...] = ()
    at: str = ""
    note: str = ""
    undoes: int | None = None
    settles: bool = False
    source: str = ""
    parents: tuple[str, ...] = ()
    prompt: str | None = None

    @property
    def accepted(self) -> bool | None:
        """What it says of the clip; None of a flag or an undo."""
        return {"accept": True, "relabel": True, "reject": False}.get(self.action)

    @property
    def row(self) -> dict[str, Any]:
        """As a JSON object, without what says nothing."""
        cells = {**asdict(self), "accepted": self.accepted}
        return {name: cell for name, cell in cells.items() if cell not in (None, "", (), False) or name == "accepted"}


def entry_of(row: Mapping[str, Any], *, source: str) -> Entry:
    """The entry of a JSON object.

    Raises:
        RunError: It is something else.
    """
    row = DECISIONS.brought_up(row, source=source)
    try:
        action = row["action"]
        if action not in _ACTIONS:
            raise ValueError(f"action {action!r}")
        return Entry(
            n=int(row["n"]), reviewer=str(row["reviewer"]), action=action, request=str(row["request"]),
            clip=str(row.get("clip", "")), labels=tuple(map(str, row.get("labels", ()))), at=str(row.get("at", "")),
            note=str(row.get("note", "")), undoes=None if row.get("undoes") is None else int(row["undoes"]),
            settles=bool(row.get("settles", False)), source=str(row.get("source", "")),
            parents=tuple(map(str, row.get("parents", ()))), prompt=row.get("prompt"),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RunError(
            f"{source} is no decision of a review ({error!r}); expected reviewer, request and an action of "
            f"{', '.join(_ACTIONS)}: take the line out"
        ) from error


def read_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The JSON objects of a file, and how many lines are torn: cut off by a crash, and passed over.

    Raises:
        RunError: The file cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from error
    rows, torn = [], 0
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            torn += 1
            continue
        if isinstance(row, dict):
            rows.append(row)
        else:
            torn += 1
    return rows, torn


class JsonLines:
    """A file to which lines are appended, each on the disk before :meth:`append` returns. For one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with disk_errors(str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._ends_whole = _ends_whole(path)

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append lines. After a torn line the next one begins on a line of its own.

        Raises:
            RunError: The disk refuses it.
        """
        data = b"".join(canonical_json(row).encode() + b"\n" for row in rows)
        if not self._ends_whole:
            data = b"\n" + data
        self._ends_whole = False
        with disk_errors(str(self.path)):
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                while data:
                    data = data[os.write(handle, data) :]
                os.fsync(handle)
            finally:
                os.close(handle)
        self._ends_whole = True


def _ends_whole(path: Path) -> bool:
    try:
        with path.open("rb") as source:
            if source.seek(0, os.SEEK_END) == 0:
                return True
            source.seek(-1, os.SEEK_END)
            return source.read(1) == b"\n"
    except FileNotFoundError:
        return True


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one reviewer says of one clip now.

    Attributes:
        reviewer: Who.
        accepted: What they said; None of a clip that they only flagged.
        labels: That it carries according to them.
        relabelled: Whether these are other labels than it was made for.
        flags: Their remarks.
        settles: Whether it ends a disagreement.
        n: Number of the line that decided.
    """

    reviewer: str
    accepted: bool | None
    labels: tuple[str, ...] = ()
    relabelled: bool = False
    flags: tuple[str, ...] = ()
    settles: bool = False
    n: int = 0

    @property
    def category(self) -> str:
        """What agreement is counted by: ``reject``, ``accept``, or the labels given instead."""
        if not self.accepted:
            return "reject"
        return "relabel: " + ", ".join(sorted(self.labels)) if self.relabelled else "accept"


@dataclass(frozen=True, slots=True)
class Consensus:
    """What all reviewers together say of a clip.

    Attributes:
        accepted: None where nobody decided, or they disagree.
        labels: Of an accepted clip.
        relabelled: Whether these are other labels than it was made for.
        disputed: Whether reviewers disagree and nobody has settled it.
    """

    accepted: bool | None
    labels: tuple[str, ...] = ()
    relabelled: bool = False
    disputed: bool = False


@dataclass
class Ledger:
    """The lines folded: who says what of which clip. Holds what was taken in, and gives it back after an undo.

    Files of several people may stand one below the other: a number that is taken already becomes the next free one, and
    an undo among such lines means the line that had the number there.
    """

    entries: dict[int, Entry] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    _by_clip: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    _by_reviewer: dict[str, list[int]] = field(default_factory=dict)
    _renumbered: dict[int, int] = field(default_factory=dict)
    _last: int = 0

    def add(self, entry: Entry) -> None:
        """Take in one line."""
        entry = self._numbered(entry)
        if entry.source:
            self.sources.add(entry.source)
        if entry.action == "undo":
            self._undo(entry)
            self.entries[entry.n] = entry
            return
        self.entries[entry.n] = entry
        self._by_clip.setdefault(entry.request, {}).setdefault(entry.reviewer, []).append(entry.n)
        self._by_reviewer.setdefault(entry.reviewer, []).append(entry.n)

    @property
    def next_n(self) -> int:
        """Number of the next line."""
        return self._last + 1

    @property
    def requests(self) -> list[str]:
        """Ids of the clips of which anything holds."""
        return [request for request, said in self._by_clip.items() if any(said.values())]

    @property
    def reviewers(self) -> list[str]:
        """Everyone who said something that holds, in the order of their first line."""
        return [reviewer for reviewer, numbers in self._by_reviewer.items() if numbers]

    def last_of(self, reviewer: str) -> Entry | None:
        """The line that an undo of this reviewer takes back; None without one."""
        numbers = self._by_reviewer.get(reviewer)
        return self.entries[numbers[-1]] if numbers else None

    def opinions(self, request: str) -> list[Opinion]:
        """What each reviewer says of a clip."""
        said = self._by_clip.get(request, {})
        return [_opinion([self.entries[n] for n in numbers]) for numbers in said.values() if numbers]

    def opinion(self, request: str, reviewer: str) -> Opinion | None:
        """What one reviewer says of a clip; None when nothing holds."""
        numbers = self._by_clip.get(request, {}).get(reviewer)
        return _opinion([self.entries[n] for n in numbers]) if numbers else None

    def consensus(self, request: str) -> Consensus:
        """What all of them say of a clip."""
        return consensus_of(self.opinions(request))

    def latest(self, request: str) -> Entry:
        """The last line of a clip that holds."""
        numbers = [n for own in self._by_clip[request].values() for n in own]
        return self.entries[max(numbers)]

    def _numbered(self, entry: Entry) -> Entry:
        if entry.n > self._last:
            self._renumbered.clear()
            self._last = entry.n
            return entry
        self._last += 1
        self._renumbered[entry.n] = self._last
        undoes = None if entry.undoes is None else self._renumbered.get(entry.undoes, entry.undoes)
        return replace(entry, n=self._last, undoes=undoes)

    def _undo(self, entry: Entry) -> None:
        target = self.entries.get(entry.undoes or 0)
        if target is None or target.reviewer != entry.reviewer or target.action == "undo":
            return
        for numbers in (self._by_clip[target.request][target.reviewer], self._by_reviewer[target.reviewer]):
            if target.n in numbers:
                numbers.remove(target.n)


def consensus_of(opinions: Iterable[Opinion]) -> Consensus:
    """Agreement of all who decided; of several who settle, the last one; else a dispute."""
    decided = [one for one in opinions if one.accepted is not None]
    settling = [one for one in decided if one.settles]
    if settling:
        decided = [max(settling, key=lambda one: one.n)]
    if not decided:
        return Consensus(None)
    if len({one.category for one in decided}) > 1:
        return Consensus(None, disputed=True)
    return Consensus(decided[0].accepted, decided[0].labels, decided[0].relabelled)


def _opinion(entries: list[Entry]) -> Opinion:
    flags = tuple(dict.fromkeys(entry.note for entry in entries if entry.action == "flag" and entry.note))
    last = next((entry for entry in reversed(entries) if entry.accepted is not None), None)
    if last is None:
        return Opinion(entries[-1].reviewer, None, flags=flags)
    return Opinion(
        last.reviewer, last.accepted, last.labels, last.action == "relabel", flags, last.settles, last.n
    )  # fmt: skip
