"""Settings: typed, frozen, documented field by field; an unknown or impossible one is refused."""

from menura.config.amount import DEFAULT_TIMES, AllocationSettings, AmountSettings
from menura.config.base import Settings, settings_from
from menura.config.generator import Domain, GeneratorSettings, InterpolationSettings, ModelSettings
from menura.config.judge import JudgeSettings, ThresholdShift
from menura.config.prompts import LanguageModelSettings, PromptSettings, PromptStyle, ScenarioSlot
from menura.config.run import RunSettings
from menura.config.synthio import AlignTraining, PairSource, RewardName, SynthioSettings

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
    "ThresholdShift",
    "settings_from",
]
