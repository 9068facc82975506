"""Pairs of sounds under one noise, one time and one set of conditions, for the model and its reference alike.

Everything that is drawn for a batch is drawn once, and stands in one record. Whoever is asked about that record, model
or reference, winner or loser, is asked the same question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from menura.diffusion.paths import NoisePath, noised, rows
from menura.diffusion.preference import PairErrors, squared_error
from menura.errors import ConfigError

__all__ = ["Draws", "Predict", "TimeKind", "draw_batch", "draw_times", "drop_conditions", "errors", "pair_errors"]

Predict: TypeAlias = Callable[[Tensor, Tensor, Mapping[str, Tensor]], Tensor]
"""What a model says of noisy latents ``[batch, …]`` at times ``[batch]`` under conditions ``[batch, …]``."""

TimeKind = Literal["uniform", "stratified", "logit-normal"]


@dataclass(frozen=True, slots=True)
class Draws:
    """What was drawn for a batch.

    Attributes:
        noise: Like the latents of one side, ``[pairs, …]``.
        time: ``[pairs]`` in [0, 1].
        conditions: By name, ``[pairs, …]``, those that were dropped already put in place.
    """

    noise: Tensor
    time: Tensor
    conditions: Mapping[str, Tensor]

    def to(self, device: torch.device | str) -> Draws:
        """The same on another device."""
        return Draws(
            self.noise.to(device),
            self.time.to(device),
            {name: told.to(device) for name, told in self.conditions.items()},
        )


def draw_times(
    kind: TimeKind, count: int, generator: torch.Generator, *, mean: float = 0.0, scale: float = 1.0
) -> Tensor:
    """Times ``[count]`` in [0, 1], float32.

    Args:
        kind: ``uniform``; ``stratified``, one from each of ``count`` equal parts, in random order; or ``logit-normal``,
            ``sigmoid(mean + scale * normal)``, which favours the middle, where a flow is hardest to learn.
        count: How many.
        generator: On the processor.
        mean, scale: Of the logit-normal one: above 0 leans to noise; smaller is narrower.

    Raises:
        ConfigError: The kind is unknown, or the scale is not above 0.

    Source:
        Logit-normal: Esser et al. 2024, arXiv:2403.03206, section 3.1.
    """
    if kind == "uniform":
        return torch.rand(count, generator=generator)
    if kind == "stratified":
        return (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) / count
    if kind != "logit-normal":
        raise ConfigError(f"times are drawn {kind!r}, expected one of {', '.join(get_args(TimeKind))}")
    if not scale > 0:
        raise ConfigError(f"scale of the logit-normal times is {scale}, expected a number above 0")
    return torch.sigmoid(mean + scale * torch.randn(count, generator=generator))


def drop_conditions(
    conditions: Mapping[str, Tensor], unprompted: Mapping[str, Tensor], dropped: Tensor
) -> dict[str, Tensor]:
    """The conditions with the rows that are dropped replaced by those without a prompt.

    Args:
        conditions: ``[batch, …]`` by name.
        unprompted: One row by the same names.
        dropped: Which rows, boolean ``[batch]``.
    """
    return {
        name: torch.where(rows(dropped, told).bool(), unprompted[name].to(told), told)
        for name, told in conditions.items()
    }


def draw_batch(
    clean: Tensor,
    conditions: Mapping[str, Tensor],
    generator: torch.Generator,
    *,
    unprompted: Mapping[str, Tensor] | None = None,
    dropout: float = 0.0,
    times: TimeKind = "uniform",
    mean: float = 0.0,
    scale: float = 1.0,
) -> Draws:
    """Noise, times and dropped conditions of a batch; the same for the same generator, whatever the device.

    Args:
        clean: Latents of one side of the pairs, ``[pairs, …]``; only their shape counts.
        conditions: ``[pairs, …]`` by name.
        generator: On the processor.
        unprompted: Conditions without a prompt, one row; needed with ``dropout``.
        dropout: Share of the pairs that lose their prompt, so that guidance keeps working, in [0, 1].
        times, mean, scale: See :func:`draw_times`.

    Raises:
        ConfigError: ``dropout`` is out of range, or has nothing to put in place.
    """
    if not 0 <= dropout <= 1:
        raise ConfigError(f"dropout of the conditions is {dropout}, expected a number in [0, 1]")
    if dropout and unprompted is None:
        raise ConfigError(f"dropout of the conditions is {dropout}, which needs the conditions without a prompt")
    time = draw_times(times, len(clean), generator, mean=mean, scale=scale)
    noise = torch.randn(clean.shape, generator=generator)
    dropped = torch.rand(len(clean), generator=generator) < dropout
    told = drop_conditions(conditions, unprompted, dropped) if unprompted is not None else dict(conditions)
    return Draws(noise, time, told)


def errors(predict: Predict, path: NoisePath, clean: Tensor, draws: Draws) -> Tensor:
    """Squared error of a model on clean latents under a batch's noise, times and conditions, ``[batch]``."""
    said = predict(noised(path, clean, draws.noise, draws.time), draws.time, draws.conditions)
    return squared_error(said, path.target(clean, draws.noise, draws.time))


def pair_errors(predict: Predict, path: NoisePath, *, winner: Tensor, loser: Tensor, draws: Draws) -> PairErrors:
    """Squared errors of a model on both sides of each pair, under one noise, one time and one set of conditions.

    Both sides go through the model in one call. For the reference, call it again with the same ``draws``.

    Args:
        predict: The model, or its reference.
        path: What the model was trained with.
        winner, loser: Clean latents, ``[pairs, …]``, of one shape.
        draws: Of the batch.

    Raises:
        ConfigError: The sides, or the draws, have different shapes.
    """
    if not winner.shape == loser.shape == draws.noise.shape:
        raise ConfigError(
            f"latents of winners {tuple(winner.shape)}, of losers {tuple(loser.shape)} and noise "
            f"{tuple(draws.noise.shape)} differ in shape: cut both sounds of a pair to one length"
        )
    twice = Draws(
        torch.cat([draws.noise] * 2), torch.cat([draws.time] * 2),
        {name: torch.cat([told] * 2) for name, told in draws.conditions.items()},
    )  # fmt: skip
    return PairErrors(*errors(predict, path, torch.cat([winner, loser]), twice).chunk(2))
