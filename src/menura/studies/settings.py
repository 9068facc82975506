"""What an evaluation is asked to do, and which part of that decides its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from menura.classify.base import CLASSIFIERS, unknown_classifier
from menura.config import AllocationSettings, RunSettings, Settings
from menura.metrics.classification import METRICS
from menura.studies.arm_table import (
    ARM_GROUPS,
    ARM_TABLE,
    DEFAULT_ARMS,
    LEARNER_ARM,
    REAL_ARMS,
    RETRIEVAL,
    SYNTHETIC_ARMS,
    arms_in,
)
from menura.studies.real_amount import RealAmount

__all__ = ["DEFAULT_STEPS", "ZERO_SHOT", "EvaluationSettings", "differences"]

ZERO_SHOT = "zero-shot"
"""The arm that learns from no clip; it comes with a text model, and stands beside the others."""
DEFAULT_STEPS = 1000
"""Optimiser steps of every arm; ``linear`` is convex and ignores them."""
IN_WORDS = {"features": "version of the classifier's features", "clips": "training and test clips"}


class EvaluationSettings(Settings):
    """How the proof is run."""

    arms: tuple[str, ...] = Field(
        DEFAULT_ARMS, description="Arms: at least one of real clips alone and one with synthetic."
    )
    classifier: str = Field(
        "linear",
        description=f"`{'`, `'.join(CLASSIFIERS)}`; `ast:PATH` or `transformers:PATH` of a pretrained network, with or "
        "without `@SETTING`; or `best`: `linear` and `cnn`, picked on validation clips.",
    )
    seeds: int = Field(5, ge=1, le=1000, description="Repetitions, numbered from 0.")
    real_per_label: int | None = Field(None, ge=1, description="Real training clips of each label; None takes all.")
    real_total: int | None = Field(
        None, ge=1, description="Real training clips in all, labels in proportion, at least one of each."
    )
    real_share: float | None = Field(None, gt=0, le=1, description="Share of the real training clips of each label.")
    real_folds: int | None = Field(None, ge=1, description="Real training folds that are left; others are left out.")
    tail_ratio: float | None = Field(
        None, ge=1, description="Size of the largest label, real_per_label, over that of the smallest: a long tail."
    )
    folds: Literal["official", "groups"] | int | None = Field(
        None, description="`official`, `groups` (leave one group out), or a number of folds; None takes what there is."
    )
    steps: int = Field(DEFAULT_STEPS, ge=1, le=1_000_000, description="Optimiser steps, equal in all arms.")
    metric: str | None = Field(None, description="Metric that decides; None chooses by the labels.")
    doses: tuple[float, ...] = Field((), description="Amounts of synthetic clips, as clips for each real one.")
    text_model: str | None = Field(
        None, description="CLAP model of the arm zero-shot: a folder, or owner/name on the Hub; None has no such arm."
    )
    pool: str | None = Field(
        None, description="Recordings of the arm retrieval: folder, manifest or dataset; None has no such arm."
    )
    run: RunSettings = Field(RunSettings(), description="Settings of the runs.")

    @field_validator("arms")
    @classmethod
    def _known_arms(cls, arms: tuple[str, ...]) -> tuple[str, ...]:
        arms, known = arms_in(arms), (*ARM_TABLE, ZERO_SHOT)
        unknown = [arm for arm in arms if arm not in known]
        if unknown:
            raise ValueError(f"unknown arms {', '.join(unknown)}; known arms: {', '.join((*known, *ARM_GROUPS))}")
        if not set(arms) & set(REAL_ARMS) or not set(arms) & set(SYNTHETIC_ARMS):
            raise ValueError(
                f"a comparison needs one of {', '.join(REAL_ARMS)} and one of {', '.join(SYNTHETIC_ARMS)}; "
                f"found {', '.join(arms) or 'none'}"
            )
        return tuple(arm for arm in known if arm in arms)

    @field_validator("classifier")
    @classmethod
    def _known_classifier(cls, classifier: str) -> str:
        unknown = None if classifier == "best" else unknown_classifier(classifier)
        if unknown:
            raise ValueError(f"{unknown}; or best")
        return classifier

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, metric: str | None) -> str | None:
        if metric is not None and metric not in METRICS:
            raise ValueError(f"unknown metric {metric!r}; known metrics: {', '.join(METRICS)}")
        return metric

    @field_validator("folds")
    @classmethod
    def _enough_folds(cls, folds: str | int | None) -> str | int | None:
        if isinstance(folds, int) and folds < 2:
            raise ValueError(f"{folds} folds cannot be made; expected 2 or more, official, or groups")
        return folds

    @model_validator(mode="after")
    def _one_amount_of_real_clips(self) -> Self:
        given = [name for name in ("real_per_label", "real_total", "real_share", "real_folds") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} contradict each other; give one amount of real clips")
        if self.tail_ratio is not None and self.real_per_label is None:
            raise ValueError("tail_ratio needs real_per_label: the clips of the largest label")
        return self

    @model_validator(mode="after")
    def _doses_in_order(self) -> Self:
        if any(dose <= 0 for dose in self.doses) or list(self.doses) != sorted(set(self.doses)):
            raise ValueError(f"doses are {list(self.doses)}, expected rising numbers above 0")
        return self

    @model_validator(mode="after")
    def _learner_beside_even(self) -> Self:
        if LEARNER_ARM in self.arms and "synthetic" not in self.arms:
            raise ValueError(f"the arm {LEARNER_ARM} is compared with synthetic; name both")
        if LEARNER_ARM not in self.arms and self.run.allocation.by == "learner":
            raise ValueError(
                f"an evaluation compares a learner's allocation with an even one: add the arm {LEARNER_ARM} to --arms"
            )
        return self

    @model_validator(mode="after")
    def _zero_shot_with_a_model(self) -> Self:
        if (ZERO_SHOT in self.arms) != (self.text_model is not None):
            raise ValueError(f"the arm {ZERO_SHOT} needs a model of sounds and texts, and only it: --text-model PATH")
        return self

    @model_validator(mode="after")
    def _retrieval_with_a_pool(self) -> Self:
        if (RETRIEVAL in self.arms) != (self.pool is not None):
            raise ValueError(f"the arm {RETRIEVAL} needs recordings to retrieve from, and only it: --pool DATA")
        return self

    @property
    def real_amount(self) -> RealAmount:
        """Real training clips of a fold and seed."""
        return RealAmount(self.real_per_label, self.real_total, self.real_share, self.real_folds, self.tail_ratio)

    @property
    def trained_arms(self) -> tuple[str, ...]:
        """Arms that learn from clips, doses left out."""
        return tuple(arm for arm in self.arms if arm != ZERO_SHOT)

    @property
    def dose_arm(self) -> str:
        """The arm whose amount is varied."""
        return next((arm for arm in SYNTHETIC_ARMS if arm in self.arms and arm != LEARNER_ARM), LEARNER_ARM)

    @property
    def even_run(self) -> RunSettings:
        """Settings of the runs whose clips are given out evenly."""
        return self.run.model_copy(update={"allocation": AllocationSettings()})

    @property
    def learner_run(self) -> RunSettings:
        """Settings of the runs of :data:`LEARNER_ARM`; unless they say otherwise, it keeps as many clips as the others.

        A learner that stops early would be compared with more clips than its own.
        """
        own = self.run.allocation
        own = own if own.by == "learner" else AllocationSettings(by="learner", stop=False)
        return self.run.model_copy(update={"allocation": own})

    def identity(self) -> dict[str, Any]:
        """What decides the numbers of a cell, flat, for people to compare.

        Left out: arms, seeds, doses, the text model and the pool, because more of them add cells and change none (those
        of ``zero-shot`` are named by model and texts, those of ``retrieval`` by the pool); the metric, because every
        cell holds all of them; the seed of the runs, because each cell has its own.
        """
        kept = self.model_dump(mode="json", exclude={"arms", "seeds", "doses", "metric", "text_model", "pool"})
        kept["run"].pop("seed")
        return dict(_flat(kept))


def differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Each difference between two identities as ``field was → asked``."""
    return [
        f"{IN_WORDS.get(name, name.removeprefix('run.'))}: {_shown(stored.get(name))} → {_shown(asked.get(name))}"
        for name in sorted(stored.keys() | asked.keys())
        if stored.get(name) != asked.get(name)
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in values.items():
        flat += _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
    return flat


def _shown(value: Any) -> str:
    return "unset" if value is None or value == [] else str(value)
