"""How much noise each time step of a diffusion model has, and which of them a sampler with fewer steps visits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast, get_args

import torch
from torch import Tensor

from menura.diffusion.moves import Prediction, ddim_move, noise_of
from menura.errors import ConfigError

__all__ = ["NoiseSchedule", "Prediction", "Schedule", "alphas_bar", "betas"]

BetaCurve = Literal["linear", "scaled_linear", "squaredcos_cap_v2"]
Spacing = Literal["leading", "trailing", "linspace"]

_MAX_BETA = 0.999
_COSINE_OFFSET = 0.008


class Schedule(Protocol):
    """Noise levels that a sampler visits, and the way from one to another. What a level is, the schedule knows."""

    def levels(self, steps: int) -> Sequence[tuple[float, float, float]]:
        """For each step, ascending: the time that the model is told, its level, and that of the step before it."""
        ...

    def direction(self, said: Tensor, image: Tensor, level: float) -> Tensor:
        """What stays the same during a step, from what the model says of an image at the upper level of the step."""
        ...

    def move(self, image: Tensor, direction: Tensor, *, from_level: float, to_level: float) -> Tensor:
        """The image at another level: down by a direction, or up so that the same direction leads down again."""
        ...


def betas(curve: str, *, steps: int, start: float = 1e-4, end: float = 0.02) -> Tensor:
    """Variance of the noise that each time step adds, float64 ``[steps]``.

    Args:
        curve: ``linear``; ``scaled_linear``, linear in the square root; or ``squaredcos_cap_v2``, the cosine schedule.
        steps: Number of time steps.
        start, end: First and last value of the linear ones.

    Raises:
        ConfigError: The curve is unknown, or the numbers make none.

    Source:
        Linear: Ho et al. 2020, arXiv:2006.11239, section 4. Cosine: Nichol and Dhariwal 2021, arXiv:2102.09672,
        equation 17.
    """
    if steps < 1 or not 0 < start <= end < 1:
        raise ConfigError(f"noise schedule of {steps} steps from {start} to {end}, expected 0 < start <= end < 1")
    if curve == "linear":
        return torch.linspace(start, end, steps, dtype=torch.float64)
    if curve == "scaled_linear":
        return torch.linspace(start**0.5, end**0.5, steps, dtype=torch.float64).square()
    if curve == "squaredcos_cap_v2":
        times = torch.arange(steps + 1, dtype=torch.float64) / steps
        kept = torch.cos((times + _COSINE_OFFSET) / (1 + _COSINE_OFFSET) * math.pi / 2).square()
        return (1 - kept[1:] / kept[:-1]).clamp(max=_MAX_BETA)
    raise ConfigError(f"noise schedule {curve!r} is not known, expected one of {', '.join(get_args(BetaCurve))}")


def alphas_bar(beta: Tensor) -> Tensor:
    """Share of the image's power that is left after each time step, ``prod(1 - beta)``."""
    return torch.cumprod(1 - beta, dim=0)


@dataclass(frozen=True, slots=True)
class NoiseSchedule:
    """The schedule that a model was trained with.

    Attributes:
        curve: Name of the curve of betas.
        train_steps: Number of time steps.
        start, end: First and last beta.
        prediction: What the model gives: the noise, the velocity ``v``, or the clean image.
        spacing: Which time steps fewer steps visit.
        offset: Added to the time steps with ``leading``.
        ends_clean: The step before the first time step is the image itself; else it keeps the noise of time step 0.
    """

    curve: str = "linear"
    train_steps: int = 1000
    start: float = 1e-4
    end: float = 0.02
    prediction: Prediction = "epsilon"
    spacing: Spacing = "leading"
    offset: int = 0
    ends_clean: bool = True

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NoiseSchedule:
        """The schedule in the ``scheduler_config.json`` of a published model; a DDPM one is sampled as DDIM does.

        Raises:
            ConfigError: It asks for something that would be sampled wrongly here.
        """
        for name in ("trained_betas", "rescale_betas_zero_snr", "thresholding"):
            if config.get(name):
                raise ConfigError(f"the scheduler of the model sets {name}, which DDIM inversion here does not know")
        found = cls(
            curve=str(config.get("beta_schedule", "linear")),
            train_steps=int(config.get("num_train_timesteps", 1000)),
            start=float(config.get("beta_start", 1e-4)),
            end=float(config.get("beta_end", 0.02)),
            prediction=_one_of(config.get("prediction_type", "epsilon"), Prediction, "prediction_type"),
            spacing=_one_of(config.get("timestep_spacing", "leading"), Spacing, "timestep_spacing"),
            offset=int(config.get("steps_offset", 0)),
            ends_clean=bool(config.get("set_alpha_to_one", True)),
        )
        betas(found.curve, steps=found.train_steps, start=found.start, end=found.end)
        return found

    def alphas_bar(self) -> Tensor:
        """Share of the image's power at each time step, float64 ``[train_steps]``."""
        return alphas_bar(betas(self.curve, steps=self.train_steps, start=self.start, end=self.end))

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """Time steps that a sampler with ``steps`` steps visits, ascending, as DDIM spaces them.

        Raises:
            ConfigError: More steps than the model has, or none.
        """
        if not 1 <= steps <= self.train_steps:
            raise ConfigError(f"{steps} denoising steps, expected 1 to {self.train_steps}, which the model has")
        if self.spacing == "linspace":
            times = torch.linspace(0, self.train_steps - 1, steps, dtype=torch.float64).round()
        elif self.spacing == "trailing":
            times = (self.train_steps * (torch.arange(steps, dtype=torch.float64) + 1) / steps).round() - 1
        else:
            times = torch.arange(steps, dtype=torch.float64) * (self.train_steps // steps) + self.offset
        return tuple(min(int(time), self.train_steps - 1) for time in times)

    def levels(self, steps: int) -> tuple[tuple[int, float, float], ...]:
        """For each visited time step, ascending: the time step, its alpha-bar, and that of the step before it."""
        kept, times = self.alphas_bar().tolist(), self.timesteps(steps)
        before = [1.0 if self.ends_clean else kept[0], *(kept[time] for time in times)]
        return tuple((time, kept[time], less) for time, less in zip(times, before, strict=False))

    def direction(self, said: Tensor, image: Tensor, level: float) -> Tensor:
        """The noise in an image, from what the model says of it."""
        return noise_of(said, image, level, self.prediction)

    def move(self, image: Tensor, direction: Tensor, *, from_level: float, to_level: float) -> Tensor:
        """A step of DDIM."""
        return ddim_move(image, direction, from_bar=from_level, to_bar=to_level)


def _one_of(value: Any, kind: Any, name: str) -> Any:
    if value not in get_args(kind):
        raise ConfigError(f"{name} of the model is {value!r}, expected one of {', '.join(get_args(kind))}")
    return cast(Any, value)
