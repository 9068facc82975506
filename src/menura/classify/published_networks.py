"""Networks of published augmentation studies, layer by layer, so that their numbers can be set beside ours."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["Crnn", "SalamonNetwork", "ThreeConvNetwork"]


class ThreeConvNetwork(nn.Module):
    """Three 5 x 5 convolutions without padding or pooling, their mean, two linear layers: 1,094,410 weights.

    The number is for ten labels. It takes at least 13 mels and frames, and is slow: 1.8 thousand million
    multiplications for one second of sound.

    Source:
        The UrbanSound8K classifier of Sharma's and Smith's AudioDiffusionClassification.
    """

    def __init__(self, num_labels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for num_in, num_out in pairwise((1, 64, 128, 256)):
            layers += [nn.Conv2d(num_in, num_out, 5), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.hidden = nn.Linear(256, 256)
        self.head = nn.Linear(256, num_labels)

    def forward(self, batch: Tensor) -> Tensor:
        """Scores ``[items, labels]`` of mel power ``[items, mels, frames]``."""
        maps = self.body(batch[:, None].contiguous(memory_format=torch.channels_last))
        scores: Tensor = self.head(torch.relu(self.hidden(maps.mean(dim=(2, 3)))))
        return scores


class SalamonNetwork(nn.Module):
    """5 x 5 convolutions (24, 48, 48), two maximum poolings of 4 frames by 2 mels, two linear layers: 186,138 weights.

    The number is for ten labels, 64 mels and 45 frames. The descriptions leave padding and the direction of pooling
    open: only padded convolutions, and 4 along time, give it (48 maps of 2 frames by 16 mels before the linear layers).

    Source:
        Salamon and Bello 2017, arXiv:1608.04363, as Ronchini, Comanducci and Antonacci 2024, arXiv:2403.17864, have it.
    """

    def __init__(self, num_labels: int, *, num_mels: int = 64, num_frames: int = 45) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 24, 5, padding=2), nn.MaxPool2d((2, 4)), nn.ReLU(),
            nn.Conv2d(24, 48, 5, padding=2), nn.MaxPool2d((2, 4)), nn.ReLU(),
            nn.Conv2d(48, 48, 5, padding=2), nn.ReLU(),
        )  # fmt: skip
        width = 48 * (num_mels // 4) * (num_frames // 16)
        self.hidden = nn.Sequential(nn.Dropout(0.5), nn.Linear(width, 64), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(64, num_labels)

    def forward(self, batch: Tensor) -> Tensor:
        """Scores ``[items, labels]`` of log-mel ``[items, mels, frames]``."""
        maps = self.body(batch[:, None].contiguous(memory_format=torch.channels_last))
        scores: Tensor = self.head(self.hidden(maps.flatten(1)))
        return scores


class _GatedBlock(nn.Module):
    """Convolution, normalisation, a linear layer gated by its input, dropout, average pooling."""

    def __init__(self, num_in: int, num_out: int, pool: tuple[int, int]) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(num_in, num_out, 3, padding=1)
        self.norm = nn.BatchNorm2d(num_out)
        self.linear = nn.Conv2d(num_out, num_out, 1)
        self.rest = nn.Sequential(nn.Dropout(0.5), nn.AvgPool2d(pool))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps, smaller by the pooling."""
        maps = self.norm(self.convolution(maps))
        gated: Tensor = self.rest(self.linear(maps) * torch.sigmoid(maps))
        return gated


class Crnn(nn.Module):
    """Seven gated convolutions (16, 32, 64, 4 x 128), two bidirectional GRUs of 128, a linear layer: 1,109,850 weights.

    The number is ours, for ten labels. The description leaves open where is pooled, and how frames become one answer:
    here the first six blocks halve the mels until one of 64 is left, the first two also halve time (45 frames become
    11), and the linear layer sees the mean over frames. Gate and dropout are those of the DCASE baselines.

    Source:
        Ronchini, Comanducci and Antonacci 2024, arXiv:2403.17864; gates after Dauphin et al. 2017, arXiv:1612.08083.
    """

    _WIDTHS = (16, 32, 64, 128, 128, 128, 128)
    _POOLS = ((2, 2), (2, 2), (2, 1), (2, 1), (2, 1), (2, 1), (1, 1))

    def __init__(self, num_labels: int) -> None:
        super().__init__()
        widths = pairwise((1, *self._WIDTHS))
        blocks = [_GatedBlock(a, b, pool) for (a, b), pool in zip(widths, self._POOLS, strict=True)]
        self.body = nn.Sequential(*blocks)
        self.recurrent = nn.GRU(128, 128, num_layers=2, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(256, num_labels)

    def forward(self, batch: Tensor) -> Tensor:
        """Scores ``[items, labels]`` of log-mel ``[items, mels, frames]``."""
        maps = self.body(batch[:, None].contiguous(memory_format=torch.channels_last))
        frames, _ = self.recurrent(maps.mean(dim=2).transpose(1, 2))
        scores: Tensor = self.head(self.dropout(frames.mean(dim=1)))
        return scores
