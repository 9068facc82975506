"""Settings: typed, frozen, documented field by field; an unknown or impossible one is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from menura.errors import ConfigError
from menura.seeding import content_hash

__all__ = [
    "DEFAULT_TIMES",
    "AlignTraining",
    "AllocationSettings",
    "AmountSettings",
    "Domain",
    "GeneratorSettings",
    "InterpolationSettings",
    "JudgeSettings",
    "LanguageModelSettings",
    "ModelSettings",
    "PairSource",
    "PromptSettings",
    "PromptStyle",
    "RewardName",
    "RunSettings",
    "ScenarioSlot",
    "Settings",
    "SynthioSettings",
    "settings_from",
]

Domain = Literal["environment", "speech", "animal", "music", "machine"]
PromptStyle = Literal["label", "sound_of", "scene", "descriptors", "mixcap", "plain", "rewrite", "caption"]
PairSource = Literal["real", "ranked", "decided"]
RewardName = Literal["label", "kad", "coverage"]
ScenarioSlot = Literal["place", "weather", "background", "distance", "device"]

_BETWEEN_PARTS = re.compile(r"\+(?=[a-z][a-z0-9-]*(?::|\+|$))")

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
    by_label: dict[str, Annotated[int, Field(ge=0)]] | None = Field(
        None, description="Label to its synthetic clips; labels that are not named get none.", exclude_if=_is_none
    )

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        given = [name for name in ("times", "per_label", "by_label") if getattr(self, name) is not None]
        given += ["balance"] if self.balance else []
        if len(given) > 1:
            raise ValueError(f"give one of times, per_label and balance, not {' and '.join(given)}")
        return self


class AllocationSettings(Settings):
    """Who decides which labels the clips go to, see docs/allocation.md."""

    by: Literal["even", "learner"] = Field(
        "even", description="`even`: the amount says it; `learner`: rounds, each to where a classifier is unsure."
    )
    rounds: int = Field(4, ge=2, le=50, description="Rounds in which a learner gives out the clips; the first is even.")
    measure: Literal["entropy", "margin", "error"] = Field(
        "entropy", description="What unsure means: entropy, small margin, or distance to the truth, all out of fold."
    )
    even_share: float = Field(
        0.5, ge=0, le=1, description="Share of each round that is given out evenly whatever the learner says."
    )
    most: float = Field(3.0, ge=1, le=100, description="Most clips of a label, in even shares.")
    stop: bool = Field(True, description="Make no more once more clips have stopped helping the learner.")
    least_gain: float = Field(
        0.005, ge=0, le=1, description="Gain in its score over two rounds below which a learner has stopped gaining."
    )

    @model_validator(mode="after")
    def _with_a_learner(self) -> Self:
        given = sorted(self.model_fields_set - {"by"})
        changed = [name for name in given if getattr(self, name) != type(self).model_fields[name].default]
        if self.by == "even" and changed:
            raise ValueError(f"{' and '.join(changed)} need by=learner (--allocate learner)")
        return self


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


class LanguageModelSettings(Settings):
    """Which language model writes captions and prompts, and what it may cost. Without a URL, phrases do.

    The key is in none of the fields: it stays in the environment.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    backend: str | None = Field(
        None, description="Name of the backend, see `menura list`; unset: `chat` with a URL, `grammar` without."
    )
    url: str | None = Field(
        None, description="Base address of an OpenAI-compatible server, usually ending in /v1; unset: no server."
    )
    model: str | None = Field(
        None, min_length=1, description="Name of the model on that server. Cached answers belong to this name."
    )
    temperature: float | None = Field(0.7, ge=0, le=2, description="Of sampling; unset: what the server takes.")
    max_tokens: int = Field(2048, ge=1, le=1_000_000, description="Most tokens of one answer.")
    timeout_s: float = Field(120.0, gt=0, le=3600, description="Longest wait for one answer, in seconds.")
    retries: int = Field(5, ge=0, le=20, description="Further tries when the server is busy, broken or out of reach.")
    repairs: int = Field(2, ge=0, le=10, description="Further tries when an answer does not fit what was asked for.")
    concurrency: int = Field(8, ge=1, le=256, description="Most questions under way at once; fewer if it is too much.")
    token_budget: int | None = Field(None, ge=0, description="Most tokens of one command, prompts and answers.")
    money_budget: float | None = Field(None, ge=0, description="Most money of one command, in the currency of prices.")
    price_prompt: float | None = Field(None, ge=0, description="Price of a million tokens of prompts.")
    price_completion: float | None = Field(None, ge=0, description="Price of a million tokens of answers.")
    key_variable: str | None = Field(
        "OPENAI_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Environment variable that holds the key; unset: no key is sent.",
    )
    cache: str | None = Field(None, description="Folder of the answers so far; unset: in the user's cache.")

    @property
    def backend_name(self) -> str:
        """The backend that these settings choose."""
        return self.backend or ("grammar" if self.url is None else "chat")

    @field_validator("url")
    @classmethod
    def _base_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url.strip())
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise ValueError("give an address that begins with http:// or https://, like http://localhost:8000/v1")
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError("no name, password, ? or # in the address; a key comes from the variable of key_variable")
        return url.strip().rstrip("/").removesuffix("/chat/completions").rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.url is not None and self.model is None:
            raise ValueError("a url needs model=<name of the model on that server>")
        if (self.price_prompt is None) != (self.price_completion is None):
            raise ValueError("give both price_prompt and price_completion, per million tokens")
        if self.money_budget is not None and self.price_prompt is None:
            raise ValueError("money_budget needs price_prompt and price_completion, per million tokens")
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
                "name": "+".join(f"{name}:{_absolute(part)}" if colon else name for name, colon, part in named),
                "model": self.model.model_copy(update={"path": None if path is None else _absolute(path)}),
            }
        )

    def _part(self, name: str) -> GeneratorSettings:
        name, colon, path = name.partition(":")
        model = self.model.model_copy(update={"path": path}) if colon else self.model
        return self.model_copy(update={"name": name, "model": model})


