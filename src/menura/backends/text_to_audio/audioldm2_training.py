"""AudioLDM 2 as something to be trained: its UNet, told by two text encoders, on numbered time steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from menura.backends.text_to_audio.training import ATTENTION, clean_latents
from menura.backends.trainee import Conditions
from menura.diffusion.paths import NoisePath, StepPath
from menura.diffusion.schedules import NoiseSchedule
from menura.types import Recording

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["AudioLDM2Trainee"]


class AudioLDM2Trainee:
    """See :class:`menura.backends.trainee.Trainee`.

    The pipeline fills the prompts of a call up to the longest, which moves the positions of the language model behind
    them, and a clip changes with its neighbours. Here each prompt is read alone, and filled up after that behind a
    mask, so that rows of different calls stack and each says what it says alone.

    Args:
        pipeline: With the weights, on its device.
        encode: Latents of recordings.
    """

    channels = 1
    targets: tuple[str, ...] = ATTENTION
    part = "unet"

    def __init__(self, pipeline: Any, encode: Callable[[Sequence[Recording]], Any]) -> None:
        schedule = NoiseSchedule.from_config(pipeline.scheduler.config)
        self.pipeline = pipeline
        self.sample_rate = int(pipeline.vocoder.config.sampling_rate)
        path = StepPath(schedule.alphas_bar(), schedule.prediction)
        self.path: NoisePath = path
        self.denoiser: nn.Module = pipeline.unet
        self._encode = encode
        self._step_of = path.steps
        self._dtype = pipeline.unet.dtype

    def latents(self, recordings: Sequence[Recording]) -> Tensor:
        """``[recordings, channels, frames, bands]``."""
        return clean_latents(self._encode, recordings, sample_rate=self.sample_rate, channels=self.channels)

    def conditions(self, prompts: Sequence[str], duration_s: float) -> Conditions:
        """``generated`` by the language model, ``texts`` of T5 and their ``mask``; the model is told no duration."""
        import torch

        told = [self._told(prompt) for prompt in prompts]
        return {name: torch.cat([row[name] for row in told]) for name in told[0]}

    def unprompted(self, duration_s: float) -> Conditions:
        """Those of the empty prompt, as the pipeline compares with; it would fill it up to the length of the prompt."""
        return self._told("")

    def predict(self, noisy: Tensor, time: Tensor, conditions: Conditions) -> Tensor:
        """Noise or velocity, as the scheduler of the model says."""
        mask = conditions["mask"]
        longest = mask.shape[1] if mask.is_meta else int(mask.sum(1).max())
        said: Tensor = self.denoiser(
            noisy.to(self._dtype), self._step_of(time),
            encoder_hidden_states=conditions["generated"].to(self._dtype),
            encoder_hidden_states_1=conditions["texts"][:, :longest].to(self._dtype),
            encoder_attention_mask_1=mask[:, :longest].to(self._dtype), return_dict=False,
        )[0]  # fmt: skip
        return said.float()

    def _told(self, prompt: str) -> dict[str, Tensor]:
        """One row, filled up to the most tokens that T5 may have."""
        import torch
        from torch.nn import functional

        pipe = self.pipeline
        with torch.no_grad():
            texts, mask, generated = pipe.encode_prompt([prompt], pipe.device, 1, False)
        more = max(0, int(pipe.tokenizer_2.model_max_length) - texts.shape[1])
        return {
            "generated": generated.float().cpu(),
            "texts": functional.pad(texts.float().cpu(), (0, 0, 0, more)),
            "mask": functional.pad(mask.float().cpu(), (0, more)),
        }
