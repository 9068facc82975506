"""Recipe ``rare_labels``: tops rare labels up with prompts in varied surroundings.

The defaults are those of animal calls: every label up to the size of the largest one, prompts that set the call before
another background each time, and ``resynth`` at hand. Labels of which the judges keep nothing, because the model does
not know them, are left to the generators that start from recordings.

Source:
    "Birdsong From AI: Synthetic Audio Boosts Species Classification" (prompts with surroundings, classes balanced); the
    watch over the keep-rate and the fall-back are ours.
"""

from __future__ import annotations

from menura.backends.base import Generator, LanguageModel
from menura.backends.several import SeveralGenerators, parts_of
from menura.config import AmountSettings, GeneratorSettings, PromptStyle, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.execute import Method
from menura.recipes.prompted import prompted

__all__ = ["STYLE", "build", "defaults"]

STYLE: PromptStyle = "scene"
"""Of the prompts, unless the settings name another."""

_FROM_RECORDINGS = ("resynth", "synth", "mix", "spectrogram-diffusion")


def defaults(settings: RunSettings) -> RunSettings:
    """Every label up to the largest one, the domain of animals, and ``resynth`` to fall back to."""
    given = settings.generator.model_fields_set
    generator: dict[str, object] = {} if "domain" in given else {"domain": "animal"}
    if settings.generator.model.strength is None and not any(
        part.name in _FROM_RECORDINGS for part in settings.generator.parts
    ):
        generator["name"] = f"{settings.generator.name}+resynth"
    amount = AmountSettings(balance=True) if settings.amount == AmountSettings() else settings.amount
    changed = GeneratorSettings.model_validate(settings.generator.model_dump() | generator)
    return settings.model_copy(update={"generator": changed, "amount": amount})


def build(training: TrainingPart, settings: RunSettings, language_model: LanguageModel | None = None) -> Method:
    """The method for one training part."""
    return prompted("rare_labels", training, settings, style=STYLE, language_model=language_model, first=_from_prompts)


def _from_prompts(generator: Generator) -> Generator:
    """The parts that work from the prompt alone; all of them where there is none."""
    parts = [part for part in parts_of(generator) if part.parents_needed[0] == 0]
    if not parts or len(parts) == len(parts_of(generator)):
        return generator
    return parts[0] if len(parts) == 1 else SeveralGenerators(parts)
