"""Recipe ``mix``: events of any generator over the backgrounds of real clips, each with its annotation.

Every generator that is named makes events; :class:`menura.generate.mix.MixGenerator` lays them over what is heard
between the events of a clip of another label, at a drawn place and signal-to-noise ratio.
"""

from __future__ import annotations

from menura.backends.base import LanguageModel
from menura.config import PromptStyle, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.execute import Method
from menura.recipes.prompted import prompted

__all__ = ["STYLE", "build", "defaults"]

STYLE: PromptStyle = "label"
"""Of the prompts, unless the settings name another."""


def defaults(settings: RunSettings) -> RunSettings:
    """The generators by name, each behind ``mix:``."""
    named = []
    for part in settings.generator.parts:
        path = f":{part.model.path}" if part.model.path else ""
        named.append(f"{part.name}{path}" if part.name == "mix" else f"mix:{part.name}{path}")
    name = "+".join(named)
    return settings.model_copy(update={"generator": settings.generator.model_copy(update={"name": name})})


def build(training: TrainingPart, settings: RunSettings, language_model: LanguageModel | None = None) -> Method:
    """The method for one training part."""
    return prompted("mix", training, settings, style=STYLE, language_model=language_model)
