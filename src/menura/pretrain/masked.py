"""Masked modelling of mel patches: hear part of a window, tell the rest.

Source:
    He et al. 2021, "Masked autoencoders", arXiv:2111.06377; on procedural sound alone: AudioPG, arXiv:2606.14791.
    Masked patches stay in the input, as silence: Xie et al. 2021, "SimMIM", arXiv:2111.09886.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, smooth_l1_loss

__all__ = ["MASKED_SHARE", "PatchHead", "masked_loss", "patch_mask"]

MASKED_SHARE = 0.5
"""Share of the patches that are hidden."""


class PatchHead(nn.Module):
    """Levels of each patch from the last maps of a network, one place of the maps for each patch.

    Args:
        channels: Of the last maps.
        stride: Height and width of a patch: how much the network shrinks its input.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.output = nn.Conv2d(channels, stride * stride, 1)

    def forward(self, maps: Tensor, mels: int, frames: int) -> Tensor:
        """Levels ``[views, mels, frames]`` of maps ``[views, channels, height, width]``."""
        return pixel_shuffle(self.output(maps), self.stride)[:, 0, :mels, :frames]


def patch_mask(views: int, mels: int, frames: int, *, stride: int, generator: np.random.Generator) -> Tensor:
    """What is hidden, bool ``[views, mels, frames]``: the same number of random patches in each view."""
    rows, columns = -(-mels // stride), -(-frames // stride)
    order = generator.random((views, rows * columns)).argsort(axis=1)
    hidden = torch.from_numpy(order < round(MASKED_SHARE * rows * columns)).reshape(views, rows, columns)
    return hidden.repeat_interleave(stride, 1).repeat_interleave(stride, 2)[:, :mels, :frames]


def masked_loss(told: Tensor, levels: Tensor, hidden: Tensor, *, unit_db: float) -> Tensor:
    """Mean error where the levels were hidden, in tens of decibels, linear for errors above 10 dB.

    Args:
        told, levels: ``[views, mels, frames]``.
        hidden: Bool, same shape.
        unit_db: What a level of 1 is.
    """
    return smooth_l1_loss(told[hidden] * (unit_db / 10), levels[hidden] * (unit_db / 10))
