"""Do clips sound like their texts, and how varied are the texts?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from menura.backends.base import AudioTextScorer
from menura.captions.composition import Composition, composition
from menura.captions.diversity import TextDiversity, text_diversity
from menura.captions.label_texts import label_texts
from menura.config import Domain
from menura.metrics.audio_text import TextScore, label_ranks, mean_text_score
from menura.seeding import item_generator
from menura.studies.sound_sets import hear
from menura.types import Clip, Progress

__all__ = ["TextScores", "TextVariety", "caption_of", "score_texts", "text_variety"]

_BLOCK = 16
_MOST_TEXTS = 200


@dataclass(frozen=True)
class TextScores:
    """CLAP scores of one set.

    Attributes:
        label_text: Score with the texts of the labels.
        by_label: Label to the score of its clips.
        first: Share of (clip, label) pairs for which the text of the label fits better than those of all labels that
            the clip does not carry, in [0, 1].
        caption: Score with the clip's own caption or prompt; None where no clip has one.
    """

    label_text: TextScore
    by_label: dict[str, TextScore]
    first: float
    caption: TextScore | None


@dataclass(frozen=True)
class TextVariety:
    """How varied the captions or prompts of a set are.

    Attributes:
        words: By words and pairs of words.
        scenes: By what they tell of.
    """

    words: TextDiversity
    scenes: Composition


def caption_of(clip: Clip) -> str | None:
    """The caption of a clip, or the prompt that a synthetic one was made from."""
    return clip.caption or (clip.provenance.request.prompt if clip.provenance is not None else None)


def score_texts(
    scorer: AudioTextScorer,
    clips: Sequence[Clip],
    labels: Sequence[str],
    *,
    sample_rate: int,
    domain: Domain = "environment",
    seed: int = 0,
    stage: str = "comparing with texts",
    progress: Progress | None = None,
) -> TextScores:
    """CLAP scores of clips with the texts of their labels, and with their captions.

    Args:
        scorer: Compares recordings with texts.
        clips: At least one.
        labels: All labels whose texts are compared.
        sample_rate: At which clips are heard, in Hz.
        domain: Of the sounds, for the texts of the labels.
        seed: Of the intervals.
        stage: What progress is called with.
        progress: Called after each few clips.
    """
    texts = label_texts(labels, domain=domain)
    with_labels, with_captions = [], []
    for start in range(0, len(clips), _BLOCK):
        block = clips[start : start + _BLOCK]
        heard = [hear(clip, sample_rate) for clip in block]
        with_labels.append(scorer.similarity(heard, [texts[label] for label in labels]))
        told = [(row, caption) for row, clip in enumerate(block) if (caption := caption_of(clip))]
        if told:
            found = scorer.similarity([heard[row] for row, _ in told], [caption for _, caption in told])
            with_captions.append(np.diag(found))
        if progress is not None:
            progress(stage, min(len(clips), start + _BLOCK), len(clips))
    cosines = np.concatenate(with_labels)
    targets = np.array([[label in clip.labels for label in labels] for clip in clips])
    ranks = label_ranks(cosines, targets)
    by_label = {
        label: mean_text_score(cosines[targets[:, column], column], seed=seed)
        for column, label in enumerate(labels)
        if targets[:, column].any()
    }
    own = mean_text_score(np.concatenate(with_captions), seed=seed) if with_captions else None
    return TextScores(mean_text_score(cosines[targets], seed=seed), by_label, float((ranks[targets] == 1).mean()), own)


def text_variety(
    sets: Sequence[Sequence[Clip]], *, domain: Domain = "environment", seed: int = 0
) -> list[TextVariety | None]:
    """Variety of the captions of each set, by equal numbers of them, at most 200; None where there are too few."""
    told = [[(caption, clip.labels[0]) for clip in clips if (caption := caption_of(clip))] for clips in sets]
    size = min([_MOST_TEXTS, *(len(texts) for texts in told if len(texts) > 1)])
    found: list[TextVariety | None] = []
    for texts in told:
        if len(texts) < 2:
            found.append(None)
            continue
        rows = item_generator(seed, "texts").choice(len(texts), size, replace=False)
        drawn = [texts[row] for row in sorted(rows)]
        words = text_diversity([text for text, _ in drawn])
        found.append(
            TextVariety(words, composition([t for t, _ in drawn], [label for _, label in drawn], domain=domain))
        )
    return found
