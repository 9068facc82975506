"""Captions without MixCap: from the label alone, by rewriting one caption, and with several labels at once.

They are what MixCap is compared with.

Source:
    Ghosh et al. 2025, arXiv:2410.02056 (Synthio), its baselines and ablations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from menura.backends.base import LanguageModel, Message, Question
from menura.backends.language.many import answer_all
from menura.captions.cards import DOMAIN_TEXT, LabelCard
from menura.captions.components import Components, component_question
from menura.captions.grammar import capitalised, write_captions
from menura.captions.rules import CaptionRules, NewCaptions, new_captions, says_label
from menura.captions.similarity import distinct_captions
from menura.captions.words import count_words, joined
from menura.config import Domain, PromptSettings
from menura.errors import ConfigError
from menura.seeding import item_seed

__all__ = [
    "LabelledCaption",
    "MultiLabelCaptions",
    "label_captions_question",
    "multi_label_question",
    "plain_captions",
    "rewrite_question",
    "rewritten_captions",
]

_ASKED = 8

_SYSTEM = (
    "You write captions for a text-to-audio model. Each one describes a recording of a few seconds: what is heard and "
    "where. The recordings are {domain}. No moods, no stories, nothing that cannot be heard."
)
_FEWEST, _MOST = 2, 4


def plain_captions(
    card: LabelCard, *, model: LanguageModel, domain: Domain, settings: PromptSettings, seed: int
) -> tuple[str, ...]:
    """Captions from the label and the domain alone: the answers to eight questions, near-duplicates dropped.

    Raises:
        BackendError: The language model failed.
    """
    question = label_captions_question(card, domain=domain, settings=settings)
    seeds = [item_seed(seed, "plain", card.label, number) % 2**31 for number in range(_ASKED)]
    answers = answer_all(model, [question] * _ASKED, seed=seeds)
    return _distinct([answer.captions for answer in answers], settings)


def rewritten_captions(
    card: LabelCard,
    captions: Mapping[str, str],
    *,
    model: LanguageModel,
    domain: Domain,
    settings: PromptSettings,
    seed: int,
) -> tuple[str, ...]:
    """Each caption of a real clip said otherwise, the first rewriting of every clip first; near-duplicates dropped.

    Args:
        card: Of the label.
        captions: Id of each real training clip of the label to its caption.
        model: Rewrites.
        domain: Of the dataset.
        settings: Number and length of the captions, near-duplicates.
        seed: Of the run.

    Raises:
        BackendError: The language model failed.
    """
    ids = sorted(captions)
    questions = [rewrite_question(captions[clip], card, domain=domain, settings=settings) for clip in ids]
    seeds = [item_seed(seed, "rewrite", card.label, clip) % 2**31 for clip in ids]
    return _distinct([answer.captions for answer in answer_all(model, questions, seed=seeds)], settings)


def _distinct(answers: Sequence[Sequence[str]], settings: PromptSettings) -> tuple[str, ...]:
    """The first caption of every answer, then the second of every one, without near-duplicates."""
    in_turns = [captions[turn] for turn in range(settings.captions_per_clip) for captions in answers]
    return tuple(in_turns[place] for place in distinct_captions(in_turns, max_overlap=settings.max_similarity))


def label_captions_question(card: LabelCard, *, domain: Domain, settings: PromptSettings) -> Question[NewCaptions]:
    """Asks for captions from the label and the domain alone, as if no clip had been heard."""
    user = (
        f"Write exactly {settings.captions_per_clip} captions of at most {settings.max_words} words for the sound of "
        f"{card.phrase} ({card.what}). Each one holds the phrase {card.name!r} and differs in events and scene."
    )
    return _question("label_captions", user, card, Components(events=(), scenes=()), domain, settings)


def rewrite_question(
    caption: str, card: LabelCard, *, domain: Domain, settings: PromptSettings
) -> Question[NewCaptions]:
    """Asks for captions that say one caption otherwise, with new but plausible events."""
    user = (
        f"Caption: {caption!r}, of a recording of {card.phrase} ({card.what}).\n"
        f"Rewrite it {settings.captions_per_clip} times, each time with other plausible events around it, in at most "
        f"{settings.max_words} words that hold the phrase {card.name!r}."
    )
    parts = component_question(caption, card, domain=domain).offline(np.random.default_rng(0))
    return _question("rewrite", user, card, parts, domain, settings)


def _question(
    name: str, user: str, card: LabelCard, parts: Components, domain: Domain, settings: PromptSettings
) -> Question[NewCaptions]:
    count, most = settings.captions_per_clip, settings.max_words
    answer = new_captions(CaptionRules(card, most), count)
    return Question(
        name=name,
        messages=(Message("system", _SYSTEM.format(domain=DOMAIN_TEXT[domain])), Message("user", user)),
        answer=answer,
        offline=lambda generator: answer(
            captions=write_captions(card, parts, generator, count=count, max_words=most, novel_share=0.5)
        ),
    )


class LabelledCaption(BaseModel):
    """A caption and the labels that it names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    caption: str
    labels: tuple[str, ...] = Field(description="The labels that the caption names, as given.")


