"""The clips of a run as a reviewer meets them: plain records, found by id, so that no path ever comes from a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from menura.errors import RunError
from menura.pipeline.decide import is_surplus
from menura.pipeline.run import ClipRecord, Run
from menura.types import Clip

__all__ = ["DECISIONS_NAME", "REVIEW_FOLDER", "Catalogue", "Item", "Real", "Verdict", "catalogue_of"]

REVIEW_FOLDER = "review"
DECISIONS_NAME = "decisions.jsonl"
Verdict: TypeAlias = Literal["kept", "surplus", "rejected"]


@dataclass(frozen=True, slots=True)
class Real:
    """A real training clip.

    Attributes:
        id: Its clip id.
        path: Absolute path of the audio file.
        labels: As published.
        detail: Group and licence, as far as they are known.
    """

    id: str
    path: str
    labels: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A synthetic clip that was made.

    Attributes:
        id: Id of its request.
        path: Absolute path of the audio file.
        label: The label whose target it counts for.
        labels: All that it was made for.
        verdict: What the judges and the selection said.
        reason: Why it was not kept, in words with numbers; empty when it was.
        scores: What the judges measured.
        duration_s: In seconds.
        parents: Ids of real clips.
        prompt: What a model was asked for; empty where there was no prompt.
        round: Of the run.
    """

    id: str
    path: str
    label: str
    labels: tuple[str, ...]
    verdict: Verdict
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    duration_s: float = 0.0
    parents: tuple[str, ...] = ()
    prompt: str = ""
    round: int = 0

    @property
    def kind(self) -> str:
        """What the reason is about; empty of a kept clip."""
        return self.reason.partition(":")[0].strip()


@dataclass(frozen=True)
class Catalogue:
    """Everything that a review needs of a run.

    Attributes:
        folder: Of the run.
        name: Of the run.
        labels: All labels of the training clips.
        items: The synthetic clips in the order of the run.
        reals: Real training clips by id.
        is_multilabel: Whether a clip may carry several labels.
    """

    folder: Path
    name: str
    labels: tuple[str, ...]
    items: tuple[Item, ...]
    reals: Mapping[str, Real] = field(default_factory=dict)
    is_multilabel: bool = False

    @cached_property
    def by_id(self) -> dict[str, Item]:
        """Request id to clip."""
        return {item.id: item for item in self.items}

    @cached_property
    def score_names(self) -> list[str]:
        """Every score that any clip has, in order of appearance."""
        return list(dict.fromkeys(name for item in self.items for name in item.scores))

    @property
    def decisions_path(self) -> Path:
        """Where decisions are appended."""
        return self.folder / REVIEW_FOLDER / DECISIONS_NAME

    def path_of(self, clip_id: str) -> str | None:
        """Audio file of a synthetic or real clip; None of an unknown id."""
        known = self.by_id.get(clip_id) or self.reals.get(clip_id)
        return known.path if known else None


def catalogue_of(run: Run) -> Catalogue:
    """The clips of a finished run; requests that gave no sound are left out.

    Raises:
        RunError: The run is not finished or damaged, or holds no clip.
    """
    if not run.is_finished:
        raise RunError(f"{run.path} is not finished; run the same `menura augment` command again to go on")
    run.bring(run.records())
    items = tuple(_item(record) for record in run.records() if record.path is not None)
    if not items:
        raise RunError(f"{run.path} holds no clip to listen to; its log says why nothing was made")
    training = run.training
    return Catalogue(
        folder=run.path,
        name=run.path.name,
        labels=training.labels,
        items=items,
        reals={clip.id: _real(clip) for clip in training.clips},
        is_multilabel=training.is_multilabel,
    )


def _item(record: ClipRecord) -> Item:
    judgement, request = record.judgement, record.request
    return Item(
        id=request.id,
        path=str(record.path),
        label=record.label,
        labels=request.labels,
        verdict="kept" if judgement.accepted else "surplus" if is_surplus(judgement) else "rejected",
        reason=judgement.reason,
        scores=judgement.scores,
        duration_s=record.duration_s,
        parents=request.parents,
        prompt=request.prompt or "",
        round=request.round,
    )


def _real(clip: Clip) -> Real:
    known = (clip.group and f"group {clip.group}", clip.licence)
    return Real(clip.id, clip.path, clip.labels, ", ".join(filter(None, known)))
