"""Losses that make a diffusion model prefer one sound of a pair to the other, and what a step of it measured.

All take squared denoising errors of each sound, ``[pairs]``: how far what the model said is from what it was to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from menura.errors import ConfigError

__all__ = [
    "PairErrors",
    "StepMeasures",
    "anchored_loss",
    "dpo_loss",
    "fine_tuning_loss",
    "implicit_accuracy",
    "implicit_margin",
    "measured",
    "squared_error",
]


@dataclass(frozen=True, slots=True)
class PairErrors:
    """Squared errors of one model on the winners and the losers of a batch, ``[pairs]`` each."""

    winner: Tensor
    loser: Tensor

    def detached(self) -> PairErrors:
        """The same numbers without the way they came about."""
        return PairErrors(self.winner.detach(), self.loser.detach())


def squared_error(said: Tensor, target: Tensor) -> Tensor:
    """``mean((said - target)^2)`` of each row ``[batch]``, in float32 at least.

    Args:
        said: What the model said, ``[batch, …]``.
        target: What it was to say, the same shape.
    """
    kind = torch.promote_types(torch.promote_types(said.dtype, target.dtype), torch.float32)
    return (said.to(kind) - target.to(kind)).square().flatten(1).mean(1)


def implicit_margin(winner: Tensor, loser: Tensor, winner_reference: Tensor, loser_reference: Tensor) -> Tensor:
    """``(loser - loser_reference) - (winner - winner_reference)``, ``[pairs]``: above 0 if the winner gained more."""
    return (loser - loser_reference) - (winner - winner_reference)


def dpo_loss(
    winner: Tensor, loser: Tensor, winner_reference: Tensor, loser_reference: Tensor, *, beta: float
) -> Tensor:
    """Diffusion-DPO loss of each pair.

    ``-log sigmoid(-beta / 2 * ((winner - winner_reference) - (loser - loser_reference)))``: small when the model,
    compared with the reference, denoises the winner better than the loser. It looks at the difference only, and can
    fall while the winner's own error rises: see :func:`anchored_loss`.

    Args:
        winner, loser: Squared errors of the model, ``[pairs]``.
        winner_reference, loser_reference: Those of the reference model, at the same noise, time and conditions.
        beta: Pull towards the reference model, > 0; larger stays closer. It includes the factor T of the paper, and
            the half is that of the published implementation, so that its 2000 to 5000 mean the same here.

    Returns:
        Loss ``[pairs]``; ln 2 while both models are equal.

    Raises:
        ConfigError: ``beta`` is not above 0.

    Source:
        Wallace et al. 2023, arXiv:2311.12908, equation 14, with a constant weight of the noise levels.
    """
    if not beta > 0:
        raise ConfigError(f"beta is {beta}, expected a number above 0; 2000 is common")
    margin = implicit_margin(winner, loser, winner_reference, loser_reference)
    return -functional.logsigmoid(beta / 2 * margin)


def anchored_loss(preference: Tensor, winner: Tensor, *, anchor: float) -> Tensor:
    """``preference + anchor * winner``, ``[pairs]``: a preference that does not let the winner itself get worse.

    Args:
        preference: Loss of each pair, ``[pairs]``.
        winner: Squared error of the model on the winner, ``[pairs]``.
        anchor: Weight, from 0 (none) on; 1 is that of the source.

    Raises:
        ConfigError: ``anchor`` is negative.

    Source:
        Hung et al. 2024 (TangoFlux), arXiv:2412.21037, the loss of CRPO.
    """
    if not anchor >= 0:
        raise ConfigError(f"anchor is {anchor}, expected 0 (none) or more; 1 is common")
    return preference + anchor * winner


def fine_tuning_loss(winner: Tensor) -> Tensor:
    """The squared error itself, ``[clips]``: plain fine-tuning on the winners, without any loser or reference."""
    return winner


def implicit_accuracy(margin: Tensor) -> Tensor:
    """Share of the pairs with a margin above 0; ties count half, so that a model equal to its reference has 0.5."""
    return (margin > 0).float().mean() + 0.5 * (margin == 0).float().mean()


@dataclass(frozen=True, slots=True)
class StepMeasures:
    """What one step measured, averaged over its pairs.

    Attributes:
        loss: What was minimised.
        accuracy: Share of the pairs in which the winner gained more than the loser.
        margin: By how much.
        winner, loser: Squared errors of the model.
        winner_change, loser_change: The same less those of the reference; below 0 is better than it.
    """

    loss: float
    accuracy: float
    margin: float
    winner: float
    loser: float
    winner_change: float
    loser_change: float

    @property
    def both_worse(self) -> bool:
        """Whether the margin is there only because the loser got worse faster than the winner did."""
        return self.margin > 0 and self.winner_change > 0


def measured(loss: Tensor, model: PairErrors, reference: PairErrors) -> StepMeasures:
    """What a step measured.

    Args:
        loss: Of each pair, or their mean.
        model, reference: Squared errors at the same noise, times and conditions.
    """
    model, reference = model.detached(), reference.detached()
    margin = implicit_margin(model.winner, model.loser, reference.winner, reference.loser)
    numbers = (
        loss.detach().mean(), implicit_accuracy(margin), margin.mean(), model.winner.mean(), model.loser.mean(),
        (model.winner - reference.winner).mean(), (model.loser - reference.loser).mean(),
    )  # fmt: skip
    return StepMeasures(*(float(number) for number in numbers))
