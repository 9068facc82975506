"""What a training run of an encoder is made of."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from menura.config import Settings
from menura.encoders.front_end import FrontEnd, FrontEndName, MelFrontEnd, VggishFrontEnd
from menura.encoders.network import NetworkName, NetworkShape, Precision
from menura.encoders.readout import Readout
from menura.pretrain.losses import Objective
from menura.synth import voice_named

__all__ = ["Optimiser", "Positives", "PretrainSettings", "Schedule", "ViewName"]

Optimiser = Literal["adamw", "sgd"]
Schedule = Literal["cosine", "milestones"]
ViewName = Literal["recordings", "none", "masking", "spec_augment", "chain"]
Positives = Literal["crop", "jitter", "mixture"]


class PretrainSettings(Settings):
    """Identity of a training run: equal settings give the same encoder on the same kind of machine."""

    voice: str = Field("scene", description="What is heard: voice, voice_fm, parametric or scene.")
    delta: float = Field(0.1, ge=0, le=1, description="How far the two sounds of a pair lie apart.")
    objective: Objective = Field("nt_xent", description="Loss: nt_xent, align_uniform, masked or nt_xent+masked.")
    steps: int = Field(3000, ge=1, description="Optimiser steps.")
    pairs: int = Field(128, ge=2, description="Pairs in one step.")
    echoes: int = Field(2, ge=1, description="How often a rendered pair is heard, changed anew each time.")
    precision: Precision = Field(
        "float32", description="Of the convolutions: bfloat16 is faster where the processor knows it."
    )
    views: ViewName = Field("recordings", description="How the two of a pair are changed: see docs/pretrain.md.")
    data: str | None = Field(None, description="Real recordings to take the pairs from, instead of synthetic sound.")
    test_fold: str | None = Field(None, description="Fold of the recordings that is not heard.")
    positives: Positives = Field("crop", description="Of real recordings, what makes a pair: crop, jitter or mixture.")
    layers_mixed: int = Field(5, ge=1, description="Slices of one recording that are summed for a mixture.")
    optimiser: Optimiser = Field("adamw", description="adamw, or sgd without momentum.")
    schedule: Schedule = Field(
        "cosine", description="cosine with warm-up, or milestones: a tenth at 77.5, 85 and 92.5 % of the steps."
    )
    accumulate: int = Field(1, ge=1, description="Batches whose gradients are added up before a step.")
    learning_rate: float = Field(2e-3, gt=0, description="Peak learning rate.")
    weight_decay: float = Field(0.05, ge=0, description="Weight decay, on kernels and matrices.")
    processes: int = Field(1, ge=1, description="Processes, each with as many pairs of its own in a step.")
    seed: int = Field(0, ge=0, description="Seed of every sound, every change of a view, and the first weights.")
    sample_rate: int = Field(16_000, ge=8000, le=48_000, description="Rate of the sounds in Hz.")
    front_end: FrontEndName = Field("levels", description="levels, or vggish: log-mel magnitudes at 16 kHz.")
    network: NetworkName = Field("separable", description="separable, or resnet18, the network of the paper.")
    widths: tuple[int, ...] = Field((32, 64, 128, 256), min_length=2, description="Channels of the stages (separable).")
    layers: int = Field(2, ge=1, description="Convolutions in each stage (separable).")
    projection: int = Field(128, ge=0, description="Size of what the loss compares; 0 compares what the network gives.")

    @property
    def shape(self) -> NetworkShape:
        """The network that is trained."""
        if self.network == "resnet18":
            return NetworkShape("resnet18", (64, 128, 256, 512), 2)
        return NetworkShape(self.network, self.widths, self.layers)

    @property
    def ears(self) -> FrontEnd:
        """The front-end of the network."""
        if self.front_end == "vggish":
            return VggishFrontEnd()
        return MelFrontEnd(sample_rate=self.sample_rate, max_hz=self.sample_rate / 2)

    @property
    def readout(self) -> Readout:
        """What becomes the embedding: early stages, or the output of the paper's network."""
        early = Readout().stages if self.network == "separable" else ()
        return Readout(stages=tuple(stage for stage in early if stage < len(self.widths)))

    @field_validator("voice")
    @classmethod
    def _known_voice(cls, voice: str) -> str:
        return voice_named(voice).name

    @model_validator(mode="after")
    def _one_rate(self) -> Self:
        if self.front_end == "vggish" and self.sample_rate != VggishFrontEnd().sample_rate:
            raise ValueError(f"sample_rate is {self.sample_rate}, but the vggish front-end hears 16000 Hz")
        return self
