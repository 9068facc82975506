"""What a label lacks after a round, and all that is known of what it has: the material of a revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from menura.pipeline.decide import LabelDecision, is_surplus, label_rows
from menura.types import Judgement, Request

if TYPE_CHECKING:
    from menura.judge.evidence import Evidence
    from menura.judge.panel import JudgePanel

__all__ = ["Rejection", "Shortfall", "shortfall_of"]


@dataclass(frozen=True, slots=True)
class Requested:
    """Some requests of a label in the order of rounds and plans, read from the shards when asked for."""

    shards: Sequence[Path]
    label: str
    request_ids: frozenset[str]

    def __iter__(self) -> Iterator[Request]:
        for _, row in label_rows(self.shards, self.label):
            if row.request.id in self.request_ids:
                yield row.request


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected candidate, and what the judges have against it.

    Attributes:
        request: What was asked for.
        evidence: Score and threshold, the nearest wrong label, the judges' words.
        path: Its audio file; None when nothing was made.
    """

    request: Request
    evidence: Evidence
    path: Path | None


@dataclass(frozen=True, slots=True)
class Explained:
    """The same as :class:`Requested` of rejected requests, each with the evidence against it."""

    shards: Sequence[Path]
    label: str
    judgements: Mapping[str, Judgement]
    panel: JudgePanel

    def __iter__(self) -> Iterator[Rejection]:
        from menura.judge.evidence import evidence_of

        for shard, row in label_rows(self.shards, self.label, embeddings=True):
            judgement = self.judgements.get(row.request.id)
            if judgement is not None:
                evidence = evidence_of(
                    self.panel, row.request.labels, judgement.reason, scores=judgement.scores, embedding=row.embedding
                )
                yield Rejection(row.request, evidence, shard / row.file if row.file else None)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A label that has fewer sound clips than it should.

    Attributes:
        label: Which label.
        missing: How many clips it lacks.
        pass_rate: Share of its candidates that the judges passed so far.
        rejected: Requests that may be replaced, in the order in which they were planned.
        explained: The same requests, each with the evidence against it.
        passed: Requests whose candidates the judges passed, kept or surplus, in order.
    """

    label: str
    missing: int
    pass_rate: float
    rejected: Iterable[Request]
    explained: Iterable[Rejection] = ()
    passed: Iterable[Request] = ()


def shortfall_of(decision: LabelDecision, shards: Sequence[Path], panel: JudgePanel) -> Shortfall:
    """What a label lacks after its decisions.

    Args:
        decision: On the label; at least one of its requests was rejected.
        shards: That hold its requests, in order.
        panel: The judges.
    """
    label, rate = decision.label, decision.rate
    rejected = frozenset(decision.rejected)
    against = {one.request_id: one for one in decision.judgements if one.request_id in rejected}
    passed = frozenset(one.request_id for one in decision.judgements if one.accepted or is_surplus(one))
    return Shortfall(
        label,
        missing=rate.target - rate.kept,
        pass_rate=rate.passed / rate.planned,
        rejected=Requested(shards, label, rejected),
        explained=Explained(shards, label, against, panel),
        passed=Requested(shards, label, passed),
    )
