"""What the trainees of text-to-audio models share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from menura.errors import AudioError
from menura.types import Recording

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ATTENTION", "clean_latents", "encoders_to"]

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
"""Ends of the names of the linear layers in the attention of ``diffusers``."""


def clean_latents(
    encode: Callable[[Sequence[Recording]], Any], recordings: Sequence[Recording], *, sample_rate: int, channels: int
) -> Tensor:
    """Latents ``[recordings, …]``, float32, on the processor; one recording at a time goes through the autoencoder.

    Raises:
        AudioError: There are none, they differ in length, or have another rate or other channels than the model.
    """
    import torch

    lengths = {recording.waveform.shape[-1] for recording in recordings}
    if len(lengths) != 1 or 0 in lengths:
        raise AudioError(
            f"recordings of {sorted(lengths)} samples, expected some of one length, above 0: cut them first"
        )
    for recording in recordings:
        if recording.sample_rate != sample_rate or len(recording.waveform) != channels:
            raise AudioError(
                f"a recording has {len(recording.waveform)} channels at {recording.sample_rate} Hz, but the model "
                f"takes {channels} at {sample_rate} Hz: convert it first"
            )
    with torch.no_grad():
        return torch.cat([encode([recording]).float().cpu() for recording in recordings])


def encoders_to(trainee: Any, device: str) -> None:
    """Move all parts of a trainee's pipeline but the denoiser to a device.

    Latents and conditions are made once, before training; after that the encoders only fill the graphics card.
    """
    for name, part in trainee.pipeline.components.items():
        if name != trainee.part and hasattr(part, "parameters"):
            part.to(device)
