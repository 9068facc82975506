"""Network and front-end of the trained encoder: log-mel windows of a second to an embedding each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from menura.audio.mel import mel_spectrogram

__all__ = ["FrontEnd", "NetworkShape", "SoundNetwork"]


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """From waveforms to log-mel levels.

    Attributes:
        sample_rate: In Hz; everything is brought to it.
        window_s: Length of what the network sees at once.
        hop_s: Step between frames.
        num_mels: Bands.
        min_hz, max_hz: Range of the bands.
        range_db: Levels further below the loud frames of a clip than this are raised to it.
    """

    sample_rate: int = 16_000
    window_s: float = 1.0
    hop_s: float = 0.01
    num_mels: int = 64
    min_hz: float = 50.0
    max_hz: float = 8_000.0
    range_db: float = 70.0

    @property
    def hop(self) -> int:
        """Samples from frame to frame."""
        return round(self.hop_s * self.sample_rate)

    @property
    def num_frames(self) -> int:
        """Frames in a window."""
        return round(self.window_s / self.hop_s)

    def levels(self, waveforms: Tensor) -> Tensor:
        """Level of each band over the loud frames of the clip, in units of ``range_db``.

        Args:
            waveforms: ``[clips, samples]`` at the front-end's rate.

        Returns:
            ``[clips, mels, 1 + samples // hop]`` in [-1, about 0.3]: 0 is as loud as the clip's loud frames are in sum.
        """
        power = mel_spectrogram(
            waveforms, self.sample_rate,
            n_fft=512, hop=self.hop, num_mels=self.num_mels, min_hz=self.min_hz, max_hz=self.max_hz,
        )  # fmt: skip
        loud = power.sum(1).quantile(0.95, dim=-1).clamp_min(1e-10)[:, None, None]
        level_db = 10 * torch.log10((power / loud).clamp_min(10 ** (-self.range_db / 10)))
        return level_db / self.range_db


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """Size of the network.

    Attributes:
        widths: Channels of the stages; each halves time and frequency.
        layers: Convolutions in each stage.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256)
    layers: int = 2

    @property
    def dim(self) -> int:
        """Size of what the loss compares: mean and maximum of the last maps."""
        return 2 * self.widths[-1]


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


class SoundNetwork(nn.Module):
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

    def maps(self, levels: Tensor, stages: int | None = None) -> list[Tensor]:
        """Maps ``[clips, channels, height, frames]`` after each of the first stages.

        Args:
            levels: From :meth:`FrontEnd.levels`, ``[clips, mels, frames]``.
            stages: How many; None is all.
        """
        maps = levels[:, None].contiguous(memory_format=torch.channels_last)
        maps = torch.relu(self.norm(self.stem(maps)))
        found = []
        for stage in self.stages[:stages]:
            maps = stage(maps)
            found.append(maps)
        return found

    def forward(self, levels: Tensor) -> Tensor:
        """What the loss compares, ``[clips, dim]``, of levels ``[clips, mels, frames]``."""
        last = self.maps(levels)[-1]
        return torch.cat([last.mean(dim=(2, 3)), last.amax(dim=(2, 3))], dim=1)
