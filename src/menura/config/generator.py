"""Which generator, which weights, and how far from the recordings."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from menura.config.base import Settings, absolute

__all__ = ["Domain", "GeneratorSettings", "InterpolationSettings", "ModelSettings"]

Domain = Literal["environment", "speech", "animal", "music", "machine"]

_BETWEEN_PARTS = re.compile(r"\+(?=[a-z][a-z0-9-]*(?::|\+|$))")


class InterpolationSettings(Settings):
    """How a generator goes from one real clip to another, where it can."""

    alpha: tuple[float, float] = Field(
        (0.5, 0.5), description="Share of the second clip: least and most, in [0, 1]; the first keeps the rest."
    )
    along: Literal["sphere", "line"] = Field("sphere", description="Slerp of the noises, or their plain average.")
    refinements: int = Field(
        1, ge=0, le=20, description="Further questions in each step of the inversion; 0 is that of the source work."
    )
    vocoder: str | None = Field(None, description="Folder of a HiFi-GAN to use in place of Griffin-Lim.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 <= self.alpha[0] <= self.alpha[1] <= 1:
            raise ValueError(f"alpha is {self.alpha[0]} to {self.alpha[1]}, expected 0 <= least <= most <= 1")
        return self


class ModelSettings(Settings):
    """Which weights a pretrained generator loads, and how it uses them. Unset fields are the model's own defaults."""

    path: str | None = Field(None, description="Folder or Hub name of the model; unset: the generator's published one.")
    revision: str | None = Field(None, description="Commit or tag on the Hub.")
    adapter: str | None = Field(None, description="Folder of a LoRA adapter.")
    num_inference_steps: int | None = Field(None, ge=1, description="Denoising steps.")
    guidance_scale: float | None = Field(None, ge=0, description="Weight of the prompt.")
    scheduler: str | None = Field(None, description="Class name of a scheduler, where the model allows another one.")
    strength: float | None = Field(
        None, gt=0, le=1, description="Start from a real clip and go this far from it; unset: from the prompt alone."
    )
    interpolate: bool = Field(
        False,
        description="Make each clip between two real ones of its label, in a text-to-audio model that can be inverted.",
        exclude_if=lambda value: value is False,
    )
    interpolation: InterpolationSettings = Field(
        InterpolationSettings(), description="Between two real clips, where the model can: which point, and how."
    )
    precision: Literal["float32", "float16", "bfloat16"] | None = Field(None, description="Of the weights.")
    device: str = Field("auto", description="cpu, cuda, cuda:1, …; auto takes a graphics card where there is one.")
    compile: bool = Field(False, description="Compile the denoiser: a slow first call, faster ones after it.")
    offload: bool = Field(False, description="Keep parts of the model in main memory until they are needed.")
    batch: int | None = Field(None, ge=1, description="Most clips in one call; unset: by duration.")
    replace_s: tuple[float, float] | None = Field(
        None, description="Make only this stretch of a real clip anew (start and end in seconds) and keep the rest."
    )
    temperature: float | None = Field(None, gt=0, le=10, description="Of models that sample tokens: wilder above 1.")
    top_k: int | None = Field(None, ge=1, description="Of models that sample tokens: choose among so many.")
    channels: Literal[1, 2] = Field(1, description="Channels of the clips; a mono model fills both alike.")
    peak_dbfs: float | None = Field(
        -1.0,
        ge=-60,
        le=0,
        description="Peak of a clip made from text alone, in dB of full scale; None: as it came.",
    )

    @model_validator(mode="after")
    def _one_way_to_start(self) -> Self:
        if self.replace_s is not None and self.strength is not None:
            raise ValueError("give strength (all of a real clip changes) or replace_s (a stretch does), not both")
        if self.replace_s is not None and self.interpolate:
            raise ValueError("give interpolate (between two real clips) or replace_s (a stretch of one), not both")
        if self.replace_s is not None and not 0 <= self.replace_s[0] < self.replace_s[1]:
            raise ValueError(f"replace_s is {self.replace_s}, expected start < end in seconds, from 0 on")
        return self


class GeneratorSettings(Settings):
    """Which generator makes the clips, and how far they may go from the recordings."""

    name: str = Field(
        "resynth",
        description="Name of the generator, see `menura list generators`; NAME:PATH with a model, several with +.",
    )
    domain: Domain = Field("environment", description="What kind of sound it is; chooses what must survive.")
    preserve: tuple[str, ...] = Field((), description="Attributes that carry the label: pitch, tempo, speaker, ….")
    delta: float | None = Field(
        None, ge=0, le=1, description="Strength of the perturbation in [0, 1]; None takes the preset of the domain."
    )
    model: ModelSettings = Field(ModelSettings(), description="For generators with pretrained weights.")

    @property
    def parts(self) -> tuple[GeneratorSettings, ...]:
        """Settings of each generator that the name names: ``resynth+worker:my_model`` are two, the second with a path.

        Where several are named, each has the other settings too.
        """
        return tuple(self._part(name) for name in _BETWEEN_PARTS.split(self.name))

    def with_absolute_paths(self) -> GeneratorSettings:
        """The same, each path that exists here made absolute: a run is resumed from any working folder."""
        path = self.model.path
        named = [name.partition(":") for name in _BETWEEN_PARTS.split(self.name)]
        return self.model_copy(
            update={
                "name": "+".join(f"{name}:{absolute(part)}" if colon else name for name, colon, part in named),
                "model": self.model.model_copy(update={"path": None if path is None else absolute(path)}),
            }
        )

    def _part(self, name: str) -> GeneratorSettings:
        name, colon, path = name.partition(":")
        model = self.model.model_copy(update={"path": path}) if colon else self.model
        return self.model_copy(update={"name": name, "model": model})
