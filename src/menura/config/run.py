"""All settings of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from menura.config.amount import AllocationSettings, AmountSettings
from menura.config.base import Settings
from menura.config.generator import Domain, GeneratorSettings
from menura.config.judge import JudgeSettings
from menura.config.prompts import LanguageModelSettings, PromptSettings
from menura.config.synthio import SynthioSettings

__all__ = ["ENCODER_OF_DOMAIN", "RunSettings"]


ENCODER_OF_DOMAIN: Mapping[Domain, str] = {"speech": "acoustic"}
"""Domain to its encoder, where that is not the default one.

``scenes`` has learned from scenes and hears who speaks: with it, logistic regression lost seven points on a speaker it
had not learned from (docs/encoders.md, "Speech").
"""


class RunSettings(Settings):
    """Identity of a run: two runs with equal settings, data and version leave the same bytes."""

    recipe: str = Field("resynth", description="Name of the recipe, see `menura list recipes`.")
    amount: AmountSettings = Field(AmountSettings(), description="How many clips.")
    allocation: AllocationSettings = Field(
        AllocationSettings(),
        description="Which labels they go to.",
        exclude_if=lambda value: value == AllocationSettings(),
    )
    generator: GeneratorSettings = Field(GeneratorSettings(), description="Which generator.")
    prompts: PromptSettings = Field(PromptSettings(), description="What a text-to-audio model is asked for.")
    language_model: LanguageModelSettings = Field(
        LanguageModelSettings(),
        description="Who writes descriptors, cards and captions; without a URL a phrase grammar.",
    )
    judge: JudgeSettings = Field(JudgeSettings(), description="Which clips are kept.")
    synthio: SynthioSettings = Field(
        SynthioSettings(), description="Parts of the recipe synthio.", exclude_if=lambda value: value.is_untouched
    )
    rounds: int = Field(1, ge=0, le=20, description="Rounds of revision after the first.")
    seed: int = Field(0, ge=0, description="Seed of everything that is drawn.")
    sample_rate: int | None = Field(None, ge=1000, le=384_000, description="Rate of the new clips; None: as parents.")
    shard_size: int = Field(64, ge=1, le=10_000, description="Requests in one unit of work.")
    licence: Literal["any", "commercial"] = Field(
        "any",
        description="`commercial` refuses sources that would forbid commercial use, before anything is made.",
        exclude_if=lambda value: value == "any",
    )

    @model_validator(mode="after")
    def _encoder_of_the_domain(self) -> Self:
        encoder = ENCODER_OF_DOMAIN.get(self.generator.domain)
        if encoder is not None and "encoder" not in self.judge.model_fields_set:
            object.__setattr__(self, "judge", self.judge.model_copy(update={"encoder": encoder}))
        return self

    @model_validator(mode="after")
    def _judges_for_a_learner(self) -> Self:
        if self.allocation.by == "learner" and not self.judge.enabled:
            raise ValueError("allocation by a learner needs judge.enabled: it learns from what the judges hear")
        return self

    @property
    def makes_adapter(self) -> bool:
        """Whether the run adapts its generator to the real clips before it makes any."""
        return self.recipe == "synthio" and self.synthio.align != "none"

    @model_validator(mode="after")
    def _parts_of_its_recipe(self) -> Self:
        if self.recipe != "synthio" and not self.synthio.is_untouched:
            raise ValueError(f"the settings under synthio are for the recipe synthio, the recipe is {self.recipe}")
        return self
