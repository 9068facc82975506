"""Recipe ``label_guided``: clips from a text-to-audio model, prompted with the label and nothing else.

The prompt is the label in the words of its domain (``dog bark sound``, ``jazz music``, ``brushing teeth``), fed by the
label's card; each new clip is as long as a real one of its label. What the judges reject comes back with another seed.

Source:
    Feng, Dimitriadis, Narayanan 2024, arXiv:2406.08800, label-guided prompts.
"""

from __future__ import annotations

from menura.backends.base import LanguageModel
from menura.config import PromptStyle, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.execute import Method
from menura.recipes.prompted import prompted

__all__ = ["STYLE", "build"]

STYLE: PromptStyle = "label"
"""Of the prompts, unless the settings name another."""


def build(training: TrainingPart, settings: RunSettings, language_model: LanguageModel | None = None) -> Method:
    """The method for one training part."""
    return prompted("label_guided", training, settings, style=STYLE, language_model=language_model)
