"""Another caption for a clip that the judges rejected, from what accepted clips of its label had (Prompt 3).

Source:
    Ghosh et al. 2025, arXiv:2410.02056 (Synthio), self-reflection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from menura.backends.base import Message, Question
from menura.captions.cards import DOMAIN_TEXT, LabelCard, without_conflicts
from menura.captions.components import Components
from menura.captions.grammar import write_captions
from menura.captions.rules import CaptionRules
from menura.captions.similarity import overlap
from menura.captions.words import content_words
from menura.config import Domain, PromptSettings

__all__ = ["RejectedClip", "Revision", "revision_question"]


@dataclass(frozen=True, slots=True)
class RejectedClip:
    """A clip that the judges rejected, and all that is known against it.

    Attributes:
        caption: What it was made from.
        score: The number that the judge objected to; None where it measures no single one.
        threshold: What was expected of that number; None likewise.
        wrong_label: The label, in words, that it is heard most like and should not be; empty when none is known.
        heard: What a captioner says of it; empty when nobody listened.
        reason: Why it was rejected, in the judges' words; empty when they gave none.
    """

    caption: str
    score: float | None = None
    threshold: float | None = None
    wrong_label: str = ""
    heard: str = ""
    reason: str = ""

    def evidence(self) -> str:
        """What is known, a line each; empty when nothing is."""
        lines = [f"Why: {self.reason}."] if self.reason else []
        if self.score is not None and self.threshold is not None:
            lines.append(f"Score: {self.score:.2f}, {self.threshold:.2f} expected.")
        if self.wrong_label:
            lines.append(f"Of the other labels it is heard most like: {self.wrong_label!r}; keep away from that.")
        if self.heard:
            lines.append(f"What a listener heard: {self.heard!r}.")
        return "".join(f"{line}\n" for line in lines)


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
    rejected_clip: RejectedClip,
    card: LabelCard,
    accepted: Components,
    *,
    domain: Domain,
    settings: PromptSettings,
) -> Question[Revision]:
    """Asks for another caption in place of one whose clip was rejected.

    Args:
        rejected_clip: Its caption, and the evidence against it.
        card: Of the label.
        accepted: Events and scenes of captions whose clips were accepted, pooled for the label.
        domain: Of the dataset.
        settings: Number of words, and how much a caption may overlap with the rejected one.
    """
    caption = rejected_clip.caption
    caption_rules = CaptionRules(card, settings.max_words)
    most_overlap = settings.max_similarity

    class Answer(Revision):
        model_config = ConfigDict(title="Revision")
        rules: ClassVar[CaptionRules | None] = caption_rules
        rejected: ClassVar[str] = caption
        max_overlap: ClassVar[float] = most_overlap

    system = (
        "You improve captions for a text-to-audio model. A clip made from a caption was rejected, most often because "
        "it did not sound like its label; captions of the same label that worked had other events and scenes. "
        f"The recordings are {DOMAIN_TEXT[domain]}."
    )
    user = (
        f"Label: {card.phrase!r}: {card.what}.\nRejected caption: {caption!r}\n{rejected_clip.evidence()}"
        f"Events that worked: {'; '.join(accepted.events) or 'none'}\n"
        f"Scenes that worked: {'; '.join(accepted.scenes) or 'none'}\n"
        f"Rewrite the caption with other events and scenes, in at most {settings.max_words} words that hold the phrase "
        f"{card.name!r}; answer null when these give no better one."
    )
    return Question(
        name="revision",
        messages=(Message("system", system), Message("user", user)),
        answer=Answer,
        offline=lambda generator: Answer(caption=_rewritten(rejected_clip, card, accepted, generator, settings)),
    )


def _rewritten(
    rejected_clip: RejectedClip,
    card: LabelCard,
    accepted: Components,
    generator: np.random.Generator,
    settings: PromptSettings,
) -> str | None:
    """A caption from what worked, is not in the rejected one and does not name the wrong label; None without any."""
    caption, wrong = rejected_clip.caption, [rejected_clip.wrong_label] if rejected_clip.wrong_label else []
    said = set(content_words(caption))
    events, scenes = (
        tuple(phrase for phrase in without_conflicts(phrases, wrong) if not set(content_words(phrase)) <= said)
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
        other_labels=wrong,
        unlike=caption,
    )
    return written if overlap(written, caption) <= settings.max_similarity else None
