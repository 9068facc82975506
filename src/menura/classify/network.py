"""The network of the ``cnn`` classifier: small enough to train in seconds on one core."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["LogMelNetwork"]

_WIDTHS = (16, 32, 64, 128)


class _Block(nn.Module):
    """Convolution, normalisation, maximum over 2 x 2, rectifier (pooled first, which is the same and cheaper)."""

    def __init__(self, num_in: int, num_out: int, *, stride: int = 1, pool: bool = True) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(num_in, num_out, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(num_out)
        self.pool = nn.MaxPool2d(2, ceil_mode=True) if pool else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Returns half of the height and width."""
        return torch.relu(self.pool(self.norm(self.convolution(x))))


class LogMelNetwork(nn.Module):
    """Four convolutions with maximum pooling, then mean and maximum over what is left of time and frequency.

    Plain layers with maximum pooling were 5 to 9 points better than residual or strided ones of the same cost on
    development clips (40 labels of four ESC-50 clips, 500 steps).
    """

    def __init__(self, num_labels: int, *, dropout: float) -> None:
        super().__init__()
        stem = _Block(1, _WIDTHS[0], stride=2, pool=False)
        blocks = [_Block(a, b) for a, b in pairwise(_WIDTHS)]
        self.body = nn.Sequential(stem, *blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.dim, num_labels)

    dim = 2 * _WIDTHS[-1]
    """Size of what the head sees."""

    def pooled(self, batch: Tensor) -> Tensor:
        """What the head sees, ``[items, dim]``, of standardised log-mel ``[items, mels, frames]``."""
        maps = self.body(batch[:, None].contiguous(memory_format=torch.channels_last))
        return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)

    def forward(self, batch: Tensor) -> Tensor:
        """Scores ``[items, labels]`` of standardised log-mel ``[items, mels, frames]``."""
        scores: Tensor = self.head(self.dropout(self.pooled(batch)))
        return scores
