"""ResNet-18 for one channel: the encoder of the doppelgängers paper.

Source:
    He et al. 2015, arXiv:1512.03385; as in Cherep and Singh 2024, arXiv:2406.05923, the first convolution takes one
    channel, and the last layer gives 512 numbers, which are the embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from menura.encoders.stages import StagedNetwork

__all__ = ["ResNet18"]

_WIDTHS = (64, 128, 256, 512)


class _BasicBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, num_in: int, num_out: int, *, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(num_in, num_out, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(num_out)
        self.second = nn.Conv2d(num_out, num_out, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(num_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or num_in != num_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(num_in, num_out, 1, stride=stride, bias=False), nn.BatchNorm2d(num_out)
            )

    def forward(self, maps: Tensor) -> Tensor:
        """Height and width divided by the stride."""
        found = torch.relu(self.first_norm(self.first(maps)))
        return torch.relu(self.second_norm(self.second(found)) + self.shortcut(maps))


class ResNet18(StagedNetwork):
    """Four stages of two blocks, the mean over time and frequency, and a linear layer."""

    def __init__(self, dim: int = 512) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, _WIDTHS[0], 7, stride=2, padding=3)
        self.norm = nn.BatchNorm2d(_WIDTHS[0])
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = nn.ModuleList()
        num_in = _WIDTHS[0]
        for i, width in enumerate(_WIDTHS):
            blocks = (_BasicBlock(num_in, width, stride=1 if i == 0 else 2), _BasicBlock(width, width, stride=1))
            self.stages.append(nn.Sequential(*blocks))
            num_in = width
        self.output = nn.Linear(num_in, dim)

    def opening(self, levels: Tensor) -> Tensor:
        """A quarter of the height and width."""
        maps: Tensor = self.pool(torch.relu(self.norm(self.stem(levels))))
        return maps

    def forward(self, levels: Tensor) -> Tensor:
        """Embeddings ``[clips, dim]`` of levels ``[clips, mels, frames]``."""
        embeddings: Tensor = self.output(self.maps(levels)[-1].mean(dim=(2, 3)))
        return embeddings
