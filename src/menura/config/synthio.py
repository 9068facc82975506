"""How an adapter is trained by preference, and the recipe that does it first."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from menura.config.base import Settings

__all__ = ["AlignTraining", "PairSource", "RewardName", "SynthioSettings"]

PairSource = Literal["real", "ranked", "decided"]
RewardName = Literal["label", "kad", "coverage"]


class AlignTraining(Settings):
    """How an adapter is trained by preference: all that belongs to no model, no prompt and no seed."""

    pairs: PairSource = Field(
        "real", description="real (a real clip wins), ranked (best and worst of several), decided (a person's word)."
    )
    losers: int = Field(2, ge=1, le=64, description="Generated clips for each real one, or rejected for each accepted.")
    candidates: int = Field(5, ge=2, le=64, description="Generated clips of one prompt to rank, for pairs `ranked`.")
    reward: RewardName = Field("label", description="What ranks them: label, kad or coverage.")
    rounds: int = Field(1, ge=1, le=100, description="How often pairs are made anew, with what was learned until then.")

    beta: float = Field(2000.0, gt=0, description="Pull towards the model as it was; larger stays closer.")
    anchor: float = Field(1.0, ge=0, description="Weight of the winner's own error in the loss; 0 leaves it out.")
    adapter: Literal["lora", "prefix"] = Field("lora", description="Kind of the adapter.")
    rank: int = Field(16, ge=1, le=1024, description="Rank of LoRA, or the number of prefix tokens.")
    times: Literal["uniform", "stratified", "logit-normal"] = Field("uniform", description="How noise is drawn.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of pairs that are learned without their prompt.")

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


class SynthioSettings(Settings):
    """Parts of the recipe ``synthio``; leaving one of them out is an ablation of the paper."""

    align: Literal["dpo", "sft", "none"] = Field(
        "dpo",
        description="What the generator learns from the real clips first: dpo (preference pairs), sft (plain "
        "fine-tuning) or none.",
    )
    align_steps: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Optimiser steps of that; unset: as many as `menura align` takes."
    )
    training: AlignTraining = Field(
        AlignTraining(),
        description="The rest of that: pairs, objective's weights, batch, learning rate, precision, checks.",
        exclude_if=lambda value: value == AlignTraining(),
    )
    template_captions: bool = Field(
        False, description="Ask for `Sound of a LABEL`, in every round, instead of captions of the real clips."
    )
    mixcap: bool = Field(
        True, description="Mix the parts of all captions of a label; False says each real clip's caption otherwise."
    )
    self_reflection: int = Field(
        2, ge=0, le=20, description="Most rounds in which rejected clips get another caption; 0 for none."
    )
    filter: bool = Field(True, description="False keeps every clip that is technically sound.")

    @model_validator(mode="after")
    def _one_ablation_of_captions(self) -> Self:
        if self.template_captions and not self.mixcap:
            raise ValueError("give template_captions or mixcap = false, not both: a template has nothing to mix")
        return self

    @model_validator(mode="after")
    def _pairs_without_a_person(self) -> Self:
        if self.training.pairs == "decided":
            raise ValueError(
                "training.pairs = decided needs decisions, which a recipe does not have: align by `menura align`, name "
                "the adapter by generator.model.adapter, and give align = none"
            )
        return self

    @property
    def is_untouched(self) -> bool:
        """Whether every field has its default."""
        return self == SynthioSettings()
