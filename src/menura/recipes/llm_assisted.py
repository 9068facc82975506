"""Recipe ``llm_assisted``: clips from a text-to-audio model, prompted with what a language model knows of the label.

Ten acoustic words per label, three of them in each prompt; or, with ``prompts.style = "mixcap"``, captions that mix the
components of the captions of real clips. Without the URL of a language model a phrase grammar answers in its place.

Source:
    Feng, Dimitriadis, Narayanan 2024, arXiv:2406.08800, LLM-assisted prompts; Ghosh et al. 2025,
    arXiv:2410.02056, MixCap.
"""

from __future__ import annotations

from menura.backends.base import LanguageModel
from menura.config import PromptStyle, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.execute import Method
from menura.recipes.prompted import prompted

__all__ = ["STYLE", "build"]

STYLE: PromptStyle = "descriptors"
"""Of the prompts, unless the settings name another."""


def build(training: TrainingPart, settings: RunSettings, language_model: LanguageModel | None = None) -> Method:
    """The method for one training part."""
    return prompted("llm_assisted", training, settings, style=STYLE, language_model=language_model)