class MultiLabelCaptions(BaseModel):
    """Captions of several labels at once."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="MultiLabelCaptions")

    cards: ClassVar[dict[str, LabelCard]] = {}
    max_words: ClassVar[int] = 25
    captions: tuple[LabelledCaption, ...]

    @field_validator("captions")
    @classmethod
    def _name_their_labels(cls, captions: tuple[LabelledCaption, ...]) -> tuple[LabelledCaption, ...]:
        for item in captions:
            unknown = [label for label in item.labels if label not in cls.cards]
            if unknown:
                raise ValueError(f"{unknown[0]!r} is none of the labels {', '.join(cls.cards)}; use these")
            if not _FEWEST <= len(set(item.labels)) == len(item.labels) <= _MOST:
                raise ValueError(f"{item.caption!r} has the labels {list(item.labels)}, expected 2 to 4 distinct ones")
            for label in item.labels:
                if not says_label(item.caption, cls.cards[label]):
                    raise ValueError(f"{item.caption!r} does not hold {cls.cards[label].phrase!r}; put it in")
            if count_words(item.caption) > cls.max_words:
                raise ValueError(f"{item.caption!r} has more than {cls.max_words} words; shorten it")
        return captions


def multi_label_question(
    cards: Sequence[LabelCard], *, domain: Domain, settings: PromptSettings
) -> Question[MultiLabelCaptions]:
    """Asks for captions that each name two to four of the given labels (the paper gives five).

    Raises:
        ConfigError: Fewer than two labels are given.
    """
    if len(cards) < _FEWEST:
        raise ConfigError(f"{len(cards)} label was given, a caption of several labels needs at least {_FEWEST}")
    count, most = settings.captions_per_clip, settings.max_words
    by_label = {card.label: card for card in cards}

    class Answer(MultiLabelCaptions):
        model_config = ConfigDict(title="MultiLabelCaptions")
        cards: ClassVar[dict[str, LabelCard]] = by_label
        max_words: ClassVar[int] = most
        captions: tuple[LabelledCaption, ...] = Field(min_length=count, max_length=count)

    listed = "; ".join(f"{card.label!r} = {card.phrase}: {card.what}" for card in cards)
    user = (
        f"Labels: {listed}\nWrite exactly {count} captions of at most {most} words. Each one is of a recording in "
        f"which {_FEWEST} to {_MOST} of these are heard together in one plausible scene; name each of them by its "
        "phrase, and list the labels that you used."
    )
    return Question(
        name="multi_label",
        messages=(Message("system", _SYSTEM.format(domain=DOMAIN_TEXT[domain])), Message("user", user)),
        answer=Answer,
        offline=lambda generator: Answer(
            captions=tuple(_mixture(list(cards), generator, max_words=most) for _ in range(count))
        ),
    )


def _mixture(cards: list[LabelCard], generator: np.random.Generator, *, max_words: int) -> LabelledCaption:
    """Two to four labels in one of the scenes of the first; fewer where they would not fit into the words."""
    count = int(generator.integers(_FEWEST, min(_MOST, len(cards)) + 1))
    drawn = [cards[i] for i in generator.permutation(len(cards))[:count]]
    scene = drawn[0].scenes[int(generator.integers(len(drawn[0].scenes)))]
    while True:
        caption = capitalised(f"{joined([card.phrase for card in drawn])} {scene}")
        if count_words(caption) <= max_words or (len(drawn) == _FEWEST and not scene):
            return LabelledCaption(caption=caption, labels=tuple(card.label for card in drawn))
        drawn, scene = (drawn[:-1], scene) if len(drawn) > _FEWEST else (drawn, "")
