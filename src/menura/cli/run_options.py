"""The options that ``menura plan`` and ``menura augment`` share, and how they become settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from menura.config import RunSettings

__all__ = [
    "AlignOption",
    "AllocateOption",
    "AllocationRoundsOption",
    "BalanceOption",
    "ClassifierOption",
    "ConfigOption",
    "DataArgument",
    "DeltaOption",
    "DomainOption",
    "EncoderOption",
    "FoldsOption",
    "GeneratorOption",
    "LanguageModelOption",
    "LanguageUrlOption",
    "LicenceOption",
    "MetricOption",
    "NoFilterOption",
    "NoMixcapOption",
    "NoSelfReflectionOption",
    "PerLabelOption",
    "PreserveOption",
    "PromptsOption",
    "RealPerLabelOption",
    "RecipeOption",
    "RoundsOption",
    "SeedOption",
    "StrengthOption",
    "TemplateCaptionsOption",
    "TestFoldOption",
    "TestFoldsOption",
    "TextModelOption",
    "TimesOption",
    "WorkersOption",
    "read_settings",
    "run_settings",
    "table_of",
    "update_given",
]

DataArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="DATA", help="Folder, manifest file, or name of a public dataset that is local.")
]
TimesOption: TypeAlias = Annotated[
    float | None, typer.Option("--times", help="Synthetic clips to keep for each real clip of a label. Default: 8.")
]
PerLabelOption: TypeAlias = Annotated[
    int | None, typer.Option("--per-label", help="Synthetic clips to keep for each label.")
]
BalanceOption: TypeAlias = Annotated[
    bool, typer.Option("--balance", help="Top every label up to the size of the largest one.")
]
AllocateOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--allocate", help="even, or learner: in rounds, to the labels a classifier is unsure of."),
]
AllocationRoundsOption: TypeAlias = Annotated[
    int | None, typer.Option("--allocation-rounds", help="Rounds in which a learner gives out the clips. Default: 4.")
]
RealPerLabelOption: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Real training clips of each label [default: all].")
]
TestFoldOption: TypeAlias = Annotated[
    str | None, typer.Option("--test-fold", help="Fold to hold out: nothing is learned from its clips.")
]
RecipeOption: TypeAlias = Annotated[
    str | None, typer.Option("--recipe", help="Recipe, see `menura list recipes`. Default: resynth.")
]
GeneratorOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--generator",
        help="Generator, see `menura list generators`; NAME:PATH with a model, several with +. Default: resynth.",
    ),
]
PromptsOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--prompts",
        help="label, sound_of, scene, descriptors, mixcap, plain, rewrite or caption. Default: that of the recipe.",
    ),
]
StrengthOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--strength", help="Text-to-audio from your clips, this far in (0, 1]. Default: from the prompt alone."
    ),
]
LanguageUrlOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--llm-url", help="Language model: OpenAI-compatible address. Default: a built-in phrase grammar."),
]
LanguageModelOption: TypeAlias = Annotated[
    str | None, typer.Option("--llm-model", help="Name of the language model at that address.")
]
DomainOption: TypeAlias = Annotated[
    str | None, typer.Option("--domain", help="environment, speech, animal, music or machine. Default: environment.")
]
PreserveOption: TypeAlias = Annotated[
    str | None, typer.Option("--preserve", help="Attributes that carry the label, e.g. pitch,tempo,speaker.")
]
DeltaOption: TypeAlias = Annotated[
    float | None, typer.Option("--delta", help="Strength in [0, 1]: how far a clip may go. Default: of the domain.")
]
EncoderOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="What the judges and `linear` hear with: a name, or a trained one's file. Default: acoustic+scenes; for "
        "speech acoustic.",
    ),
]
TextModelOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--text-model",
        help="CLAP model, a folder or owner/name: also keep only what sounds like its label's name. Default: none.",
    ),
]
SeedOption: TypeAlias = Annotated[int | None, typer.Option("--seed", help="Seed of everything drawn. Default: 0.")]
RoundsOption: TypeAlias = Annotated[
    int | None, typer.Option("--rounds", help="Rounds in which rejected clips are tried again. Default: 1.")
]
AlignOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--align",
        help="Recipe synthio: what the generator learns from your clips first: dpo, sft or none. Default: dpo.",
    ),
]
TemplateCaptionsOption: TypeAlias = Annotated[
    bool, typer.Option("--template-captions", help="Recipe synthio: ask for `Sound of a LABEL` alone.")
]
NoMixcapOption: TypeAlias = Annotated[
    bool, typer.Option("--no-mixcap", help="Recipe synthio: say each real clip's caption otherwise, mix none.")
]
NoSelfReflectionOption: TypeAlias = Annotated[
    bool, typer.Option("--no-self-reflection", help="Recipe synthio: what is rejected does not come back.")
]
NoFilterOption: TypeAlias = Annotated[
    bool, typer.Option("--no-filter", help="Recipe synthio: keep every clip that is technically sound.")
]
LicenceOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--licence", help="any, or commercial: refuse what would forbid commercial use. Default: any."),
]
ClassifierOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--classifier",
        help="A name of `menura list classifiers`, ast:PATH or transformers:PATH with or without @SETTING, "
        "or best: linear and cnn in every arm, picked on validation.",
    ),
]
FoldsOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--folds", help="official, groups (leave one group out), or a number [default: what there is]."),
]
TestFoldsOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--test-folds", help="Only these folds are held out, e.g. 1,2 [default: all]; more may be added later."
    ),
]
MetricOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--metric", help="accuracy, macro_f1, uar or mean_average_precision [default: by the labels]."),
]
WorkersOption: TypeAlias = Annotated[
    int | None, typer.Option("--workers", help="Processes, or Ray actors. Default: all cores when the run is worth it.")
]
ConfigOption: TypeAlias = Annotated[
    Path | None, typer.Option("-c", "--config", help="TOML or JSON file with settings; options here override it.")
]


def run_settings(
    *,
    config: Path | None,
    times: float | None,
    per_label: int | None,
    balance: bool,
    recipe: str | None,
    generator: str | None,
    domain: str | None,
    preserve: str | None,
    delta: float | None,
    encoder: str | None,
    seed: int | None,
    rounds: int | None,
    prompts: str | None = None,
    strength: float | None = None,
    llm_url: str | None = None,
    llm_model: str | None = None,
    licence: str | None = None,
    text_model: str | None = None,
    allocate: str | None = None,
    allocation_rounds: int | None = None,
    align: str | None = None,
    template_captions: bool = False,
    no_mixcap: bool = False,
    no_self_reflection: bool = False,
    no_filter: bool = False,
) -> RunSettings:
    """Settings of a run: the file first, then what was given on the command line.

    Raises:
        ConfigError: The file cannot be read, or a setting is unknown or impossible.
    """
    from menura.config import RunSettings, settings_from

    values = read_settings(config) if config else {}
    attributes = None if preserve is None else [name.strip() for name in preserve.split(",") if name.strip()]
    update_given(values, {"recipe": recipe, "seed": seed, "rounds": rounds, "licence": licence})
    made_with = {"name": generator, "domain": domain, "preserve": attributes, "delta": delta}
    values["generator"] = update_given(table_of(values, "generator", config), made_with)
    for section, given in (
        ("prompts", {"style": prompts}),
        ("language_model", {"url": llm_url, "model": llm_model}),
        ("allocation", {"by": allocate, "rounds": allocation_rounds}),
    ):
        values[section] = update_given(table_of(values, section, config), given)
    if strength is not None:
        model = table_of(values["generator"], "model", config)
        values["generator"]["model"] = update_given(model, {"strength": strength})
    values["judge"] = update_given(table_of(values, "judge", config), {"encoder": encoder, "text_model": text_model})
    ablations: dict[str, Any] = {
        "align": align,
        "template_captions": template_captions or None,
        "mixcap": False if no_mixcap else None,
        "self_reflection": 0 if no_self_reflection else None,
        "filter": False if no_filter else None,
    }
    if any(value is not None for value in ablations.values()):
        values["synthio"] = update_given(table_of(values, "synthio", config), ablations)
    if times is not None or per_label is not None or balance:
        values["amount"] = {"times": times, "per_label": per_label, "balance": balance}
    settings = settings_from(RunSettings, values, source=str(config or "command line"))
    _refuse_idle(settings, {"--prompts": prompts, "--llm-url": llm_url, "--llm-model": llm_model}, strength)
    return settings


def _refuse_idle(settings: RunSettings, writing: dict[str, str | None], strength: float | None) -> None:
    """Refuse options that would change nothing: their owner believes that they do.

    Raises:
        ConfigError: There is one.
    """
    from menura.errors import ConfigError

    given = [option for option, value in writing.items() if value is not None]
    if given and settings.recipe == "resynth":
        raise ConfigError(
            f"{given[0]} does nothing with the recipe resynth, which writes no prompts; give another --recipe (`menura "
            "list recipes`), or leave it out"
        )
    if strength is not None and all(part.name in ("resynth", "synth") for part in settings.generator.parts):
        raise ConfigError(
            f"--strength does nothing with {settings.generator.name}, which is no text-to-audio model; how far its "
            "clips may go is --delta"
        )


def table_of(values: dict[str, Any], name: str, config: Path | None) -> dict[str, Any]:
    """A copy of one table of the settings, empty where there is none.

    Raises:
        ConfigError: Something else has its name.
    """
    from menura.errors import ConfigError

    table = values.get(name)
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{config}: {name} is {table!r:.80}, expected a table [{name}]")
    return dict(table or {})


def update_given(values: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The values with what was given, None being nothing, put into them."""
    values.update({name: value for name, value in given.items() if value is not None})
    return values


def read_settings(path: Path) -> dict[str, Any]:
    """The values of a settings file.

    Raises:
        ConfigError: It is neither TOML nor JSON, or cannot be read.
    """
    from menura.errors import ConfigError
    from menura.records import parse_json, parse_toml

    if path.suffix.lower() not in (".toml", ".json"):
        raise ConfigError(f"{path} is no settings file, expected .toml or .json")
    try:
        text = path.read_text(encoding="utf-8")
        values = parse_toml(text) if path.suffix.lower() == ".toml" else parse_json(text, unequal=True)
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no table of settings")
    return values
