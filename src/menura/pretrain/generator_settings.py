"""What a training run of the small text-to-audio model is made of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from menura.backends.mini.model import SizeName
from menura.config import Settings

__all__ = ["GeneratorTraining"]


class GeneratorTraining(Settings):
    """Identity of a training run: equal settings give the same model on the same kind of machine."""

    data: str | None = Field(None, description="Captioned recordings to hear beside the scenes; unset: scenes alone.")
    test_fold: str | None = Field(None, description="Fold of the recordings to hold out.")
    training: str | None = Field(None, description="Fingerprint of the recordings; filled in by the run.")
    share: float = Field(
        0.5, gt=0, le=1, description="Of the clips in a step that are recordings, where there are any."
    )
    start: str | None = Field(None, description="Folder of a trained model to go on from; unset: random weights.")
    size: SizeName = Field("small", description="tiny, small or large.")
    durations_s: tuple[float, ...] = Field(
        (1.0, 2.0, 2.0, 3.0, 5.0), min_length=1, description="One of them is drawn for each step."
    )
    steps: int = Field(6_000, ge=1, description="Optimiser steps.")
    batch: int = Field(64, ge=1, description="Clips of two seconds in one step; fewer longer ones, more shorter ones.")
    echoes: int = Field(2, ge=1, description="How often a rendered clip is met, each time with other noise.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate.")
    weight_decay: float = Field(0.01, ge=0, description="Weight decay.")
    ema: float = Field(0.999, ge=0, lt=1, description="Share of the averaged weights that a step leaves.")
    unprompted: float = Field(0.1, ge=0, lt=1, description="Share of the clips whose text is not told, for guidance.")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="Of the networks.")
    seed: int = Field(0, ge=0, description="Seed of the first weights and of everything drawn.")
