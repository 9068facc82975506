"""From the maps of a network to one embedding of a clip: statistics over time of each channel in each band.

The last layers of a contrastively trained network have forgotten what the loss asks them to forget, where in the
spectrum a sound lies first of all; the first ones have not. So the embedding is read from the early stages, as
statistics over time that also tell how fast a channel changes, and the later stages serve the loss alone.

Source:
    Statistics of filter outputs as the description of a sound: McDermott and Simoncelli 2011, "Sound texture perception
    via statistics of the auditory periphery". Reading below the layers of the loss: Bordes et al. 2022, "Guillotine
    regularization", arXiv:2206.13378.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, adaptive_max_pool1d

from menura.encoders.front_end import loud_power

__all__ = ["Readout", "statistics"]

_LAGS = (1, 4)
_LEAST = 2.5e-7


@dataclass(frozen=True, slots=True)
class Readout:
    """What of a network becomes the embedding.

    Attributes:
        stages: Stages whose maps are read, from 0; none means the mean over windows of what the network gives.
        bands: Parts of the spectrum in which a channel is read on its own.
        range_db: Frames further below the loud frames of the clip than this count as silence.
    """

    stages: tuple[int, ...] = (0, 1, 2)
    bands: int = 4
    range_db: float = 28.0

    def dim(self, widths: Sequence[int]) -> int:
        """Size of an embedding of a network whose stages have these channels."""
        return sum(widths[stage] for stage in self.stages) * self.bands * (2 + len(_LAGS))

    def banded(self, maps: Tensor) -> Tensor:
        """Mean over each band, ``[..., channels * bands, frames]``, of maps ``[..., channels, height, frames]``."""
        return adaptive_avg_pool2d(maps, (self.bands, maps.shape[-1])).flatten(-3, -2)

    def heard(self, levels: Tensor, unit_db: float) -> Tensor:
        """Where something sounds, bool ``[..., frames]``, of levels ``[..., mels, frames]`` in units of ``unit_db``."""
        power = torch.exp(levels * (unit_db * math.log(10) / 10)).sum(-2)
        threshold: Tensor = loud_power(power)[..., None] * 10 ** (-self.range_db / 10)
        return power > threshold


def statistics(channels: Tensor, heard: Tensor) -> Tensor:
    """Mean and deviation where something sounds, and the mean change over one and over four frames.

    Args:
        channels: ``[..., channels, frames]``.
        heard: Where something sounds, bool ``[..., any number of frames]`` over the same time.

    Returns:
        ``[..., 4 * channels]``; a clip shorter than a lag changes by 0. Gradients are finite.
    """
    sounds = adaptive_max_pool1d(heard.to(channels.dtype)[..., None, :], channels.shape[-1])
    share = torch.where(sounds.sum(-1, keepdim=True) > 0, sounds, torch.ones_like(sounds))
    share = share / share.sum(-1, keepdim=True)
    mean = (channels * share).sum(-1, keepdim=True)
    variance = ((channels - mean).square() * share).sum(-1)
    changes = [_change(channels, lag) for lag in _LAGS]
    return torch.cat([mean[..., 0], _root(variance), *changes], dim=-1)


def _change(channels: Tensor, lag: int) -> Tensor:
    """Root mean square change over ``lag`` frames."""
    if channels.shape[-1] <= lag:
        return channels.new_zeros(channels.shape[:-1])
    return _root((channels[..., lag:] - channels[..., :-lag]).square().mean(-1))


def _root(squared: Tensor) -> Tensor:
    """Square root, straight near zero, where its slope would have no end."""
    return torch.where(squared > _LEAST, squared.clamp_min(_LEAST).sqrt(), squared / _LEAST**0.5)
