"""How varied a set of texts is: words, pairs of words, likeness to each other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from menura.captions.components import Components
from menura.captions.similarity import overlap
from menura.captions.words import content_words
from menura.errors import ConfigError

__all__ = ["TextDiversity", "distinct_share", "num_components", "self_bleu", "text_diversity", "vocabulary"]

_LONGEST = 4


@dataclass(frozen=True, slots=True)
class TextDiversity:
    """Figures of a set of texts.

    Attributes:
        num_texts: How many there are.
        num_unique: How many are left when equal ones count once.
        vocabulary: Number of different words.
        distinct_1: Different words as a share of all words.
        distinct_2: Different pairs of neighbouring words as a share of all.
        self_bleu: Mean BLEU of each text against the others, in [0, 1]; low is varied.
        mean_overlap: Mean share of content words that two texts have in common, in [0, 1]; low is varied.
        mean_words: Mean number of words.
    """

    num_texts: int
    num_unique: int
    vocabulary: int
    distinct_1: float
    distinct_2: float
    self_bleu: float
    mean_overlap: float
    mean_words: float


def text_diversity(texts: Sequence[str]) -> TextDiversity:
    """All figures of a set of texts. The order of the texts does not matter.

    The figures fall with the number of texts, so that only sets of one size can be compared.

    Raises:
        ConfigError: There are fewer than two texts.
    """
    if len(texts) < 2:
        raise ConfigError(f"{len(texts)} text was given, diversity is a matter of at least 2")
    tokens = [_tokens(text) for text in texts]
    pairs = [overlap(one, other) for one, other in combinations(texts, 2)]
    return TextDiversity(
        num_texts=len(texts),
        num_unique=len(set(map(tuple, tokens))),
        vocabulary=vocabulary(texts),
        distinct_1=distinct_share(texts, 1),
        distinct_2=distinct_share(texts, 2),
        self_bleu=self_bleu(texts),
        mean_overlap=math.fsum(pairs) / len(pairs),
        mean_words=sum(map(len, tokens)) / len(tokens),
    )


def vocabulary(texts: Sequence[str]) -> int:
    """Number of different words in all the texts together."""
    return len({token for text in texts for token in _tokens(text)})


def distinct_share(texts: Sequence[str], size: int) -> float:
    """Different runs of ``size`` words as a share of all of them (distinct-n); 0 when there are none.

    Source:
        Li et al. 2016, arXiv:1510.03055.

    Example:
        >>> distinct_share(["a dog barks", "a dog howls"], 1), distinct_share(["a dog barks", "a dog howls"], 2)
        (0.6666666666666666, 0.75)
    """
    runs = [run for text in texts for run in _runs(_tokens(text), size)]
    return len(set(runs)) / len(runs) if runs else 0.0


def self_bleu(texts: Sequence[str]) -> float:
    """Mean BLEU-4 of each text with all the others as references: 1 when all are equal, low when they differ.

    Runs longer than the text are left out; a length without a match counts as half a match, so that short prompts
    have a figure, too.

    Source:
        Zhu et al. 2018, arXiv:1802.01886 (self-BLEU); Papineni et al. 2002 (BLEU).
    """
    tokens = [_tokens(text) for text in texts]
    scores = [_bleu(one, [*tokens[:i], *tokens[i + 1 :]]) for i, one in enumerate(tokens)]
    return math.fsum(scores) / len(scores)


def num_components(pools: Sequence[Components]) -> int:
    """Number of different events and scenes in all the pools together."""
    return len({content_words(phrase) for pool in pools for phrase in (*pool.events, *pool.scenes)})


def _bleu(text: list[str], references: list[list[str]]) -> float:
    if not text:
        return 0.0
    logs = []
    for size in range(1, min(_LONGEST, len(text)) + 1):
        counts = Counter(_runs(text, size))
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= Counter(_runs(reference, size))
        matches = sum(min(count, most[run]) for run, count in counts.items())
        logs.append(math.log(max(matches, 0.5) / sum(counts.values())))
    nearest = min((len(reference) for reference in references), key=lambda n: (abs(n - len(text)), n))
    brevity = min(0.0, 1 - nearest / len(text))
    return math.exp(brevity + math.fsum(logs) / len(logs))


def _tokens(text: str) -> list[str]:
    return "".join(mark if mark.isalnum() or mark in "-'" else " " for mark in text.lower()).split()


def _runs(tokens: list[str], size: int) -> list[tuple[str, ...]]:
    if size == 2:
        return list(pairwise(tokens))
    return [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
