"""Label cards: what a label means, drafted by a language model or the grammar, corrected by a person.

A card feeds every prompt and every text that judges compare with. "siren" alone may be a singing woman; its card says
that it is the warning signal of an emergency vehicle, and what else it is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from menura.backends.base import LanguageModel, Message, Question
from menura.backends.language.many import answer_all
from menura.captions.editable import add_text, check_labels, read_toml, toml_entry
from menura.captions.lexicon import Kind, family_of, gives_away, lexicon
from menura.captions.species import species_name
from menura.captions.words import content_words, count_words, label_words, one_line, with_article
from menura.config import Domain, Settings
from menura.errors import ConfigError

__all__ = [
    "DOMAIN_TEXT",
    "CardDraft",
    "LabelCard",
    "card_question",
    "card_text",
    "default_kind",
    "plain_phrase",
    "prepare_cards",
    "read_cards",
    "without_conflicts",
]

DOMAIN_TEXT: Mapping[Domain, str] = {
    "environment": "environmental sounds, recorded in everyday life",
    "speech": "spoken words and voices",
    "animal": "calls of animals, recorded in the wild",
    "music": "music and musical instruments",
    "machine": "sounds of machines, recorded to tell sound ones from faulty ones",
}
"""What is said of the dataset in an instruction."""

_KIND_OF: Mapping[Domain, Kind] = {
    "environment": "sound", "speech": "speech", "animal": "species", "music": "music", "machine": "sound",
}  # fmt: skip
_STATES = frozenset({"normal", "abnormal", "faulty", "broken", "damaged", "worn", "healthy"})
_HEADER = """Label cards: what each label of the dataset means. Every prompt and judge text is made from them.
Correct what is wrong; nothing that stands here is ever overwritten. A field that you delete is drafted again.
  phrase   how the label reads in a sentence, with its article    kind     sound, music, action, species or speech
  what     what it is       is_not  what it is mistaken for       sources  what makes the sound
  scenes   where it is heard        avoid  words that no prompt may use
  shortest_s, longest_s  usual duration in seconds"""

Phrase = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]
Phrases = tuple[Phrase, ...]


class CardDraft(Settings):
    """What a language model says of a label."""

    phrase: Phrase = Field(description="The label as it reads in a sentence, with its article: a car horn, rain.")
    kind: Kind = Field(description="sound, music, action, species or speech.")
    what: Phrase = Field(description="What the label means, as a sound, in one phrase.")
    is_not: Phrases = Field(description="Other sounds or meanings that it could be mistaken for.")
    sources: Phrases = Field(min_length=1, description="What makes the sound.")
    scenes: Phrases = Field(min_length=1, description="Where it is heard: in a workshop, on a busy street.")
    avoid: Phrases = Field((), description="Words that a prompt for it must not use, because they mislead.")
    shortest_s: float = Field(gt=0, le=3600, description="Usual shortest duration in seconds.")
    longest_s: float = Field(gt=0, le=3600, description="Usual longest duration in seconds.")
    scientific: str = Field("", description="Scientific name, for a species.")

    @field_validator("phrase")
    @classmethod
    def _is_short(cls, phrase: str) -> str:
        if count_words(phrase) > 10:
            raise ValueError(f"phrase has {count_words(phrase)} words, expected at most 10 that fit into a sentence")
        return phrase

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.shortest_s > self.longest_s:
            raise ValueError(f"shortest_s is {self.shortest_s}, more than longest_s {self.longest_s}; swap them")
        forbidden = [word for word in self.avoid if set(content_words(word)) & set(content_words(self.phrase))]
        if forbidden:
            raise ValueError(f"avoid names {forbidden[0]!r}, which the phrase {self.phrase!r} itself uses")
        return self


class LabelCard(CardDraft):
    """A draft with its label."""

    label: str = Field(description="The label as published.")

    @property
    def name(self) -> str:
        """The phrase without its article."""
        first, _, rest = self.phrase.partition(" ")
        return rest if rest and first.lower() in ("a", "an", "the", "some") else self.phrase


def default_kind(domain: Domain) -> Kind:
    """Kind of the labels of a dataset unless their cards say otherwise."""
    return _KIND_OF[domain]


def plain_phrase(label: str, kind: Kind = "sound") -> str:
    """How a label reads in a sentence, without a card.

    Example:
        >>> plain_phrase("door_wood_knock"), plain_phrase("car_horn"), plain_phrase("rain")
        ('a knock on a wooden door', 'a car horn', 'rain')
        >>> plain_phrase("jazz", "music"), plain_phrase("fan_abnormal")
        ('jazz music', 'an abnormal fan')
        >>> plain_phrase("yes", "speech"), plain_phrase("anger", "speech"), plain_phrase("Picus viridis", "species")
        ('a person saying "yes"', 'a person speaking in an angry voice', 'Picus viridis')
    """
    if kind == "species":
        species = species_name(label)
        return with_article(species.common) if species.common else species.scientific
    words = label_words(label)
    if kind == "speech":
        return _spoken(words)
    if kind == "action" and words.split(" ")[0].endswith("ing"):
        return words
    if kind == "music" and family_of(words, kind).name == "genre":
        return f"{words} music"
    *rest, last = words.split(" ")
    if rest and last in _STATES:
        return with_article(" ".join([last, *rest]))
    return lexicon().phrases.get(words) or with_article(words)


def _spoken(words: str) -> str:
    """Of a label of a speech dataset: a kind of voice, an emotion, or a word that is said."""
    emotion = lexicon().emotions.get(words)
    if emotion:
        return f"a person speaking in {with_article(f'{emotion} voice')}"
    is_voice = family_of(words, "speech").name != "any_speech"
    return with_article(words) if is_voice else f'a person saying "{words}"'


def card_question(label: str, *, domain: Domain, kind: Kind | None = None) -> Question[CardDraft]:
    """Asks for the card of one label.

    Args:
        label: As published.
        domain: Of the dataset; goes into the instruction, so that a siren is a vehicle.
        kind: When the person knows it; None takes that of the domain.

    Raises:
        ConfigError: The label has no word to begin with.
    """
    if not count_words(label_words(label)):
        raise ConfigError(f"label {label!r} has no word; rename it, or write its card yourself")
    asked = kind or default_kind(domain)
    species = species_name(label)
    system = (
        "You describe the labels of a dataset of sounds for a person who writes prompts for a text-to-audio model. "
        f"The dataset holds {DOMAIN_TEXT[domain]}. Every label is the name of a sound in that sense, never of anything "
        "else that the word may mean. Speak of what is heard, not of moods, colours or stories."
    )
    user = (
        f"Label: {label!r}, read as {plain_phrase(label, asked)!r}, kind {asked!r}.\n"
        "Give its card: phrase (with article, at most 10 words), kind, what it is, two to five things it is not, "
        "two to five sources, four to eight scenes (short, beginning with a preposition, naming no other sound), words "
        "to avoid, and the usual shortest and longest duration in seconds."
        + (f" Scientific name: {species.scientific}." if species.scientific else "")
    )
    return Question(
        name="label_card",
        messages=(Message("system", system), Message("user", user)),
        answer=CardDraft,
        offline=lambda generator: _draft(label, asked, generator),
    )


def _draft(label: str, kind: Kind, generator: np.random.Generator) -> CardDraft:
    """The card of the family that the label belongs to; three ways to name each of its places are mixed."""
    species = species_name(label) if kind == "species" else None
    words = species.name if species else label_words(label)
    family = family_of(words, kind)
    scenes = [phrase for place in family.places for phrase in lexicon().places[place].phrases]
    drawn = generator.permutation(len(scenes))[:8]
    scientific = species.scientific if species else ""
    return CardDraft(
        phrase=plain_phrase(label, kind),
        kind=kind,
        what=f"{family.what}{f' ({scientific})' if scientific else ''}",
        is_not=without_conflicts(family.is_not, [words]),
        sources=family.sources,
        scenes=tuple(scenes[i] for i in sorted(drawn)),
        avoid=(),
        shortest_s=family.length_s[0],
        longest_s=family.length_s[1],
        scientific=scientific,
    )


def without_conflicts(phrases: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    """The phrases that hold no word of a label, in their order.

    Args:
        phrases: Of events, scenes, negatives.
        labels: In words.
    """
    return tuple(phrase for phrase in phrases if not gives_away(content_words(phrase), labels))


def read_cards(path: Path, labels: Sequence[str]) -> dict[str, LabelCard]:
    """Complete cards from a file; labels that it does not have are left out.

    Raises:
        ConfigError: The file is not TOML, a label is unknown, a field is missing, unknown or of the wrong type.
    """
    return {label: _card(path, label, fields) for label, fields in _tables(path, labels).items()}


def prepare_cards(
    labels: Sequence[str],
    *,
    model: LanguageModel,
    domain: Domain,
    seed: int,
    path: Path | None = None,
    kinds: Mapping[str, Kind] | None = None,
    keep: bool = True,
) -> dict[str, LabelCard]:
    """A card for every label: the person's where the file has it, field by field, else a draft.

    Cards of labels that the file did not have yet are added to its end. Nothing that stands there is changed.

    Args:
        labels: Of the training part.
        model: Drafts what is missing.
        domain: Of the dataset.
        seed: Of the run.
        path: TOML file; None keeps the cards in memory only.
        kinds: Kinds that differ from that of the domain.
        keep: Whether drafts are added to the file.

    Raises:
        ConfigError: As :func:`read_cards`, but for missing fields, which are drafted.
        BackendError: The language model failed.
    """
    tables = _tables(path, labels) if path else {}
    needed = [name for name, field in CardDraft.model_fields.items() if field.is_required()]
    missing = [label for label in sorted(labels) if not all(name in tables.get(label, {}) for name in needed)]
    questions = [card_question(label, domain=domain, kind=(kinds or {}).get(label)) for label in missing]
    drafts = dict(zip(missing, answer_all(model, questions, seed=seed), strict=True))
    cards = {
        label: _card(
            path or Path("draft"),
            label,
            (drafts[label].model_dump() if label in drafts else {}) | tables.get(label, {}),
        )
        for label in sorted(labels)
    }
    if path and keep:
        fresh = [card_text(card) for label, card in cards.items() if label not in tables]
        add_text(path, fresh, header=_HEADER)
    return {label: cards[label] for label in labels}


def card_text(card: LabelCard) -> str:
    """A card as a table of TOML, fields in a fixed order."""
    fields = card.model_dump(exclude={"label"} | (set() if card.scientific else {"scientific"}))
    head = toml_entry(card.label, "").partition(" = ")[0]
    return "\n".join([f"[{head}]", *(toml_entry(name, value) for name, value in fields.items())])


def _tables(path: Path, labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    found = read_toml(path)
    check_labels(found, labels, path=path, what="a card")
    for label, fields in found.items():
        if not isinstance(fields, dict):
            raise ConfigError(f"{path}: {label} is {fields!r}, expected a table [{label}] with the fields of a card")
    return {label: dict(fields) for label, fields in found.items() if isinstance(fields, dict)}


def _card(path: Path, label: str, fields: Mapping[str, Any]) -> LabelCard:
    try:
        return LabelCard.model_validate({**fields, "label": label})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'card'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        )
        raise ConfigError(f"{path}: card of {label!r}: {problems}") from error
