"""What a training by preference is made of."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from menura.config import Domain, GeneratorSettings, LanguageModelSettings, PromptSettings, RunSettings, Settings

__all__ = ["AlignSettings", "PairSource", "RewardName"]

PairSource = Literal["real", "ranked", "decided"]
RewardName = Literal["label", "kad", "coverage"]


class AlignSettings(Settings):
    """Identity of a training by preference: equal settings give the same adapter on the same kind of machine."""

    generator: GeneratorSettings = Field(description="Text-to-audio generator whose denoiser learns.")
    pairs: PairSource = Field(
        "real", description="real (a real clip wins), ranked (best and worst of several), decided (a person's word)."
    )
    objective: Literal["dpo", "sft"] = Field("dpo", description="dpo, or sft: plain fine-tuning on the winners.")
    losers: int = Field(2, ge=1, le=64, description="Generated clips for each real one, or rejected for each accepted.")
    candidates: int = Field(5, ge=2, le=64, description="Generated clips of one prompt to rank, for pairs `ranked`.")
    reward: RewardName = Field("label", description="What ranks them: label, kad or coverage.")
    rounds: int = Field(1, ge=1, le=100, description="How often pairs are made anew, with what was learned until then.")
    decisions: str | None = Field(None, description="JSON lines of decisions, or a finished run, for pairs `decided`.")

    beta: float = Field(2000.0, gt=0, description="Pull towards the model as it was; larger stays closer.")
    anchor: float = Field(1.0, ge=0, description="Weight of the winner's own error in the loss; 0 leaves it out.")
    adapter: Literal["lora", "prefix"] = Field("lora", description="Kind of the adapter.")
    rank: int = Field(16, ge=1, le=1024, description="Rank of LoRA, or the number of prefix tokens.")
    times: Literal["uniform", "stratified", "logit-normal"] = Field("uniform", description="How noise is drawn.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of pairs that are learned without their prompt.")

    steps: int = Field(1000, ge=1, description="Optimiser steps of all rounds together.")
    batch: int = Field(4, ge=1, description="Pairs at once.")
    accumulate: int = Field(1, ge=1, description="Batches whose gradients are added up before a step.")
    learning_rate: float = Field(1e-4, gt=0, le=1, description="Of AdamW, after warm-up.")
    weight_decay: float = Field(1e-3, ge=0, description="Of AdamW.")
    warm_up: int = Field(50, ge=0, description="Steps in which the learning rate rises.")
    max_gradient: float = Field(1.0, gt=0, description="Longer gradients are shortened to this.")
    ema: float = Field(0.99, ge=0, lt=1, description="Share of the averaged weights that a step keeps.")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="Of the denoiser's sums.")
    checkpointing: bool = Field(False, description="Compute activations twice rather than keep them.")

    crop_s: float | None = Field(None, gt=0, le=300, description="Length of both sides; unset: the median clip, <= 10.")
    longest_s: float = Field(30.0, gt=0, le=300, description="Longest clip that the generator is asked for.")
    validation: float = Field(0.2, gt=0, le=0.5, description="Share of the training clips that is only compared with.")
    check_every: int = Field(100, ge=1, description="Steps between two checks.")
    check_clips: int = Field(40, ge=4, le=2000, description="Clips that are generated for a check.")
    check_pairs: int = Field(16, ge=1, le=1024, description="Pairs whose errors a check compares.")
    patience: int = Field(3, ge=1, description="Checks without a nearer KAD after which it stops.")
    stop_early: bool = Field(True, description="False trains all steps; the best checkpoint is kept all the same.")
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
