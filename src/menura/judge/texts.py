"""The judge that reads: does a candidate sound like the name of its label, by a model of sounds and texts?

The model is frozen and has never seen the real training clips, so each of them stands for a new clip of its label as it
is; there is nothing to leave out, as there is for the classifier of :mod:`menura.judge.agreement`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.backends.base import AudioTextScorer, Parents
from menura.config import JudgeSettings
from menura.errors import ConfigError
from menura.judge.calibrate import own_share, real_quantile
from menura.judge.reference import References
from menura.metrics.audio_text import cosine_threshold, label_ranks, sigmoid_score
from menura.types import Recording

__all__ = ["Reading", "TextJudge", "TextThreshold", "calibrate_texts", "judge_text", "scorer_of", "text_thresholds"]


@dataclass(frozen=True, slots=True)
class TextThreshold:
    """When a candidate sounds like the name of a label.

    Attributes:
        label: Which one.
        text: What it is compared with.
        num_clips: Real training clips of it.
        cosine: Least cosine; None when there are too few real clips to say.
        rank: Greatest rank among the labels that passes all the same; None likewise.
        real_pass: Share of its real clips that pass; None without any.
        real_first: Share of its real clips whose own label ranks first; None without any.
    """

    label: str
    text: str
    num_clips: int
    cosine: float | None
    rank: int | None
    real_pass: float | None
    real_first: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model says of one candidate, before any threshold.

    Attributes:
        column: The label of the candidate that it fits least.
        closest: The label whose text it fits best.
        cosine, closest_cosine: Theirs.
        rank: Place of that least label among the labels that the candidate does not carry.
        score: ``sigmoid(scale * cosine)``.
    """

    column: int
    closest: int
    cosine: float
    closest_cosine: float
    rank: int
    score: float

    @property
    def scores(self) -> dict[str, float]:
        """The numbers as scores of a judgement."""
        return {"text_cosine": self.cosine, "text_rank": float(self.rank), "text_score": self.score}


@dataclass(frozen=True)
class TextJudge:
    """A model, a text for each label, and what passes.

    Attributes:
        scorer: The model.
        thresholds: One per label, in the order of the references' labels.
        rule: ``calibrated`` (by ``thresholds``) or ``synthio`` (by ``least_score``).
        least_score: Least ``sigmoid(scale * cosine)`` of the rule ``synthio``.
    """

    scorer: AudioTextScorer
    thresholds: tuple[TextThreshold, ...]
    rule: str
    least_score: float

    def read(self, recording: Recording, columns: Sequence[int]) -> Reading:
        """Compare a candidate with the texts of all labels.

        Args:
            recording: The candidate.
            columns: Its labels.
        """
        cosine = self.scorer.similarity([recording], [threshold.text for threshold in self.thresholds])
        targets = np.zeros(cosine.shape, dtype=bool)
        targets[0, columns] = True
        least = min(columns, key=lambda column: cosine[0, column] - (self._least_cosine(column) or 0.0))
        return Reading(
            column=least,
            closest=int(np.argmax(cosine[0])),
            cosine=float(cosine[0, least]),
            closest_cosine=float(cosine[0].max()),
            rank=int(label_ranks(cosine, targets)[0, least]),
            score=float(sigmoid_score(float(cosine[0, least]), self.scorer.scale)),
        )

    def reason(self, read: Reading) -> str:
        """Why the candidate is rejected, in words with numbers; empty when it passes."""
        threshold = self.thresholds[read.column]
        if self.rule == "synthio":
            if read.score >= self.least_score:
                return ""
            return (
                f"text: its score for '{threshold.text}' is {read.score:.2f}, at least {self.least_score:.2f} expected "
                f"(cosine {read.cosine:.3f}, {self._least_cosine(read.column):.3f} expected)"
            )
        if threshold.cosine is None or threshold.rank is None:
            return ""
        if read.cosine >= threshold.cosine or read.rank <= threshold.rank:
            return ""
        closest = self.thresholds[read.closest]
        return (
            f"text: its cosine with '{threshold.text}' is {read.cosine:.3f}, at least {threshold.cosine:.3f} expected, "
            f"and it ranks {read.rank}, at most {threshold.rank} expected; it is more like '{closest.text}' "
            f"({read.closest_cosine:.3f})"
        )

    def _least_cosine(self, column: int) -> float | None:
        if self.rule == "synthio":
            return cosine_threshold(self.least_score, self.scorer.scale)
        return self.thresholds[column].cosine


