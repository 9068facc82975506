"""Mixup of real clips: the plan of each mixture, and what there is to learn of each label."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from menura.augmentation.mixtures import draw_share, mix_recordings
from menura.augmentation.styles import formed
from menura.errors import AudioError
from menura.studies.arms import Example
from menura.studies.copies import CopyPlan, drawn_for
from menura.types import Recording

__all__ = ["Mixture", "make_mixtures", "plan_mixtures", "shares_of"]


@dataclass(frozen=True, slots=True)
class Mixture:
    """One mixture to be made.

    Attributes:
        plan: Its larger part, and its number.
        partner: Its smaller part.
        share: Of the larger part.
    """

    plan: CopyPlan
    partner: Example
    share: float

    @property
    def example(self) -> Example:
        """As a training example: with the sources of both, and shares of the labels of both."""
        sources = tuple(sorted({*self.plan.parent.sources, *self.partner.sources}))
        shares = shares_of(self.plan.parent.labels, self.partner.labels, self.share)
        return replace(self.plan.example, sources=sources, shares=shares)


def shares_of(first: Sequence[str], second: Sequence[str], share: float) -> tuple[tuple[str, float], ...]:
    """``share * first + (1 - share) * second`` of each label; a label of both is there as a whole.

    Example:
        >>> shares_of(["dog"], ["rain"], 0.75)
        (('dog', 0.75), ('rain', 0.25))
        >>> shares_of(["dog"], ["dog"], 0.75)
        (('dog', 1.0),)
    """
    return tuple(
        (label, share * (label in first) + (1 - share) * (label in second)) for label in sorted({*first, *second})
    )


def plan_mixtures(plans: Sequence[CopyPlan], real: Sequence[Example], *, seed: int, key: str) -> list[Mixture]:
    """A partner and a share for each copy; any other real clip may be the partner, whatever its label.

    Args:
        plans: One for each mixture.
        real: The real training clips; a single one is its own partner.
        seed: Seed of the cell.
        key: Name of the fold.
    """
    mixtures = []
    for plan in plans:
        generator = drawn_for(plan, seed=seed, key=key)
        others = [example for example in real if example.id != plan.parent.id] or list(real)
        partner = others[int(generator.integers(len(others)))]
        mixtures.append(Mixture(plan, partner, draw_share(generator)))
    return mixtures


def make_mixtures(mixtures: Sequence[Mixture], hear: Callable[[str], Recording]) -> Iterator[tuple[str, Recording]]:
    """Example id and recording of each mixture: rate, channels and length of the larger part, peak at most 1.

    Raises:
        AudioError: A clip holds no samples.
    """
    for mixture in mixtures:
        first, second = hear(mixture.plan.parent.id), hear(mixture.partner.id)
        if not first.waveform.size or not second.waveform.size:
            raise AudioError("a recording without samples cannot be mixed; remove the clip")
        yield mixture.example.id, formed(mix_recordings(first, second, mixture.share).waveform, first)
