"""What a training by preference is made of."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from menura.config import (
    AlignTraining,
    Domain,
    GeneratorSettings,
    LanguageModelSettings,
    PairSource,
    PromptSettings,
    RewardName,
    RunSettings,
)

__all__ = ["AlignSettings", "PairSource", "RewardName"]


class AlignSettings(AlignTraining):
    """Identity of a training by preference: equal settings give the same adapter on the same kind of machine."""

    generator: GeneratorSettings = Field(description="Text-to-audio generator whose denoiser learns.")
    objective: Literal["dpo", "sft"] = Field("dpo", description="dpo, or sft: plain fine-tuning on the winners.")
    decisions: str | None = Field(None, description="JSON lines of decisions, or a finished run, for pairs `decided`.")

    steps: int = Field(1000, ge=1, description="Optimiser steps of all rounds together.")
    encoder: str = Field("acoustic+scenes", description="What checks and rewards hear with.")

    prompts: PromptSettings = Field(
        PromptSettings(style="sound_of", negative=False), description="What the generator is asked for."
    )
    language_model: LanguageModelSettings = Field(LanguageModelSettings(), description="Who writes prompts.")
    processes: int = Field(1, ge=1, description="Processes, each with as many pairs of its own in a step.")
    seed: int = Field(0, ge=0, description="Seed of everything that is drawn.")

    @property
    def domain(self) -> Domain:
        """What kind of sound it is."""
        return self.generator.domain

    @property
    def needs_losers(self) -> bool:
        """Whether anything has to be generated before a step can be made."""
        return self.objective == "dpo" or self.pairs == "ranked"

    def prompting(self) -> RunSettings:
        """The same as settings of a run, for those who write prompts."""
        return RunSettings(
            generator=self.generator, prompts=self.prompts, language_model=self.language_model, seed=self.seed
        )

    def round_of(self, step: int) -> int:
        """The round that a step belongs to, counted from 0."""
        return min(self.rounds - 1, step * self.rounds // self.steps)

    def first_step(self, round_index: int) -> int:
        """The first step of a round."""
        return -(-round_index * self.steps // self.rounds)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.decisions is not None) != (self.pairs == "decided"):
            raise ValueError("decisions (JSON lines or a finished run) belong to pairs `decided`, and only to them")
        if self.pairs == "decided" and self.rounds > 1:
            raise ValueError("decisions are made once: give rounds=1, or pairs `ranked` for fresh pairs in each round")
        if self.rounds > self.steps:
            raise ValueError(f"rounds is {self.rounds}, but there are only {self.steps} steps")
        if len(self.generator.parts) > 1:
            raise ValueError(f"generator is {self.generator.name}: one generator can be trained at a time")
        model = self.generator.model
        if model.strength is not None or model.interpolate or model.replace_s is not None:
            raise ValueError("a generator that is trained works from the prompt alone: no strength, no interpolation")
        return self
