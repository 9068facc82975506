"""When a candidate is kept."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from menura.config.base import Settings, absolute, is_none

__all__ = ["JudgeSettings", "ThresholdShift"]


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
        description="Name of the encoder, the file of a trained one, or several with + between; for speech, "
        "where none is named, acoustic.",
    )
    surplus: float = Field(
        1.25, ge=1, le=20, description="Candidates made for each clip to be kept, so that selection has a choice."
    )
    enabled: bool = Field(True, description="False keeps every candidate that is technically sound.")
    text_model: str | None = Field(
        None,
        description="CLAP model that compares clips with their labels' names: a folder, or owner/name on the Hub.",
        exclude_if=is_none,
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
        return self.model_copy(update={"text_model": scheme + absolute(path)})

    @model_validator(mode="after")
    def _rule_of_a_model(self) -> Self:
        if self.text_model is None and (self.text_rule, self.text_least_score) != ("calibrated", 0.85):
            raise ValueError("text_rule and text_least_score need a text_model")
        return self
