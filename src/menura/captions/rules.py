"""What a written caption of a label must keep to, told in words that a language model can act on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from menura.captions.cards import LabelCard
from menura.captions.words import content_words, count_words, holds_phrase, label_words

__all__ = ["CaptionRules", "NewCaptions", "new_captions", "says_label"]

_NEGATIONS = frozenset({"no", "not", "without", "never", "instead", "except", "lacking", "minus", "nor"})
_REACH = 3


def says_label(text: str, card: LabelCard) -> bool:
    """Whether a text holds the label: its phrase, or its published name, in any inflection."""
    return holds_phrase(text, card.phrase) or holds_phrase(text, label_words(card.label))


@dataclass(frozen=True, slots=True)
class CaptionRules:
    """Rules for one caption of a label.

    Attributes:
        card: Of the label.
        max_words: Most words of a caption.
    """

    card: LabelCard
    max_words: int

    def problem(self, caption: str) -> str:
        """What is wrong with a caption and what to do; empty when it keeps to the rules."""
        num_words = count_words(caption)
        if num_words < 2:
            return f"{caption!r} is too short, expected a phrase that describes a sound"
        if num_words > self.max_words:
            return f"{caption!r} has {num_words} words, expected at most {self.max_words}; shorten it"
        if not says_label(caption, self.card):
            return f"{caption!r} does not hold the phrase {self.card.phrase!r}; put it in"
        return self.contradiction(caption)

    def contradiction(self, caption: str) -> str:
        """Where a caption denies the label, or speaks of what the label is not."""
        name = self.card.name
        if _is_denied(caption, name):
            return f"{caption!r} denies that {name!r} is heard; say that it is"
        for word in self.card.avoid:
            if holds_phrase(caption, word):
                return f"{caption!r} uses {word!r}, which the card of the label excludes; say it otherwise"
        for other in self.card.is_not:
            if holds_phrase(caption, other) and not holds_phrase(self.card.phrase, other):
                return f"{caption!r} names {other!r}, which {name!r} is not; leave it out"
        return ""


def _is_denied(caption: str, name: str) -> bool:
    words = re.findall(r"[\w'’-]+", caption.lower())
    wanted = set(content_words(name)[:1])
    starts = [i for i, word in enumerate(words) if wanted & set(content_words(word))]
    return any(_NEGATIONS & set(words[max(0, i - _REACH) : i]) for i in starts)


class NewCaptions(BaseModel):
    """Captions of one label."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="NewCaptions")

    rules: ClassVar[CaptionRules | None] = None
    captions: tuple[str, ...] = Field(description="The captions, each one phrase or sentence.")

    @field_validator("captions")
    @classmethod
    def _keep_to_the_rules(cls, captions: tuple[str, ...]) -> tuple[str, ...]:
        cleaned = tuple(" ".join(caption.split()) for caption in captions)
        problems = [cls.rules.problem(caption) for caption in cleaned] if cls.rules else []
        found = [f"caption {number}: {problem}" for number, problem in enumerate(problems, start=1) if problem]
        if found:
            raise ValueError("; ".join(found))
        if len({content_words(caption) for caption in cleaned}) < len(cleaned):
            raise ValueError("two captions say the same; make each one different")
        return cleaned


def new_captions(caption_rules: CaptionRules, count: int) -> type[NewCaptions]:
    """The class of answers that hold exactly ``count`` captions which keep to the rules."""

    class Answer(NewCaptions):
        model_config = ConfigDict(title="NewCaptions")
        rules: ClassVar[CaptionRules | None] = caption_rules
        captions: tuple[str, ...] = Field(
            min_length=count, max_length=count, description=f"Exactly {count} captions, each one phrase or sentence."
        )

    return Answer
