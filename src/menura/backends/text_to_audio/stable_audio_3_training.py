"""Stable Audio 3 as something to be trained: its transformer, told a text and a duration, on a rectified flow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from menura.backends.text_to_audio.training import clean_latents
from menura.backends.trainee import Conditions
from menura.diffusion.paths import FlowPath, NoisePath
from menura.errors import BackendError
from menura.types import Recording

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["StableAudio3Trainee", "told"]


class StableAudio3Trainee:
    """See :class:`menura.backends.trainee.Trainee`. The weights have to be those before distillation.

    Args:
        pipeline: With the weights, on its device.
        encode: Latents of recordings.

    Raises:
        BackendError: The weights are distilled.
    """

    targets: tuple[str, ...] = ("to_qkv", "to_q", "to_kv", "to_out")
    part = "transformer"

    def __init__(self, pipeline: Any, encode: Callable[[Sequence[Recording]], Any]) -> None:
        self.pipeline = pipeline
        self.sample_rate = int(pipeline.vae.config.sampling_rate)
        self.channels = int(pipeline.vae.config.audio_channels)
        self.path: NoisePath = FlowPath()
        self.denoiser: nn.Module = pipeline.transformer
        self._encode = encode
        self._dtype = pipeline.transformer.dtype
        self._times = float(pipeline.scheduler.config.num_train_timesteps)
        self._longest_s = float(pipeline.duration_embedder.config.max_val)

    def latents(self, recordings: Sequence[Recording]) -> Tensor:
        """``[recordings, channels, frames]``."""
        return clean_latents(self._encode, recordings, sample_rate=self.sample_rate, channels=self.channels)

    def conditions(self, prompts: Sequence[str], duration_s: float) -> Conditions:
        """``context``: the text and the duration, with their ``mask``; ``whole``: the duration for all layers."""
        import torch

        if duration_s > self._longest_s:
            raise BackendError(f"clips of {duration_s:g} s, but the model makes at most {self._longest_s:g} s")
        end_s = min(self._longest_s, (math.ceil(duration_s * self.sample_rate) + 0.5) / self.sample_rate)
        pipe = self.pipeline
        with torch.no_grad():
            whole = pipe.encode_duration(end_s, pipe._execution_device, 1, len(prompts))
            context, mask = told(pipe, prompts, whole)
        return {"context": context.float().cpu(), "mask": mask.float().cpu(), "whole": whole.float().cpu()}

    def unprompted(self, duration_s: float) -> Conditions:
        """Those of the empty prompt, with the duration, as the pipeline compares with."""
        return self.conditions([""], duration_s)

    def predict(self, noisy: Tensor, time: Tensor, conditions: Conditions) -> Tensor:
        """The velocity."""
        said: Tensor = self.denoiser(
            noisy.to(self._dtype), (time * self._times).to(self._dtype),
            encoder_hidden_states=conditions["context"].to(self._dtype),
            global_hidden_states=conditions["whole"].to(self._dtype),
            encoder_attention_mask=conditions["mask"], return_dict=False,
        )[0]  # fmt: skip
        return said.float()


def told(pipeline: Any, texts: Sequence[str], whole: Any) -> Any:
    """What the cross-attention is told, and its mask: texts, and the durations ``whole`` behind them."""
    encoded = pipeline.encode_prompt(list(texts), pipeline._execution_device, 1)
    return pipeline.prepare_cross_attention(*encoded, whole)
