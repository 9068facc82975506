"""What training asks of menura-mini."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from menura.backends.mini.model import MiniModel
from menura.backends.trainee import Conditions
from menura.diffusion.paths import FlowPath, NoisePath
from menura.types import Recording

__all__ = ["MiniTrainee"]


class MiniTrainee:
    """See :class:`menura.backends.trainee.Trainee`. Words are read by the table as it is; the transformer is trained.

    Args:
        model: The networks.
    """

    targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0", "proj", "net.2")
    part: str = "transformer"

    def __init__(self, model: MiniModel) -> None:
        self.path: NoisePath = FlowPath()
        self.sample_rate, self.channels = model.mel.sample_rate, 1
        self.denoiser: torch.nn.Module = model.transformer
        self._model = model

    def latents(self, recordings: Sequence[Recording]) -> Tensor:
        """Groups of mel frames ``[recordings, mels * frames, groups]``."""
        rows = torch.from_numpy(np.stack([recording.waveform.mean(axis=0) for recording in recordings]))
        return self._model.to_groups(rows)

    @torch.no_grad()
    def conditions(self, prompts: Sequence[str], duration_s: float) -> Conditions:
        """Vectors of the words of each prompt, and their mean. The duration is the number of groups."""
        return {name: tensor.float().cpu() for name, tensor in self._model.read(prompts).items()}

    def unprompted(self, duration_s: float) -> Conditions:
        """Of an empty prompt: zeros."""
        return self.conditions([""], duration_s)

    def predict(self, noisy: Tensor, time: Tensor, conditions: Conditions) -> Tensor:
        """The velocity."""
        return replace(self._model, transformer=self.denoiser).say(noisy, time, conditions)
