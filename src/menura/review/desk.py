"""Where decisions are taken: the clips, the lines on disk and what they amount to, for several reviewers at once."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from menura.decisions import Action, Entry, JsonLines, Ledger, entry_of, read_lines
from menura.errors import ConfigError
from menura.review.catalogue import Catalogue, Item
from menura.review.query import Query, select, state_of

__all__ = ["FLAGS", "Desk", "read_ledger"]

FLAGS = ("wrong label", "artefacts", "noisy", "clipped", "cut off", "silence", "copy of its parent", "several sources")
"""Reasons that the page offers; any other text will do."""
_LONGEST_NOTE = 500


def now() -> str:
    """The time, as lines state it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _text(text: str) -> str:
    """A text on one line that UTF-8 can hold: JSON can name halves of characters."""
    return " ".join(text.encode("utf-8", "replace").decode().split())


def _number(score: float) -> str:
    """Four digits, and large ones as a whole number."""
    return f"{score:.0f}" if 1e4 <= abs(score) < 1e15 else f"{score:.4g}"


def read_ledger(path: Path) -> tuple[Ledger, int]:
    """The decisions of a file folded, and how many of its lines are torn.

    Raises:
        RunError: It cannot be read, or a line is something else.
    """
    ledger = Ledger()
    rows, torn = read_lines(path)
    for row in rows:
        ledger.add(entry_of(row, source=str(path)))
    return ledger, torn


