"""What a training run of an encoder is made of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from menura.config import Settings
from menura.pretrain.losses import Objective
from menura.synth import voice_named

__all__ = ["Precision", "PretrainSettings"]

Precision = Literal["float32", "bfloat16"]


class PretrainSettings(Settings):
    """Identity of a training run: equal settings give the same encoder on the same kind of machine."""

    voice: str = Field("voice", description="What is heard: voice, voice_fm, parametric or scene.")
    delta: float = Field(0.1, ge=0, le=1, description="How far the two sounds of a pair lie apart.")
    objective: Objective = Field("nt_xent", description="Loss: nt_xent or align_uniform.")
    steps: int = Field(3000, ge=1, description="Optimiser steps.")
    pairs: int = Field(128, ge=2, description="Pairs in one step.")
    echoes: int = Field(2, ge=1, description="How often a rendered pair is heard, changed anew each time.")
    precision: Precision = Field(
        "float32", description="Of the convolutions: bfloat16 is faster where the processor knows it."
    )
    learning_rate: float = Field(2e-3, gt=0, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.05, ge=0, description="Weight decay of AdamW, on kernels and matrices.")
    seed: int = Field(0, ge=0, description="Seed of every sound, every change of a view, and the first weights.")
    sample_rate: int = Field(16_000, ge=8000, le=48_000, description="Rate of the sounds in Hz.")
    widths: tuple[int, ...] = Field((32, 64, 128, 256), min_length=1, description="Channels of the stages.")
    layers: int = Field(2, ge=1, description="Convolutions in each stage.")
    projection: int = Field(128, ge=2, description="Size of what the loss compares.")

    @field_validator("voice")
    @classmethod
    def _known_voice(cls, voice: str) -> str:
        return voice_named(voice).name
