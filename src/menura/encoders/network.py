"""The networks of trained encoders: mel levels to maps, and to what a loss compares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from menura.encoders.resnet import ResNet18
from menura.encoders.stages import StagedNetwork

__all__ = ["NetworkName", "NetworkShape", "Precision", "SoundNetwork", "decay_groups", "new_network"]

Precision: TypeAlias = Literal["float32", "bfloat16"]
NetworkName: TypeAlias = Literal["separable", "resnet18"]


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """Which network, and its size.

    Attributes:
        kind: ``separable`` or ``resnet18``, whose size is fixed.
        widths: Channels of the stages; each halves time and frequency.
        layers: Convolutions in each stage.
    """

    kind: NetworkName = "separable"
    widths: tuple[int, ...] = (32, 64, 128, 256)
    layers: int = 2

    @property
    def dim(self) -> int:
        """Size of what the network gives: mean and maximum of the last maps, or 512."""
        return 2 * self.widths[-1] if self.kind == "separable" else 512

    @property
    def stride(self) -> int:
        """How much the last maps are smaller than the levels, in height and width."""
        return 2 ** len(self.widths) if self.kind == "separable" else 32


class _Separable(nn.Module):
    """Depthwise and pointwise convolution, normalisation, rectifier."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(num_in, num_in, 3, padding=1, groups=num_in, bias=False)
        self.pointwise = nn.Conv2d(num_in, num_out, 1, bias=False)
        self.norm = nn.BatchNorm2d(num_out)

    def forward(self, maps: Tensor) -> Tensor:
        """Same height and width."""
        return torch.relu(self.norm(self.pointwise(self.depthwise(maps))))


class SoundNetwork(StagedNetwork):
    """Separable convolutions with maximum pooling; mean and maximum of the last maps are what the loss compares."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        first = shape.widths[0]
        self.stem = nn.Conv2d(1, first, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(first)
        self.stages = nn.ModuleList()
        num_in = first
        for i, width in enumerate(shape.widths):
            layers: list[nn.Module] = [nn.MaxPool2d(2, ceil_mode=True)] if i else []
            for _ in range(shape.layers):
                layers.append(_Separable(num_in, width))
                num_in = width
            self.stages.append(nn.Sequential(*layers))

    def opening(self, levels: Tensor) -> Tensor:
        """Half of the height and width."""
        return torch.relu(self.norm(self.stem(levels)))

    def forward(self, levels: Tensor) -> Tensor:
        """What the loss compares, ``[clips, dim]``, of levels ``[clips, mels, frames]``."""
        last = self.maps(levels)[-1]
        return torch.cat([last.mean(dim=(2, 3)), last.amax(dim=(2, 3))], dim=1)


def new_network(shape: NetworkShape) -> StagedNetwork:
    """The network with random weights, by torch's random state, laid out for convolutions."""
    network = SoundNetwork(shape) if shape.kind == "separable" else ResNet18(shape.dim)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def decay_groups(weights: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser: matrices and kernels decay, biases and norms do not."""
    weights = list(weights)
    return [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