def judge_text(label: str) -> str:
    """The name of a label as it stands, after ``Sound of``. A run passes :func:`menura.captions.label_texts` instead.

    Source:
        ``Sound of a {label}`` is the text of Synthio's filter (Ghosh et al. 2025, arXiv:2410.02056).
    """
    return f"Sound of {label}"


def scorer_of(settings: JudgeSettings) -> AudioTextScorer | None:
    """The audio-text model that the settings name; None when they name none, or judge nothing.

    Raises:
        BackendError: It cannot be loaded.
    """
    if settings.text_model is None or not settings.enabled:
        return None
    from menura.backends.registry import load_scorer

    return load_scorer(settings.text_model)


def calibrate_texts(
    scorer: AudioTextScorer,
    settings: JudgeSettings,
    references: References,
    parents: Parents,
    text_of: Callable[[str], str] = judge_text,
) -> TextJudge:
    """The judge of a training part: thresholds from the cosines of its real clips.

    Args:
        scorer: The model.
        settings: Rule, least score and acceptance rate.
        references: The real clips.
        parents: Gives their recordings.
        text_of: Text of a label.

    Raises:
        ConfigError: The rule is ``calibrated``, and the model was fine-tuned on some of these clips.
    """
    learned = set(references.ids) & set(getattr(scorer, "learned_from", ()))
    if learned and settings.text_rule == "calibrated":
        raise ConfigError(
            f"the text model was fine-tuned on {len(learned)} of the {len(references.ids)} real clips that would "
            'calibrate it, whose cosines are too high by now; set text_rule = "synthio" under [judge], or take the '
            "model as published"
        )
    texts = [text_of(label) for label in references.labels]
    cosine = np.concatenate([scorer.similarity([parents(clip_id)], texts) for clip_id in references.ids])
    thresholds = text_thresholds(
        references.labels, texts, cosine, references.targets, acceptance=settings.acceptance
    )  # fmt: skip
    return TextJudge(scorer, thresholds, settings.text_rule, settings.text_least_score)


def text_thresholds(
    labels: Sequence[str],
    texts: Sequence[str],
    cosine: NDArray[np.float32],
    targets: NDArray[np.bool_],
    *,
    acceptance: float,
) -> tuple[TextThreshold, ...]:
    """Thresholds of each label, from real clips.

    How well a text fits its sounds differs by label (a model may know no word for one of them), so clips of different
    labels are pooled by how far each is from the mean of the *other* clips of its label, and the threshold of a label
    is its own mean plus a quantile of these. With more clips the label's own quantile takes over, as for the other
    judges. Ranks are not pooled: one label that the model does not know would let everything pass everywhere. A clip
    passes by its cosine or by its rank.

    Args:
        labels: Names.
        texts: Text of each label.
        cosine: Of each clip with each text, ``[clips, labels]``.
        targets: Which labels each clip carries, ``[clips, labels]``.
        acceptance: Share of real clips that each threshold lets pass.
    """
    values, ranks = cosine.astype(np.float64), label_ranks(cosine, targets)
    counts = targets.sum(axis=0)
    means = np.where(targets, values, 0.0).sum(axis=0) / np.maximum(counts, 1)
    away = (values - means) * counts / np.maximum(counts - 1, 1)  # from the mean of the others of the label
    pooled = away[targets & (counts > 1)]
    rows = []
    for column, (label, text) in enumerate(zip(labels, texts, strict=True)):
        own = targets[:, column]
        if not pooled.size or not own.any():
            rows.append(TextThreshold(label, text, int(own.sum()), None, None, None, None))
            continue
        share = own_share(int(own.sum()))
        least = means[column] + real_quantile(pooled, acceptance)
        if share:
            least += share * (real_quantile(values[own, column], acceptance) - least)
        rank = round(-real_quantile(-ranks[own, column].astype(np.float64), acceptance))
        passed = (values[own, column] >= least) | (ranks[own, column] <= rank)
        first = ranks[own, column] == 1
        rows.append(
            TextThreshold(label, text, int(own.sum()), float(least), rank, float(passed.mean()), float(first.mean()))
        )
    return tuple(rows)
