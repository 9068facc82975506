"""The methods of the study of the recipe ``synthio``: the whole of it, without each of its parts, and beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from menura.config import GeneratorSettings, RunSettings
from menura.errors import ConfigError
from menura.recipes.registry import get_recipe

__all__ = ["ABLATIONS", "FULL", "MIXED", "RESYNTH", "VARIANTS", "known_variants", "variant_settings"]

FULL, RESYNTH, MIXED = "synthio", "resynth", "resynth+synthio"

ABLATIONS: Mapping[str, Mapping[str, Any]] = {
    "template-captions": {"template_captions": True},
    "no-dpo": {"align": "none"},
    "sft": {"align": "sft"},
    "no-mixcap": {"mixcap": False},
    "no-self-reflection": {"self_reflection": 0},
    "no-filter": {"filter": False},
}
"""Name of an ablation to the fields of ``[synthio]`` that it sets."""

VARIANTS = (FULL, *ABLATIONS, RESYNTH, MIXED)


def known_variants(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names in the order of :data:`VARIANTS`.

    Raises:
        ConfigError: One is unknown, or the whole method, with which the others are compared, is not among them.
    """
    unknown = [name for name in names if name not in VARIANTS]
    if unknown or FULL not in names:
        raise ConfigError(
            f"variants are {', '.join(names) or 'none'}; expected {FULL} and any of {', '.join(VARIANTS[1:])}"
        )
    return tuple(name for name in VARIANTS if name in names)


def variant_settings(base: RunSettings, name: str) -> RunSettings:
    """Settings of the runs of a variant: those of the whole method but for what its name says.

    ``resynth`` has the amount, the judges, the domain and the perturbation of the whole method. ``resynth+synthio``
    makes no clips of its own: it has the settings of the whole method, and half its clips.

    Args:
        base: Settings of the whole method, with every part in its place.
        name: Of :data:`VARIANTS`.

    Raises:
        ConfigError: The settings are of another recipe, contradict the variant, or leave out what it leaves out.
    """
    if base.recipe != FULL:
        raise ConfigError(f"the study is of the recipe {FULL}, the settings name {base.recipe}")
    if name == RESYNTH:
        return base.model_copy(update=_of_resynth(base))
    settings = base.model_copy(update=_without(base, ABLATIONS[name])) if name in ABLATIONS else base
    if name in ABLATIONS and settings.synthio == base.synthio:
        raise ConfigError(f"the settings leave out already what {name} leaves out; take it out of either")
    get_recipe(FULL).defaults(settings)
    return settings


def _without(base: RunSettings, parts: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {"synthio": base.synthio.model_copy(update=dict(parts))}
    if "self_reflection" in parts:
        changed["rounds"] = parts["self_reflection"]
    if base.prompts.style == "mixcap" and ("template_captions" in parts or "mixcap" in parts):
        changed["prompts"] = base.prompts.model_copy(update={"style": None})  # the recipe's, as without this setting
    return changed


def _of_resynth(base: RunSettings) -> dict[str, Any]:
    default, own = RunSettings(), base.generator
    generator = GeneratorSettings(domain=own.domain, preserve=own.preserve, delta=own.delta)
    plain = {name: getattr(default, name) for name in ("recipe", "synthio", "rounds", "prompts", "language_model")}
    return plain | {"generator": generator}
