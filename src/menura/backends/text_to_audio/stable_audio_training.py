"""Stable Audio Open as something to be trained: its transformer, told a text and a duration, on velocities."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from menura.backends.text_to_audio.training import ATTENTION, clean_latents
from menura.backends.trainee import Conditions
from menura.diffusion.paths import CosinePath, NoisePath
from menura.errors import BackendError
from menura.types import Recording

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["StableAudioTrainee", "check_velocities", "rotary_of", "told", "velocity"]


class StableAudioTrainee:
    """See :class:`menura.backends.trainee.Trainee`. Latents always cover the whole window, silence behind the clip.

    Args:
        pipeline: With the weights, on its device.
        encode: Latents of recordings.

    Raises:
        BackendError: The weights predict something else than velocities.
    """

    targets: tuple[str, ...] = ATTENTION
    part = "transformer"

    def __init__(self, pipeline: Any, encode: Callable[[Sequence[Recording]], Any]) -> None:
        check_velocities(pipeline.scheduler.config, "the model", "trained")
        self.pipeline = pipeline
        self.sample_rate = int(pipeline.vae.config.sampling_rate)
        self.channels = int(pipeline.vae.config.audio_channels)
        self.path: NoisePath = CosinePath()
        self.denoiser: nn.Module = pipeline.transformer
        self._encode = encode
        self._dtype = pipeline.transformer.dtype
        self._rotary = rotary_of(pipeline)

    def latents(self, recordings: Sequence[Recording]) -> Tensor:
        """``[recordings, channels, frames]`` of the whole window."""
        return clean_latents(self._encode, recordings, sample_rate=self.sample_rate, channels=self.channels)

    def conditions(self, prompts: Sequence[str], duration_s: float) -> Conditions:
        """``context``: the text, and where the clip starts and ends; ``whole``: start and end for all layers."""
        import torch

        with torch.no_grad():
            context, whole = told(self.pipeline, prompts, self._end_s(duration_s))
        return {"context": context.float().cpu(), "whole": whole.float().cpu()}

    def unprompted(self, duration_s: float) -> Conditions:
        """Zeros for the text and the duration beside it; the duration for all layers stays, as in the pipeline."""
        import torch

        prompted = self.conditions([""], duration_s)
        return {"context": torch.zeros_like(prompted["context"]), "whole": prompted["whole"]}

    def predict(self, noisy: Tensor, time: Tensor, conditions: Conditions) -> Tensor:
        """The velocity. The model counts time as the path does."""
        context, whole = (conditions[name].to(self._dtype) for name in ("context", "whole"))
        rotary = tuple(part.to(noisy.device) for part in self._rotary)
        said: Tensor = velocity(self.denoiser, noisy.to(self._dtype), time, context, whole, rotary)
        return said

    def _end_s(self, duration_s: float) -> float:
        """As the generator says it, from the number of samples."""
        window_s = self.pipeline.transformer.config.sample_size * self.pipeline.vae.hop_length / self.sample_rate
        if duration_s > window_s:
            raise BackendError(f"clips of {duration_s:g} s, but the model makes at most {window_s:g} s: cut them first")
        return min(float(window_s), (math.ceil(duration_s * self.sample_rate) + 0.5) / self.sample_rate)


def told(
    pipeline: Any, prompts: Sequence[str], end_s: float, *, guided: bool = False, negative: Sequence[str] | None = None
) -> tuple[Any, Any]:
    """What the transformer is told: the context of the cross-attention, and the duration for all layers.

    Args:
        pipeline: Its encoders do the work.
        prompts: Texts.
        end_s: Where the clip ends, in seconds.
        guided: Put the rows of the negative prompts before those of the prompts.
        negative: Texts, with ``guided``.
    """
    import torch

    device = pipeline._execution_device
    texts = pipeline.encode_prompt(list(prompts), device, guided, list(negative) if negative is not None else None)
    start, end = pipeline.encode_duration(0.0, end_s, device, guided, len(prompts))
    return torch.cat([texts, start, end], dim=1), torch.cat([start, end], dim=2)


def rotary_of(pipeline: Any) -> Any:
    """The rotary embedding of the whole window and the duration before it."""
    from diffusers.models.embeddings import get_1d_rotary_pos_embed

    frames = int(pipeline.transformer.config.sample_size)
    return get_1d_rotary_pos_embed(pipeline.rotary_embed_dim, frames + 1, use_real=True, repeat_interleave_real=False)


def velocity(transformer: Any, latents: Any, time: Any, context: Any, whole: Any, rotary: Any) -> Any:
    """What the transformer says, in float32."""
    return transformer(
        latents, time, encoder_hidden_states=context, global_hidden_states=whole, rotary_embedding=rotary,
        return_dict=False,
    )[0].float()  # fmt: skip


def check_velocities(config: Any, folder: object, purpose: str) -> None:
    """Refuse weights that were trained on another path than the published ones.

    Raises:
        BackendError: They predict something else than velocities of latents with a spread of 1.
    """
    if (config.sigma_data, config.prediction_type) != (1.0, "v_prediction"):
        raise BackendError(
            f"{folder} predicts {config.prediction_type} of latents with a spread of {config.sigma_data:g}, "
            f"and only velocities of latents with a spread of 1 can be {purpose} here"
        )
