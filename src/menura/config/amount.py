"""How many clips there will be, and of which label."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from menura.config.base import Settings, is_none

__all__ = ["DEFAULT_TIMES", "AllocationSettings", "AmountSettings"]

DEFAULT_TIMES = 8.0
"""Synthetic clips for each real one when nobody says how many (docs/benchmarks.md, "How many clips")."""


class AmountSettings(Settings):
    """How many synthetic clips each label gets. At most one of the fields is set; none means ``times=8``."""

    times: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        None, description="Synthetic clips for each real training clip of the label."
    )
    per_label: Annotated[int, Field(ge=1)] | None = Field(None, description="Synthetic clips for each label.")
    balance: bool = Field(False, description="Top every label up to the size of the largest one.")
    by_label: dict[str, Annotated[int, Field(ge=0)]] | None = Field(
        None, description="Label to its synthetic clips; labels that are not named get none.", exclude_if=is_none
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
