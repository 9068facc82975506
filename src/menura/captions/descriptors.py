"""Lists of words for how a label sounds, drafted once, editable, and drawn from for each clip.

The lists of the paper hold "alluring, bewitching, seductive" for a siren and "soothing, calming, tranquil" for rain:
the wrong sense of a word, and moods, which no microphone records. Here the card and the domain go into the
instruction, and moods are refused.

Source:
    Feng, Dimitriadis, Narayanan 2024, arXiv:2406.08800 (ten words per label, three drawn for each clip).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from menura.backends.base import LanguageModel, Message, Question
from menura.backends.language.many import answer_all
from menura.captions.cards import DOMAIN_TEXT, LabelCard
from menura.captions.editable import add_text, check_labels, read_toml, toml_entry
from menura.captions.lexicon import family_of, lexicon
from menura.captions.words import content_words, count_words, label_words, set_of
from menura.config import Domain
from menura.errors import ConfigError

__all__ = ["Descriptors", "descriptor_question", "draw_descriptors", "moods", "prepare_descriptors", "read_descriptors"]

NUM_DESCRIPTORS = 10
_MOST_WORDS = 2
_HEADER = """Words for how each label sounds; some of them are drawn for each prompt of the style "descriptors".
Correct, remove or add words; nothing that stands here is ever overwritten. A label that you delete is drafted again."""
_MOODS = frozenset(
    content_words(word)[-1]
    for word in set_of(
        "alluring amusing angry annoying anxious atmospheric awful beautiful bewitching boring calm calming "
        "captivating cheerful chilling comforting cozy creepy cute delightful depressing disturbing dramatic "
        "dreamy eerie emotional enchanting epic ethereal evocative exciting fearful festive frightening funny "
        "gloomy happy haunting heavenly hypnotic hypnotizing idyllic inspiring intimate inviting irritating "
        "joyful joyous lonely lovely magical majestic meditative melancholic melancholy menacing mesmerizing "
        "moody mournful mysterious mystical mythical nice nostalgic ominous passionate peaceful pleasant "
        "pleasing poetic powerful reassuring refreshing relaxing relaxed romantic sad scary seductive sensual "
        "serene sinister solemn soothing spiritual spooky stirring stressful sublime suspenseful tempting "
        "tender tense terrifying thrilling tranquil ugly unpleasant unsettling uplifting welcoming whimsical "
        "wistful wonderful bitter blue bright-coloured colourful creamy delicious fluffy fragrant glossy "
        "green matte pink red salty shiny silky smelly spicy sparkly tasty velvety white yellow "
    )
)


def moods(text: str) -> tuple[str, ...]:
    """The words of a text that tell a mood, or what another sense perceives.

    Example:
        >>> moods("a soothing, steady hiss"), moods("velvety")
        (('soothing',), ('velvety',))
    """
    words = text.lower().replace(",", " ").replace("-", " ").split()
    return tuple(word for word in words if set(content_words(word)) & _MOODS)


class Descriptors(BaseModel):
    """Words for how one label sounds."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Descriptors")

    label_text: ClassVar[str] = ""
    words: tuple[str, ...] = Field(
        min_length=NUM_DESCRIPTORS, max_length=NUM_DESCRIPTORS, description="Exactly ten distinct acoustic words."
    )

    @field_validator("words")
    @classmethod
    def _are_acoustic(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        cleaned = tuple(" ".join(word.split()).strip(" .;:").lower() for word in words)
        named = set(content_words(cls.label_text))
        for word in cleaned:
            if not 1 <= count_words(word) <= _MOST_WORDS:
                raise ValueError(f"{word!r} has {count_words(word)} words, expected one, or two at most")
            if moods(word):
                raise ValueError(f"{word!r} is a mood or of another sense; replace it by a word for what is heard")
            if named & set(content_words(word)):
                raise ValueError(f"{word!r} repeats the label {cls.label_text!r}; replace it by how it sounds")
        repeated = [word for i, word in enumerate(cleaned) if content_words(word) in map(content_words, cleaned[:i])]
        if repeated:
            raise ValueError(f"{repeated[0]!r} is there twice; give {NUM_DESCRIPTORS} distinct words")
        return cleaned


def descriptor_question(card: LabelCard, *, domain: Domain) -> Question[Descriptors]:
    """Asks for ten words that describe how a label sounds."""
    named = f"{label_words(card.label)} {card.name}"

    class Answer(Descriptors):
        model_config = ConfigDict(title="Descriptors")
        label_text: ClassVar[str] = named

    system = (
        f"You describe sounds for a text-to-audio model. The dataset holds {DOMAIN_TEXT[domain]}. Use acoustic words: "
        "loudness, pitch, timbre, rhythm, length, texture, how it begins and ends. Never moods, feelings, colours, "
        "stories or the name of the sound itself."
    )
    user = (
        f"Give exactly {NUM_DESCRIPTORS} distinct single-word characteristics of the sound of {card.phrase}. "
        f"It is {card.what}. It is not {', not '.join(card.is_not) or 'anything else'}."
        + (f" Do not use: {', '.join(card.avoid)}." if card.avoid else "")
    )
    return Question(
        name="descriptors",
        messages=(Message("system", system), Message("user", user)),
        answer=Answer,
        offline=lambda generator: Answer(words=_known_words(card, generator)),
    )


def _known_words(card: LabelCard, generator: np.random.Generator) -> tuple[str, ...]:
    """Ten words of the family, in a drawn order; those of the kind fill up where the label takes some away."""
    family = family_of(label_words(card.label), card.kind)
    named = set(content_words(f"{label_words(card.label)} {card.name} {' '.join(card.avoid)}"))
    rest = lexicon().families[f"any_{card.kind}"].descriptors
    own = [word for word in family.descriptors if not named & set(content_words(word))]
    more = [word for word in rest if word not in own and not named & set(content_words(word))]
    order = generator.permutation(len(own))
    return tuple([own[i] for i in order] + more)[:NUM_DESCRIPTORS]


def read_descriptors(path: Path, labels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Lists from a file; labels that it does not have are left out. What a person wrote is not judged.

    Raises:
        ConfigError: The file is not TOML, a label is unknown, or something is no list of words.
    """
    found = read_toml(path)
    check_labels(found, labels, path=path, what="descriptors")
    lists: dict[str, tuple[str, ...]] = {}
    for label, words in found.items():
        if (
            not isinstance(words, list)
            or not words
            or not all(isinstance(word, str) and word.strip() for word in words)
        ):
            raise ConfigError(f'{path}: {label} is {words!r}, expected a list of words, {label} = ["harsh", "low"]')
        lists[label] = tuple(words)
    return lists


def prepare_descriptors(
    cards: Mapping[str, LabelCard],
    *,
    model: LanguageModel,
    domain: Domain,
    seed: int,
    path: Path | None = None,
    keep: bool = True,
) -> dict[str, tuple[str, ...]]:
    """A list for every label: the person's where the file has it, else drafted and, if ``keep``, added to its end.

    Raises:
        ConfigError: As :func:`read_descriptors`.
        BackendError: The language model failed.
    """
    written = read_descriptors(path, list(cards)) if path else {}
    missing = [label for label in sorted(cards) if label not in written]
    questions = [descriptor_question(cards[label], domain=domain) for label in missing]
    answers = answer_all(model, questions, seed=seed)
    drafted = {label: answer.words for label, answer in zip(missing, answers, strict=True)}
    if path and keep:
        add_text(path, [toml_entry(label, words) for label, words in drafted.items()], header=_HEADER)
    lists = written | drafted
    return {label: lists[label] for label in cards}


def draw_descriptors(words: Sequence[str], count: int, generator: np.random.Generator) -> tuple[str, ...]:
    """``count`` of the words without replacement; all of them, in a drawn order, where there are fewer."""
    order = generator.permutation(len(words))
    return tuple(words[i] for i in order[:count])
