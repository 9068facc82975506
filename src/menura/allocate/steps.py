"""The next round of an allocation, or its end: a pure function of the rounds so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from menura.allocate.budget import allocate, responsive
from menura.allocate.flattening import gain_of, has_flattened
from menura.allocate.record import Assessment, Ending, RoundRecord
from menura.config import AllocationSettings

__all__ = ["LOWEST_PASS_RATE", "PATIENCE", "Tally", "beforehand", "first_round", "next_step"]

PATIENCE = 2
"""Rounds over which the gain is taken that decides whether more clips still help."""

LOWEST_PASS_RATE = 0.2
"""Pass rate below which no more candidates are made to make up for it."""

_TRIES = 5
"""Candidates of a label after which one of which none has passed gets no more."""


@dataclass(frozen=True)
class Tally:
    """What has become of the requests of all rounds so far, label by label.

    Attributes:
        kept: Clips that would be kept now.
        passed: Candidates that no judge rejected.
        planned: Requests.
    """

    kept: Mapping[str, int]
    passed: Mapping[str, int]
    planned: Mapping[str, int]


def beforehand(even: Mapping[str, int], settings: AllocationSettings) -> dict[str, tuple[int, int]]:
    """Label to what is known before anything is made: its clips of the first round, and the most that it can get."""
    budget = _budget_through(sum(even.values()), 0, settings.rounds)
    shares = np.array([float(count) for count in even.values()])
    first = allocate(budget, shares, cap=np.array(list(even.values()), dtype=np.int64))
    return {
        label: (int(count), math.ceil(settings.most * even[label])) for label, count in zip(even, first, strict=True)
    }


def first_round(
    even: Mapping[str, int], assessment: Assessment, settings: AllocationSettings, *, surplus: float
) -> RoundRecord:
    """The first round: its part of the budget, given out as evenly as the whole would be.

    Args:
        even: Clips that an even run keeps of each label.
        assessment: What the learner knows of real clips alone.
        settings: Of the allocation.
        surplus: Candidates for each clip to be kept.
    """
    targets = {label: first for label, (first, _) in beforehand(even, settings).items()}
    none = dict.fromkeys(even, 0)
    requests = {label: _requests(targets[label], 0, 0, surplus) for label in even}
    return RoundRecord(0, assessment, none, none, none, targets, requests)


def next_step(
    even: Mapping[str, int],
    records: Sequence[RoundRecord],
    tally: Tally,
    assessment: Assessment,
    settings: AllocationSettings,
    *,
    surplus: float,
    clips_of: Mapping[str, int],
    prompts: Mapping[str, Mapping[str, float]] | None = None,
) -> RoundRecord | Ending:
    """What follows the rounds so far.

    The clips to be given out are those of the budget up to the coming round that have not been kept: what a label
    could not fill comes back and may go to another one. A label has ``uncertainty x responsive(gain)`` as its weight.
    None gets more than ``most`` even shares, and none of which the judges passed nothing gets any.

    Args:
        even: Clips that an even run keeps of each label.
        records: The rounds so far, at least one.
        tally: What has become of them.
        assessment: What the learner knows now.
        settings: Of the allocation.
        surplus: Candidates for each clip to be kept.
        clips_of: Real clips of each label.
        prompts: Weights of prompts, for the record.
    """
    done = len(records)
    if done == settings.rounds:
        return Ending("the whole budget was given out", False, tally.kept, assessment)
    history = [np.array(one.scores) for one in (*(record.assessment for record in records), assessment)]
    if settings.stop and has_flattened(history, least=settings.least_gain, patience=PATIENCE):
        gain, error = gain_of(history[-1 - PATIENCE], history[-1])
        return Ending(
            f"the last {PATIENCE} rounds changed the learner's score by {gain:+.4f} (standard error {error:.4f}), "
            f"surely less than {settings.least_gain:g}",
            True, tally.kept, assessment,
        )  # fmt: skip
    labels = list(even)
    states = [assessment.labels[label] for label in labels]
    factor = responsive(
        np.array([state.gain for state in states]), np.array([clips_of.get(label, 0) for label in labels])
    )
    kept = np.array([tally.kept.get(label, 0) for label in labels], dtype=np.int64)
    cap = np.maximum(np.array([math.ceil(settings.most * even[label]) for label in labels]) - kept, 0)
    hopeless = np.array([not tally.passed.get(label) and tally.planned.get(label, 0) >= _TRIES for label in labels])
    budget = _budget_through(sum(even.values()), done, settings.rounds) - int(kept.sum())
    added = allocate(
        max(0, budget),
        np.array([state.uncertainty for state in states]) * factor,
        cap=np.where(hopeless, 0, cap),
        even=np.array([float(even[label]) for label in labels]),
        even_share=settings.even_share,
    )
    targets = dict(zip(labels, (kept + added).tolist(), strict=True))
    requests = {
        label: _requests(targets[label], tally.passed.get(label, 0), tally.planned.get(label, 0), surplus)
        for label in labels
    }
    return RoundRecord(
        done, assessment, dict(tally.kept), dict(tally.passed), dict(tally.planned), targets, requests, prompts or {}
    )


def _budget_through(total: int, round_index: int, rounds: int) -> int:
    """Clips of the budget up to and with a round."""
    return math.floor(total * (round_index + 1) / rounds + 0.5)


def _requests(target: int, passed: int, planned: int, surplus: float) -> int:
    """New requests: as many candidates for each clip as an even run has, and enough that the target can be kept."""
    usual = math.ceil(round(target * surplus, 6)) - planned
    rate = passed / planned if planned else 1.0
    needed = math.ceil(round((target - passed) / max(rate, LOWEST_PASS_RATE), 6))
    return max(0, usual, needed)
