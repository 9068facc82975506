"""When training by preference ends, and which of its checkpoints is kept: a function of the checks so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from menura.align.checks import Check

__all__ = ["TOO_NEAR_P", "Verdict", "kept_of", "verdict_of"]

TOO_NEAR_P = 0.001
"""Generations count as too near to training clips below this p-value; there are many checks, so it is strict."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from the checks.

    Attributes:
        stop: Whether to end here.
        best: Place of the check whose weights are kept.
        reason: Why it ends, in words; empty while it goes on.
    """

    stop: bool
    best: int
    reason: str = ""


def verdict_of(checks: Sequence[Check], *, patience: int) -> Verdict:
    """Keeps the nearest generations to the validation clips that are not too near to the training clips.

    It ends when generations come nearer to training clips than real clips are to each other, if they did not before
    training; or when ``patience`` checks on end were farther from the validation clips than the best one.

    Args:
        checks: All so far, in order, the first one before training.
        patience: Checks.

    Raises:
        ValueError: There is no check.
    """
    if not checks:
        raise ValueError("a verdict needs a check")
    best = _nearest(checks, range(len(checks)))
    last = checks[-1]
    if _too_near(checks, last):
        return Verdict(
            True,
            best,
            f"generations come nearer to training clips ({last.nearest:.3f}) than real clips are to each other "
            f"({last.real_nearest:.3f})",
        )
    if len(checks) - 1 - best >= patience:
        return Verdict(
            True,
            best,
            f"KAD to the validation clips turned: {checks[best].kad:.3f} at step {checks[best].step}, {last.kad:.3f} "
            f"at step {last.step}",
        )
    return Verdict(False, best)


def kept_of(checks: Sequence[Check]) -> int:
    """Place of the check whose adapter is kept: the best one after training began, even if none was better."""
    return _nearest(checks, range(min(1, len(checks) - 1), len(checks)))


def _nearest(checks: Sequence[Check], places: Sequence[int]) -> int:
    """Of these the one with the least KAD that is not too near to training clips; the first where all are."""
    sound = [place for place in places if not _too_near(checks, checks[place])]
    return min(sound or places[:1], key=lambda place: (checks[place].kad, place))


def _too_near(checks: Sequence[Check], check: Check) -> bool:
    """Whether training made the generations come too near; a model that was so before is not stopped for it."""
    return check.near_p < TOO_NEAR_P <= checks[0].near_p