class Desk:
    """Takes decisions and answers questions about them; safe to be used by several threads.

    Args:
        catalogue: The clips.
        clock: Gives the time of a line.
    """

    def __init__(self, catalogue: Catalogue, *, clock: Callable[[], str] = now) -> None:
        self.catalogue = catalogue
        self.ledger, self.torn = read_ledger(catalogue.decisions_path)
        self._log = JsonLines(catalogue.decisions_path)
        self._clock = clock
        self._states: dict[str, dict[str, str]] = {}  # of each reviewer who has asked, kept up with every line
        self._lock = threading.RLock()

    def decide(
        self,
        reviewer: str,
        request: str,
        action: Action,
        *,
        labels: Sequence[str] = (),
        note: str = "",
        settles: bool = False,
        source: str = "",
    ) -> Entry:
        """Take one decision; it is on the disk when this returns.

        Args:
            reviewer: Who.
            request: Id of the clip.
            action: ``accept``, ``reject``, ``relabel`` or ``flag``.
            labels: Of a relabelled clip.
            note: Of a flag; its reason.
            settles: Whether it ends a disagreement.
            source: Where it was imported from.

        Raises:
            ConfigError: The clip or a label is unknown, or something is missing.
            RunError: The disk refuses it.
        """
        item = self._item(request)
        chosen = self._labels(item, labels) if action == "relabel" else item.labels
        note, reviewer, source = (_text(one) for one in (note, reviewer, source))
        if action == "flag" and not note:
            raise ConfigError("a flag needs a reason in words")
        if len(note) > _LONGEST_NOTE:
            raise ConfigError(f"a remark has {len(note)} characters, at most {_LONGEST_NOTE} are kept")
        if action not in ("accept", "reject", "relabel", "flag"):
            raise ConfigError(f"no decision {action!r}; known: accept, reject, relabel, flag")
        with self._lock:
            return self._take(
                Entry(
                    n=self.ledger.next_n, reviewer=reviewer, action=action, request=request,
                    clip=Path(os.path.relpath(item.path, self.catalogue.decisions_path.parent)).as_posix(),
                    labels=tuple(chosen), at=self._clock(), note=note, settles=settles, source=source,
                    parents=item.parents, prompt=item.prompt or None,
                )
            )  # fmt: skip

    def undo(self, reviewer: str) -> Entry | None:
        """Take back the reviewer's last line that holds; None when there is none. Returns the line taken back."""
        with self._lock:
            last = self.ledger.last_of(reviewer)
            if last is not None:
                undone = replace(
                    last, n=self.ledger.next_n, action="undo", undoes=last.n, at=self._clock(), note="", labels=(),
                    settles=False, source="", prompt=None, parents=(), clip="",
                )  # fmt: skip
                self._take(undone)
            return last

    def select(self, query: Query, reviewer: str) -> list[Item]:
        """The clips that a query asks for."""
        with self._lock:
            return select(self.catalogue, self.ledger, query, reviewer)

    def row(self, item: Item, reviewer: str) -> dict[str, Any]:
        """What a list shows of a clip."""
        with self._lock:
            own = self.ledger.opinion(item.id, reviewer)
            return {
                "id": item.id,
                "label": ", ".join(item.labels),
                "verdict": item.verdict,
                "kind": item.kind,
                "said": state_of(item, self.ledger, reviewer),
                "labels": list(own.labels) if own and own.relabelled else [],
                "flags": list(own.flags) if own else [],
                "disputed": self.ledger.consensus(item.id).disputed,
            }

    def detail(self, item: Item, reviewer: str) -> dict[str, Any]:
        """Everything that the page shows of a clip."""
        reals = [self.catalogue.reals[parent] for parent in item.parents if parent in self.catalogue.reals]
        with self._lock:
            others = [
                {"reviewer": one.reviewer, "said": one.category, "flags": list(one.flags), "settles": one.settles}
                for one in self.ledger.opinions(item.id)
                if one.reviewer != reviewer and self.ledger.opinion(item.id, reviewer) is not None
            ]
        return {
            **self.row(item, reviewer),
            "reason": item.reason,
            "scores": {name: _number(score) for name, score in item.scores.items()},
            "prompt": item.prompt,
            "round": item.round,
            "own_labels": list(item.labels),
            "parents": [
                {"id": real.id, "label": ", ".join(real.labels), "detail": real.detail,
                 "role": "parent" if set(real.labels) & set(item.labels) else "background"}
                for real in reals
            ],
            "others": others,
        }  # fmt: skip

    def counts(self, reviewer: str) -> dict[str, int]:
        """How far a reviewer has come."""
        with self._lock:
            if reviewer not in self._states:
                known = (one for one in self.ledger.requests if one in self.catalogue.by_id)
                self._states[reviewer] = {one: self._state(one, reviewer) for one in known}
            said = Counter(self._states[reviewer].values())
        found = {name: said[name] for name in ("accept", "reject", "relabel")}
        return {**found, "undecided": len(self.catalogue.items) - sum(found.values())}

    def take_in(self, entries: Iterable[dict[str, Any]]) -> int:
        """Take decisions of another program, each source once; returns how many were new."""
        taken = 0
        for cells in entries:
            if _text(cells["source"]) not in self.ledger.sources:
                self.decide(**cells)
                taken += 1
        return taken

    def _take(self, entry: Entry) -> Entry:
        self._log.append([entry.row])
        self.ledger.add(entry)
        if entry.reviewer in self._states and entry.request in self.catalogue.by_id:
            self._states[entry.reviewer][entry.request] = self._state(entry.request, entry.reviewer)
        return entry

    def _state(self, request: str, reviewer: str) -> str:
        return state_of(self.catalogue.by_id[request], self.ledger, reviewer)

    def _item(self, request: str) -> Item:
        item = self.catalogue.by_id.get(request)
        if item is None:
            raise ConfigError(f"no clip {request[:40]!r} in {self.catalogue.name}")
        return item

    def _labels(self, item: Item, labels: Sequence[str]) -> tuple[str, ...]:
        unknown = [label for label in labels if label not in self.catalogue.labels]
        if unknown:
            raise ConfigError(f"no label {str(unknown[0])[:80]!r} in the training clips of {self.catalogue.name}")
        chosen = tuple(dict.fromkeys(labels))
        if not chosen or (len(chosen) > 1 and not self.catalogue.is_multilabel):
            raise ConfigError(f"{len(chosen)} labels given; a relabelled clip of this dataset has exactly one")
        if set(chosen) == set(item.labels):
            raise ConfigError("these are the labels that the clip has already; accept it instead")
        return chosen
