"""What a check of a model in training measures, and what it says in words."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Check", "Errors", "in_words"]

_NOTICEABLE = 0.002


@dataclass(frozen=True, slots=True)
class Errors:
    """Mean squared errors of the denoiser on pairs, at draws that are the same in every check.

    Attributes:
        winner, loser: Of the model in training; the loser's is None without losers.
        reference_winner, reference_loser: Of the model as it was.
        accuracy: Share of pairs and draws in which the winner has gained more on the reference than the loser; 0.5
            of those that are equal count.
    """

    winner: float
    reference_winner: float
    loser: float | None = None
    reference_loser: float | None = None
    accuracy: float | None = None

    @property
    def winner_change(self) -> float:
        """Since training began; negative is better."""
        return self.winner - self.reference_winner

    @property
    def loser_change(self) -> float | None:
        """Since training began; positive is intended, where it is not large."""
        return None if self.loser is None or self.reference_loser is None else self.loser - self.reference_loser

    @property
    def margin(self) -> float | None:
        """By how much the winner gained more than the loser."""
        return None if self.loser_change is None else self.loser_change - self.winner_change


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        step: Optimiser steps until then.
        errors: On pairs.
        kad: Kernel distance of generated clips to the validation clips, 100 times MMD squared.
        agreement: Share of generated clips whose label a classifier of the training clips hears; None with one label.
        vendi: How many different clips the generated ones are worth.
        nearest: Median distance of a generated clip to the nearest training clip.
        real_nearest: Median distance of a real clip to the nearest training clip of another group.
        near_share: Share of generated clips nearer to a training clip than 95 % of real clips are to each other.
        near_p: P-value of generated clips being as near as that by chance.
    """

    step: int
    errors: Errors
    kad: float
    agreement: float | None
    vendi: float
    nearest: float
    real_nearest: float
    near_share: float
    near_p: float


def in_words(check: Check, before: Check | None = None) -> list[str]:
    """What a person should know of a check and would not see at once; nothing where all is well.

    Args:
        check: The last one.
        before: The one before it.
    """
    said = []
    errors, margin = check.errors, check.errors.margin
    winner, loser = errors.winner_change, errors.loser_change
    if margin is not None and loser is not None and winner > _NOTICEABLE * errors.reference_winner and margin > 0:
        said.append(
            f"the margin grows because both get worse: winner error {winner:+.4f}, loser error {loser:+.4f}; "
            "raise the anchor, or take fewer steps"
        )
    elif winner > _NOTICEABLE * errors.reference_winner:
        said.append(f"the winner error rises ({winner:+.4f}); lower the learning rate")
    if check.near_share > 0.2:
        said.append(
            f"{check.near_share:.0%} of the generations are nearer to a training clip than real clips are to each "
            "other: listen for copies"
        )
    if before is not None and check.vendi < 0.8 * before.vendi:
        said.append(f"diversity fell from {before.vendi:.1f} to {check.vendi:.1f} since the last check")
    return said
