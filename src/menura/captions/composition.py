"""How many different scenes a set of captions tells of: which events stand together, and where."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from menura.backends.language.grammar import PhraseGrammar
from menura.captions.cards import prepare_cards
from menura.captions.components import component_question
from menura.captions.words import content_words
from menura.config import Domain
from menura.errors import ConfigError
from menura.seeding import item_generator

__all__ = ["Composition", "composition"]

Combination = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Composition:
    """Compositional diversity of captions. A component is an event or a scene, by its content words.

    Attributes:
        num_texts: How many captions there are.
        components: Number of different components.
        combinations: Number of different sets of components that a caption has.
        effective_combinations: ``exp`` of the Shannon entropy of those sets: the compositional diversity. Equal
            captions have 1, captions that all tell of something else as many as they are.
        share_of_texts: ``effective_combinations / num_texts``, in (0, 1].
        per_text: Mean number of components of a caption.
    """

    num_texts: int
    components: int
    combinations: int
    effective_combinations: float
    share_of_texts: float
    per_text: float


def composition(texts: Sequence[str], labels: Sequence[str], *, domain: Domain = "environment") -> Composition:
    """Compositional diversity: the effective number of different sets of events and scenes in the captions.

    Each caption is taken apart by rule (commas, conjunctions, prepositions of place); what names its label counts for
    nothing, nor do order and inflection. Captions that put known components together anew count as different, captions
    that say the same in other words mostly do not. The figure grows with the number of captions: compare equal numbers.

    Published work reports "compositional diversity" by the CLAP score without defining it (Synthio, table 2); this is
    a definition of our own.

    Args:
        texts: Captions, at least one.
        labels: Label of each.
        domain: Of the sounds.

    Raises:
        ConfigError: There is no caption, or not one label for each.

    Example:
        >>> texts = ["A dog barks in a park", "A dog barking, in the park", "A dog barks, children shouting"]
        >>> composition(texts, ["dog"] * 3).combinations
        2
    """
    if not texts or len(texts) != len(labels):
        raise ConfigError(f"{len(texts)} captions and {len(labels)} labels, expected at least one and as many labels")
    cards = prepare_cards(sorted(set(labels)), model=PhraseGrammar(), domain=domain, seed=0, path=None, keep=False)
    told: dict[tuple[str, str], Combination] = {}
    for text, label in zip(texts, labels, strict=True):
        if (text, label) not in told:
            question = component_question(text, cards[label], domain=domain)
            found = question.offline(item_generator(0, "composition"))
            told[text, label] = frozenset(map(content_words, (*found.events, *found.scenes)))
    sets = [told[pair] for pair in zip(texts, labels, strict=True)]
    effective = _effective(Counter(sets))
    return Composition(
        num_texts=len(sets),
        components=len(frozenset().union(*sets)),
        combinations=len(set(sets)),
        effective_combinations=effective,
        share_of_texts=effective / len(sets),
        per_text=sum(map(len, sets)) / len(sets),
    )


def _effective(counts: Mapping[Combination, int]) -> float:
    total = sum(counts.values())
    return math.exp(-math.fsum(count / total * math.log(count / total) for count in counts.values()))
