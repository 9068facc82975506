"""A run as its reviewers left it: what they rejected is out, what they accepted in, what got other labels moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from menura.decisions import Consensus, Ledger, entry_of, read_lines
from menura.errors import RunError
from menura.pipeline.plan import lead_labels
from menura.pipeline.run import ClipRecord, Run
from menura.types import Clip

__all__ = ["DECISIONS_PATH", "Reviewed", "read_reviewed"]

DECISIONS_PATH = ("review", "decisions.jsonl")


@dataclass(frozen=True)
class Reviewed:
    """What reviewers together say of the clips of a run.

    Attributes:
        by_request: Request id to what they say; clips of which nobody decided are absent.
    """

    by_request: dict[str, Consensus]

    @cached_property
    def disputed(self) -> int:
        """Clips that they disagree about: left out until somebody settles it."""
        return sum(one.disputed for one in self.by_request.values())

    def records(self, run: Run) -> Iterator[tuple[ClipRecord, Clip]]:
        """The clips that remain, with the label that each counts for and the labels that it carries now.

        Raises:
            RunError: The run is not finished, or damaged.
        """
        lead = lead_labels(run.training.counts())
        for record in run.records():
            said = self.by_request.get(record.request.id)
            if said is None or (said.accepted is None and not said.disputed):
                if record.judgement.accepted:
                    yield record, run.clip_of(record)
            elif said.accepted and record.path is not None:
                label = lead(said.labels) if said.relabelled else record.label
                moved = replace(record, label=label)
                yield moved, replace(run.clip_of(moved), labels=said.labels, path=str(record.path))


def read_reviewed(run: Run) -> Reviewed:
    """The decisions of ``menura review``.

    Raises:
        RunError: There are none, or they cannot be read.
    """
    path = run.path.joinpath(*DECISIONS_PATH)
    ledger = Ledger()
    for row in read_lines(path)[0]:
        ledger.add(entry_of(row, source=str(path)))
    if not ledger.requests:
        raise RunError(f"{path} holds no decision; `menura review {run.path.name}` takes them")
    return Reviewed({request: ledger.consensus(request) for request in ledger.requests})
