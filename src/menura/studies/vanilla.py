"""The families ``vanilla`` and ``vanilla-captions``: a text-to-audio model as it is, nothing aligned, nothing judged.

What a person gets who asks a model for ``Sound of a dog`` and trains on whatever comes; and the same with captions that
a language model writes for the label.

Source:
    Ghosh et al. 2025, arXiv:2410.02056 (Synthio), the baselines "Vanilla Syn. Aug." and "+ LLM Caps.".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from menura.config import (
    AllocationSettings,
    AmountSettings,
    GeneratorSettings,
    JudgeSettings,
    ModelSettings,
    PromptStyle,
    RunSettings,
    SynthioSettings,
)
from menura.errors import ConfigError
from menura.studies.arm_table import RIVAL_ARMS, VANILLA, VANILLA_CAPTIONS
from menura.types import Finding

__all__ = ["check_vanilla", "vanilla_findings", "vanilla_run"]

_PROMPTS: Mapping[str, tuple[str, PromptStyle]] = {
    VANILLA: ("label_guided", "sound_of"),
    VANILLA_CAPTIONS: ("llm_assisted", "plain"),
}
"""Family to recipe and style: the template of the label, or captions from the label alone."""


def vanilla_run(run: RunSettings, family: str, counts: Mapping[str, int]) -> RunSettings:
    """Settings of the run of a family: the generator of the evaluation without adapter, parents and judges.

    Every candidate that is technically sound is kept; one that is silent or broken is made anew.

    Args:
        run: Settings of the runs of the evaluation.
        family: ``vanilla`` or ``vanilla-captions``.
        counts: Label to its synthetic clips in the arm ``synthetic``; the family gets as many.
    """
    recipe, style = _PROMPTS[family]
    return run.model_copy(
        update={
            "recipe": recipe,
            "amount": AmountSettings(by_label={label: n for label, n in sorted(counts.items()) if n}),
            "allocation": AllocationSettings(),
            "generator": _as_it_is(run.generator),
            "prompts": run.prompts.model_copy(update={"style": style}),
            "judge": JudgeSettings(encoder=run.judge.encoder, enabled=False, surplus=1.0),
            "synthio": SynthioSettings(),
            "rounds": 1,
        }
    )


def check_vanilla(run: RunSettings, arms: Collection[str]) -> None:
    """Refuse the arms where the generator does not work from text alone, before anything is made.

    Raises:
        ConfigError: It does not.
        BackendError: It cannot be loaded.
    """
    asked = [arm for arm in arms if arm in RIVAL_ARMS]
    if not asked:
        return
    from menura.backends.base import PromptedGenerator
    from menura.backends.registry import load_generator
    from menura.backends.several import parts_of

    generator = load_generator(_as_it_is(run.generator), sample_rate=run.sample_rate)
    parts = parts_of(generator)
    others = [p.name for p in parts if not (isinstance(p, PromptedGenerator) and p.needs_prompt) or p.parents_needed[1]]
    if others:
        raise ConfigError(
            f"the arms {' and '.join(asked)} ask a text-to-audio model for clips of a prompt alone, and "
            f"{', '.join(others)} works from recordings or parameters; name another --generator (see `menura list "
            "generators`), or leave the arms out"
        )


def vanilla_findings(run: RunSettings, arms: Collection[str]) -> list[Finding]:
    """That no language model wrote the captions, where none was named."""
    if VANILLA_CAPTIONS not in arms or run.language_model.backend_name != "grammar":
        return []
    return [
        Finding(
            "captions_by_grammar", "note",
            f"no language model was named: the captions of {VANILLA_CAPTIONS} are by the phrase grammar, and say less "
            "of what it would reach with one",
            "name one under [language_model] in the settings",
        )
    ]  # fmt: skip


def _as_it_is(generator: GeneratorSettings) -> GeneratorSettings:
    """The published weights, from text alone."""
    default = ModelSettings()
    plain = {name: getattr(default, name) for name in ("adapter", "strength", "interpolate", "replace_s")}
    return generator.model_copy(update={"model": generator.model.model_copy(update=plain)})
