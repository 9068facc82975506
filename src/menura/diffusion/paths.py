"""How training mixes clean latents with noise, and what a model is to say of the mixture: the three kinds in use.

Time runs from 0 (clean) to 1 (noise) for all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from menura.diffusion.moves import Prediction

__all__ = ["CosinePath", "FlowPath", "NoisePath", "StepPath", "noised", "rows"]


class NoisePath(Protocol):
    """From clean latents to noise."""

    def shares(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Factors ``[batch]`` of the clean latents and of the noise at times ``[batch]`` in [0, 1]."""
        ...

    def target(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """What the model is to say, like ``clean`` ``[batch, …]``."""
        ...


@dataclass(frozen=True, slots=True)
class CosinePath:
    """``cos(pi t / 2) clean + sin(pi t / 2) noise``; the model says the velocity ``cos noise - sin clean``.

    Source:
        Salimans and Ho 2022, arXiv:2202.00512, appendix D.
    """

    def shares(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine."""
        return torch.cos(math.pi / 2 * time), torch.sin(math.pi / 2 * time)

    def target(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """The velocity."""
        clean_share, noise_share = (rows(share, clean) for share in self.shares(time))
        return clean_share * noise - noise_share * clean


@dataclass(frozen=True, slots=True)
class FlowPath:
    """``(1 - t) clean + t noise``; the model says the velocity ``noise - clean``: a rectified flow.

    Source:
        Liu et al. 2022, arXiv:2209.03003.
    """

    def shares(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """What is left, and what is noise."""
        return 1 - time, time

    def target(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """The velocity, the same at all times."""
        return noise - clean


@dataclass(frozen=True, slots=True)
class StepPath:
    """``sqrt(alpha_bar) clean + sqrt(1 - alpha_bar) noise`` at numbered time steps.

    Attributes:
        alphas_bar: Of each step, ``[steps]``, falling.
        prediction: Noise, velocity, or clean latents.

    Source:
        Ho et al. 2020, arXiv:2006.11239, equation 4.
    """

    alphas_bar: Tensor
    prediction: Prediction = "epsilon"

    def steps(self, time: Tensor) -> Tensor:
        """Number of the step ``[batch]`` that each time falls in."""
        last = len(self.alphas_bar) - 1
        return (time * (last + 1)).long().clamp(0, last)

    def shares(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Of the step that each time falls in."""
        bar = self.alphas_bar.to(time.device)[self.steps(time)].to(time.dtype)
        return bar.sqrt(), (1 - bar).sqrt()

    def target(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """By the prediction."""
        if self.prediction == "epsilon":
            return noise
        if self.prediction == "sample":
            return clean
        clean_share, noise_share = (rows(share, clean) for share in self.shares(time))
        return clean_share * noise - noise_share * clean


def noised(path: NoisePath, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """Latents ``[batch, …]`` with the noise of times ``[batch]``."""
    clean_share, noise_share = (rows(share, clean) for share in path.shares(time))
    return clean_share * clean + noise_share * noise


def rows(values: Tensor, like: Tensor) -> Tensor:
    """``[batch]`` made to multiply ``[batch, …]``."""
    return values.to(like).reshape(-1, *[1] * (like.ndim - 1))
