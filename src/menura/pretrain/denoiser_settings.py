"""What a training run of a mel-image diffusion model is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from menura.audio.mel_image import MelImageSettings
from menura.config import Settings
from menura.diffusion.schedules import NoiseSchedule

__all__ = ["SIZES", "DenoiserSettings", "DenoiserSize", "SizeName"]

SizeName = Literal["tiny", "small", "large"]


@dataclass(frozen=True, slots=True)
class DenoiserSize:
    """Images and network that go together.

    Attributes:
        mel: How sound becomes images, but for the rate, which the settings give.
        widths: Channels of each stage of the network.
        layers: Convolution pairs in each stage.
        attention: How many of the last stages attend.
    """

    mel: dict[str, Any]
    widths: tuple[int, ...]
    layers: int
    attention: int


SIZES: dict[SizeName, DenoiserSize] = {
    "tiny": DenoiserSize({"mels": 32, "frames": 32, "n_fft": 1024, "hop": 256, "overlap": 4}, (8, 16), 1, 0),
    "small": DenoiserSize({"mels": 64, "frames": 128, "n_fft": 2048, "hop": 640}, (16, 32, 64, 96), 1, 1),
    "large": DenoiserSize(
        {"mels": 256, "frames": 256, "n_fft": 2048, "hop": 512}, (128, 128, 256, 256, 512, 512), 2, 2
    ),
}
"""For tests; for a processor, 1.8 million weights; for a graphics card, as the published models."""


class DenoiserSettings(Settings):
    """Identity of a training run: equal settings give the same model on the same kind of machine."""

    data: str = Field(description="Folder, manifest, or name of a public dataset.")
    test_fold: str | None = Field(None, description="Fold to hold out: nothing is learned from its clips.")
    training: str | None = Field(None, description="Fingerprint of the training clips; filled in by the run.")
    size: SizeName = Field("small", description="tiny, small or large.")
    sample_rate: int = Field(22_050, ge=1000, le=48_000, description="Rate of the images in Hz.")
    steps: int = Field(20_000, ge=1, description="Optimiser steps.")
    batch: int = Field(16, ge=1, description="Images in one step.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate.")
    weight_decay: float = Field(0.01, ge=0, description="Weight decay.")
    ema: float = Field(
        0.995, ge=0, lt=1, description="Share of the averaged weights that a step leaves; 0: no average."
    )
    schedule: Literal["linear", "scaled_linear", "squaredcos_cap_v2"] = Field(
        "linear", description="Curve of the noise."
    )
    shift: float = Field(1.0, ge=0, le=1, description="How freely an image starts within its clip; 0: at its start.")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="Of the convolutions.")
    seed: int = Field(0, ge=0, description="Seed of the first weights and of everything drawn.")

    @property
    def mel(self) -> MelImageSettings:
        """How sound becomes images."""
        return MelImageSettings(sample_rate=self.sample_rate, **SIZES[self.size].mel)

    @property
    def noise(self) -> NoiseSchedule:
        """The noise that is learned."""
        return NoiseSchedule(curve=self.schedule)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _ = self.mel
        return self
