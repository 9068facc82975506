"""Another caption for a clip that the judges rejected, from what accepted clips of its label had (Prompt 3).

Source:
    Ghosh et al. 2025, arXiv:2410.02056 (Synthio), self-reflection.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from menura.backends.base import Message, Question
from menura.captions.cards import DOMAIN_TEXT, LabelCard
from menura.captions.components import Components
from menura.captions.grammar import write_captions
from menura.captions.rules import CaptionRules
from menura.captions.similarity import overlap
from menura.captions.words import content_words
from menura.config import Domain, PromptSettings

__all__ = ["Revision", "revision_question"]


class Revision(BaseModel):
    """A rewritten caption, or none where the rejected one can stay."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Revision")

    rules: ClassVar[CaptionRules | None] = None
    rejected: ClassVar[str] = ""
    max_overlap: ClassVar[float] = 1.0
    caption: str | None = Field(description="The new caption; null when nothing in the rejected one should change.")

    @field_validator("caption")
    @classmethod
    def _is_another_one(cls, caption: str | None) -> str | None:
        if caption is None or caption.strip().lower() in ("", "none", "null"):
            return None
        cleaned = " ".join(caption.split())
        problem = cls.rules.problem(cleaned) if cls.rules else ""
        if problem:
            raise ValueError(problem)
        if cls.rejected and overlap(cleaned, cls.rejected) > cls.max_overlap:
            raise ValueError(f"{cleaned!r} says the same as the rejected caption; use other events and scenes, or null")
        return cleaned


def revision_question(
    caption: str,
    card: LabelCard,
    accepted: Components,
    *,
    domain: Domain,
    settings: PromptSettings,
    reason: str = "",
) -> Question[Revision]:
    """Asks for another caption in place of one whose clip was rejected.

    Args:
        caption: The rejected one.
        card: Of the label.
        accepted: Events and scenes of captions whose clips were accepted, pooled for the label.
        domain: Of the dataset.
        settings: Number of words, and how much a caption may overlap with the rejected one.
        reason: Why the clip was rejected, in the judges' words.
    """
    caption_rules = CaptionRules(card, settings.max_words)
    most_overlap = settings.max_similarity

    class Answer(Revision):
        model_config = ConfigDict(title="Revision")
        rules: ClassVar[CaptionRules | None] = caption_rules
        rejected: ClassVar[str] = caption
        max_overlap: ClassVar[float] = most_overlap

    system = (
        "You improve captions for a text-to-audio model. A clip made from a caption did not sound like its label; "
        f"captions of the same label that worked had other events and scenes. The recordings are {DOMAIN_TEXT[domain]}."
    )
    user = (
        f"Label: {card.phrase!r}: {card.what}.\nRejected caption: {caption!r}{f' ({reason})' if reason else ''}\n"
        f"Events that worked: {'; '.join(accepted.events) or 'none'}\n"
        f"Scenes that worked: {'; '.join(accepted.scenes) or 'none'}\n"
        f"Rewrite the caption with other events and scenes, in at most {settings.max_words} words that hold the phrase "
        f"{card.name!r}; answer null when these give no better one."
    )
    return Question(
        name="revision",
        messages=(Message("system", system), Message("user", user)),
        answer=Answer,
        offline=lambda generator: Answer(caption=_rewritten(caption, card, accepted, generator, settings)),
    )


def _rewritten(
    caption: str, card: LabelCard, accepted: Components, generator: np.random.Generator, settings: PromptSettings
) -> str | None:
    """A caption from what worked and is not in the rejected one; None when there is nothing of that kind."""
    said = set(content_words(caption))
    events, scenes = (
        tuple(phrase for phrase in phrases if not set(content_words(phrase)) <= said)
        for phrases in (accepted.events, accepted.scenes)
    )
    if not events and not scenes:
        return None
    (written,) = write_captions(
        card,
        Components(events=events, scenes=scenes),
        generator,
        count=1,
        max_words=settings.max_words,
        novel_share=0.0,
        unlike=caption,
    )
    return written if overlap(written, caption) <= settings.max_similarity else None
