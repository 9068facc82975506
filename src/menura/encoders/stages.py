"""What all networks of encoders share: an opening, then stages whose maps can be read."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

__all__ = ["StagedNetwork"]


class StagedNetwork(nn.Module, ABC):
    """An opening and stages, one after the other; a subclass says what becomes of the last maps."""

    stages: nn.ModuleList

    @abstractmethod
    def opening(self, levels: Tensor) -> Tensor:
        """First maps of levels ``[clips, 1, mels, frames]``."""

    def maps(self, levels: Tensor, stages: int | None = None) -> list[Tensor]:
        """Maps ``[clips, channels, height, frames]`` after each of the first stages.

        Args:
            levels: From a front-end, ``[clips, mels, frames]``.
            stages: How many; None is all.
        """
        maps = self.opening(levels[:, None].contiguous(memory_format=torch.channels_last))
        found = []
        for stage in self.stages[:stages]:
            maps = stage(maps)
            found.append(maps)
        return found