class PromptSettings(Settings):
    """How the text for a text-to-audio model is made, see docs/prompts.md."""

    style: PromptStyle | None = Field(
        None, description="label, sound_of, scene, descriptors, mixcap, plain, rewrite or caption; unset: the recipe's."
    )
    slots: tuple[ScenarioSlot, ...] = Field(
        ("place", "weather", "background", "distance", "device"),
        description="What a scene may tell beside the label, most important first; place alone is the simple style.",
    )
    descriptors: int = Field(3, ge=1, le=10, description="Descriptors in one prompt of the style descriptors.")
    negative: bool | str = Field(
        True, description="True: by the kind of the label, without what the label is; a text: that one; False: none."
    )
    cards: str | None = Field(None, description="TOML file of label cards, drafted where it is missing or incomplete.")
    descriptor_lists: str | None = Field(None, description="TOML file of descriptors per label, likewise.")
    captions: str | None = Field(None, description="CSV or JSON lines of captions that people wrote.")
    captioner: str = Field("acoustic", description="Who captions the other clips, see `menura list captioners`.")
    pool_share: float = Field(0.75, gt=0, le=1, description="Share of a label's events, and of its scenes, per MixCap.")
    captions_per_clip: int = Field(5, ge=1, le=20, description="New captions for each real clip.")
    max_words: int = Field(25, ge=8, le=80, description="Most words in a scene or a caption.")
    novel_share: float = Field(0.2, ge=0, le=1, description="Share of new events and scenes in a caption.")
    max_similarity: float = Field(
        0.8, gt=0, le=1, description="Captions of a label whose words overlap more than this are near-duplicates."
    )


class ThresholdShift(Settings):
    """How the two thresholds of a label move from where the real clips put them, e.g. by what reviewers said."""

    response: float = Field(0.0, ge=-10, le=10, description="Added to the least agreement with the label.")
    distance: float = Field(1.0, gt=0, le=100, description="Times the greatest distance to a real clip of the label.")


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

    thresholds: dict[str, ThresholdShift] = Field(
        {},
        description="Label to how its thresholds move; `menura review RUN --recalibrate` writes them.",
        exclude_if=lambda value: not value,
    )

    def with_absolute_paths(self) -> JudgeSettings:
        """The same, the path of a text model that exists here made absolute: a run is resumed from any folder."""
        if self.text_model is None:
            return self
        scheme, path = ("clap:", self.text_model[5:]) if self.text_model.startswith("clap:") else ("", self.text_model)
        return self.model_copy(update={"text_model": scheme + _absolute(path)})

    @model_validator(mode="after")
    def _rule_of_a_model(self) -> Self:
        if self.text_model is None and (self.text_rule, self.text_least_score) != ("calibrated", 0.85):
            raise ValueError("text_rule and text_least_score need a text_model")
        return self


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


SettingsT = TypeVar("SettingsT", bound=Settings)


def _absolute(path: str) -> str:
    """An existing path made absolute; anything else, such as a name on the Hub, as it is."""
    return str(Path(path).absolute()) if path and Path(path).exists() else path


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
        json.dumps(values, ensure_ascii=False, default=str).encode()
        return kind.model_validate(values)
    except UnicodeEncodeError as error:
        raise ConfigError(f"{source}: a text holds half a character (a lone surrogate such as \\ud83d)") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or kind.__name__}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        )
        raise ConfigError(f"{source}: {problems}") from error
