"""Noise levels of models that know no numbered time steps: on the circle with velocities, and on the straight line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from menura.diffusion.moves import flow_move
from menura.errors import ConfigError

__all__ = ["CosineSchedule", "FlowSchedule"]


@dataclass(frozen=True, slots=True)
class CosineSchedule:
    """``cos(phi) clean + sin(phi) noise``, of which a model tells the velocity ``cos(phi) noise - sin(phi) clean``.

    The model is told ``2 phi / pi``. A step of DDIM down by an angle ``d`` is the turn ``cos(d) image - sin(d)
    velocity``, and the step that it undoes is solved for the image: ``(image + sin(d) velocity) / cos(d)``, the
    velocity being that of the upper level both times. It follows the probability-flow equation, without the fresh noise
    of the model's own sampler. Solving for the noise instead would give the same, but the fixed point of an inversion
    would then be reached slowly where there is nearly nothing but noise.

    Attributes:
        sigmas: ``tan(phi)`` of each level that is visited, falling, with the last one that is reached (0: clean).

    Source:
        Salimans and Ho 2022, arXiv:2202.00512, section 4 and appendix D.
    """

    sigmas: tuple[float, ...]

    def __post_init__(self) -> None:
        _check_falling(self.sigmas)

    def levels(self, steps: int) -> tuple[tuple[float, float, float], ...]:
        """For each level, ascending: its time, its angle, and that of the level below it."""
        _check_steps(steps, self.sigmas)
        angles = [math.atan(sigma) for sigma in self.sigmas[::-1]]
        return tuple((2 / math.pi * here, here, below) for below, here in pairwise(angles))

    def direction(self, said: Tensor, image: Tensor, level: float) -> Tensor:
        """The velocity, which is what the model tells."""
        return said

    def move(self, image: Tensor, direction: Tensor, *, from_level: float, to_level: float) -> Tensor:
        """A turn by the velocity of the upper level, or the turn that it undoes."""
        turn = to_level - from_level
        if turn > 0:
            return (image + math.sin(turn) * direction) / math.cos(turn)
        return math.cos(turn) * image + math.sin(turn) * direction


@dataclass(frozen=True, slots=True)
class FlowSchedule:
    """``(1 - sigma) clean + sigma noise``, of which a model tells the velocity ``noise - clean``: a rectified flow.

    Attributes:
        sigmas: Share of the noise at each level that is visited, falling, with the last one that is reached.
        times_per_sigma: What the model is told is sigma times this.

    Source:
        Liu et al. 2022, arXiv:2209.03003.
    """

    sigmas: tuple[float, ...]
    times_per_sigma: float = 1.0

    def __post_init__(self) -> None:
        _check_falling(self.sigmas)

    def levels(self, steps: int) -> tuple[tuple[float, float, float], ...]:
        """For each level, ascending: its time, its sigma, and that of the level below it."""
        _check_steps(steps, self.sigmas)
        return tuple((here * self.times_per_sigma, here, below) for below, here in pairwise(self.sigmas[::-1]))

    def direction(self, said: Tensor, image: Tensor, level: float) -> Tensor:
        """The velocity, which is what the model tells."""
        return said

    def move(self, image: Tensor, direction: Tensor, *, from_level: float, to_level: float) -> Tensor:
        """A step of Euler."""
        return flow_move(image, direction, from_sigma=from_level, to_sigma=to_level)


def _check_falling(sigmas: tuple[float, ...]) -> None:
    if len(sigmas) < 2 or sigmas[-1] < 0 or any(above <= below for above, below in pairwise(sigmas)):
        raise ConfigError(f"noise levels {sigmas} of the sampler, expected two or more that fall, to 0 at the lowest")


def _check_steps(steps: int, sigmas: tuple[float, ...]) -> None:
    if steps != len(sigmas) - 1:
        raise ConfigError(f"{steps} denoising steps, but the noise levels are those of {len(sigmas) - 1}")
