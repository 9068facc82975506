"""Settings: typed, frozen, documented field by field; an unknown or impossible one is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from menura.errors import ConfigError
from menura.seeding import content_hash

__all__ = [
    "DEFAULT_TIMES",
    "AmountSettings",
    "Domain",
    "GeneratorSettings",
    "JudgeSettings",
    "ModelSettings",
    "RunSettings",
    "Settings",
    "settings_from",
]

Domain = Literal["environment", "speech", "animal", "music", "machine"]


DEFAULT_TIMES = 8.0
"""Synthetic clips for each real one when nobody says how many (docs/benchmarks.md, "How many clips")."""


def _is_none(value: object) -> bool:
    return value is None


class Settings(BaseModel):
    """Base of every settings record."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when any field changes."""
        return content_hash(self.model_dump(mode="json"))


class AmountSettings(Settings):
    """How many synthetic clips each label gets. At most one of the fields is set; none means ``times=8``."""

    times: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        None, description="Synthetic clips for each real training clip of the label."
    )
    per_label: Annotated[int, Field(ge=1)] | None = Field(None, description="Synthetic clips for each label.")
    balance: bool = Field(False, description="Top every label up to the size of the largest one.")

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        given = [name for name in ("times", "per_label") if getattr(self, name) is not None]
        given += ["balance"] if self.balance else []
        if len(given) > 1:
            raise ValueError(f"give one of times, per_label and balance, not {' and '.join(given)}")
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
    precision: Literal["float32", "float16", "bfloat16"] | None = Field(None, description="Of the weights.")
    device: str = Field("auto", description="cpu, cuda, cuda:1, …; auto takes a graphics card where there is one.")
    compile: bool = Field(False, description="Compile the denoiser: a slow first call, faster ones after it.")
    offload: bool = Field(False, description="Keep parts of the model in main memory until they are needed.")
    batch: int | None = Field(None, ge=1, description="Most clips in one call; unset: by duration.")


class GeneratorSettings(Settings):
    """Which generator makes the clips, and how far they may go from the recordings."""

    name: str = Field("resynth", description="Name of the generator, see `menura list generators`.")
    domain: Domain = Field("environment", description="What kind of sound it is; chooses what must survive.")
    preserve: tuple[str, ...] = Field((), description="Attributes that carry the label: pitch, tempo, speaker, ….")
    delta: float | None = Field(
        None, ge=0, le=1, description="Strength of the perturbation in [0, 1]; None takes the preset of the domain."
    )
    model: ModelSettings = Field(ModelSettings(), description="For generators with pretrained weights.")


class JudgeSettings(Settings):
    """When a candidate is kept."""

    acceptance: float = Field(
        0.95, gt=0, le=1, description="Share of real training clips that each calibrated threshold lets pass."
    )
    encoder: str = Field(
        "acoustic+scenes",
        description="Name of the encoder, the file of a trained one, or several with + between.",
    )
    surplus: float = Field(
        1.25, ge=1, le=20, description="Candidates made for each clip to be kept, so that selection has a choice."
    )
    enabled: bool = Field(True, description="False keeps every candidate that is technically sound.")
    text_model: str | None = Field(
        None,
        description="CLAP model that compares clips with their labels' names: a folder, or owner/name on the Hub.",
        exclude_if=_is_none,
    )
    text_rule: Literal["calibrated", "synthio"] = Field(
        "calibrated",
        description="Thresholds from the real clips of each label, or Synthio's one for all.",
        exclude_if=lambda value: value == "calibrated",
    )
    text_least_score: float = Field(
        0.85,
        gt=0,
        lt=1,
        description="Least sigmoid(scale x cosine) of the rule synthio.",
        exclude_if=lambda value: value == 0.85,
    )

    @model_validator(mode="after")
    def _rule_of_a_model(self) -> Self:
        if self.text_model is None and (self.text_rule, self.text_least_score) != ("calibrated", 0.85):
            raise ValueError("text_rule and text_least_score need a text_model")
        return self


class RunSettings(Settings):
    """Identity of a run: two runs with equal settings, data and version leave the same bytes."""

    recipe: str = Field("resynth", description="Name of the recipe, see `menura list recipes`.")
    amount: AmountSettings = Field(AmountSettings(), description="How many clips.")
    generator: GeneratorSettings = Field(GeneratorSettings(), description="Which generator.")
    judge: JudgeSettings = Field(JudgeSettings(), description="Which clips are kept.")
    rounds: int = Field(1, ge=0, le=20, description="Rounds of revision after the first.")
    seed: int = Field(0, ge=0, description="Seed of everything that is drawn.")
    sample_rate: int | None = Field(None, ge=1000, le=384_000, description="Rate of the new clips; None: as parents.")
    shard_size: int = Field(64, ge=1, le=10_000, description="Requests in one unit of work.")
    licence: Literal["any", "commercial"] = Field(
        "any",
        description="`commercial` refuses sources that would forbid commercial use, before anything is made.",
        exclude_if=lambda value: value == "any",
    )


SettingsT = TypeVar("SettingsT", bound=Settings)


def settings_from(kind: type[SettingsT], values: dict[str, Any], *, source: str = "settings") -> SettingsT:
    """Settings record made from plain values.

    Args:
        kind: The settings class.
        values: Field name to value, nested as the class is.
        source: Where the values came from, for the message.

    Raises:
        ConfigError: A value is unknown or impossible; the message names each field.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or kind.__name__}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        )
        raise ConfigError(f"{source}: {problems}") from error
