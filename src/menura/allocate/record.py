"""What is written down of a round of allocation: what the learner knew, and what it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from menura.records import record_from

__all__ = ["Assessment", "Ending", "LabelState", "RoundRecord", "table_rows"]


@dataclass(frozen=True, slots=True)
class LabelState:
    """What the learner knows of one label, out of fold.

    Attributes:
        uncertainty: In [0, 1], drawn towards that of all labels.
        score: Brier score in [0, 1]; more is better.
        gain: In score since there were no synthetic clips.
    """

    uncertainty: float
    score: float
    gain: float = 0.0


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the learner knows after so many synthetic clips, out of fold on the real training clips.

    Attributes:
        clips: Synthetic clips that it learned from.
        scores: Brier score of each real clip, ordered by clip id.
        score: Their mean.
        recall: Mean recall over labels, or with several labels a clip mean precision at the true ones.
        strength: C of its logistic regression.
        labels: Label to what it knows of it.
    """

    clips: int
    scores: tuple[float, ...]
    score: float
    recall: float
    strength: float
    labels: Mapping[str, LabelState]


@dataclass(frozen=True)
class RoundRecord:
    """A round of allocation, before it is planned.

    Attributes:
        round: Its number; its plan and its shards are in the folder of that round.
        assessment: What the learner knew before it.
        kept, passed, planned: Per label, after the round before: clips kept, candidates that passed, requests.
        targets: Clips to be kept of each label after this round, all rounds together.
        requests: New requests of each label.
        prompts: Label to prompt to weight, where requests have prompts; the prompt ``""`` stands for all new ones.
    """

    round: int
    assessment: Assessment
    kept: Mapping[str, int]
    passed: Mapping[str, int]
    planned: Mapping[str, int]
    targets: Mapping[str, int]
    requests: Mapping[str, int]
    prompts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def budget(self) -> dict[str, int]:
        """Clips that the round was to add to each label."""
        return {label: target - self.kept.get(label, 0) for label, target in self.targets.items()}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RoundRecord:
        """Inverse of :meth:`to_json`."""
        return record_from(cls, values)


@dataclass(frozen=True)
class Ending:
    """Why no further round followed.

    Attributes:
        reason: In one sentence.
        stopped_early: Whether a part of the budget was left.
        kept: Clips kept of each label when it ended; revision may still add what a target lacks.
        assessment: What the learner knew in the end.
    """

    reason: str
    stopped_early: bool
    kept: Mapping[str, int]
    assessment: Assessment

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Ending:
        """Inverse of :meth:`to_json`."""
        return record_from(cls, values)


def table_rows(records: Sequence[RoundRecord], ending: Ending | None) -> list[dict[str, Any]]:
    """One row per round and, for the end, one without a budget: for the summary, ``--json``, the card and the report.

    Each has ``round``, ``clips`` (synthetic clips that the learner knew before), ``score``, ``recall``, ``gain`` (in
    score since the row before) and ``labels``: label to ``budget``, ``uncertainty``, ``score`` and ``gain``.
    """
    rows: list[dict[str, Any]] = []
    states = [(record.round, record.assessment, record.budget) for record in records]
    states += [(len(records), ending.assessment, {})] if ending else []
    for number, assessment, budget in states:
        before = rows[-1]["score"] if rows else assessment.score
        rows.append(
            {
                "round": number,
                "clips": assessment.clips,
                "score": assessment.score,
                "recall": assessment.recall,
                "gain": round(assessment.score - before, 6),
                "budget": sum(budget.values()),
                "labels": {
                    label: {"budget": budget.get(label, 0), **asdict(state)}
                    for label, state in sorted(assessment.labels.items())
                },
            }
        )
    return rows
