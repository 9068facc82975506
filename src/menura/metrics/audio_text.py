"""What a cosine between a recording and a text says: as a probability, as a threshold, as a rank among labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.errors import ConfigError, DatasetError
from menura.metrics.statistics import Interval
from menura.seeding import item_generator

__all__ = [
    "TextScore",
    "cosine_threshold",
    "cosines",
    "label_probabilities",
    "label_ranks",
    "mean_text_score",
    "sigmoid_score",
]

_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class TextScore:
    """The CLAP score of a set of clips: mean cosine of each with its own text.

    Attributes:
        mean: In [-1, 1].
        interval: 95 % bootstrap interval over clips.
        clips: Number of clips.
    """

    mean: float
    interval: Interval
    clips: int


def mean_text_score(own: NDArray[np.floating], *, seed: int = 0) -> TextScore:
    """CLAP score from the cosine of each clip with its own text.

    It says that a clip sounds like its text *to that model*; a set of one clip over and over may score highest. Read
    it beside the score of real clips with the same texts, which is far below 1.

    Args:
        own: ``[clips]``.
        seed: Of the bootstrap.

    Raises:
        DatasetError: There is no clip.

    Source:
        Wu et al. 2023, arXiv:2211.06687 (the model); Huang et al. 2023, arXiv:2301.12661 (the score).
    """
    if not len(own):
        raise DatasetError("no clip has a text, expected at least one for a CLAP score")
    values = np.asarray(own, dtype=np.float64)
    drawn = item_generator(seed, "text score", len(values)).integers(len(values), size=(_RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return TextScore(float(values.mean()), (float(low), float(high)), len(values))


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine of every pair of rows; each is the same to the bit whatever stands beside it.

    Not a matrix product, whose order of summing depends on its shape.

    Args:
        one: ``[n, dim]``, rows of length 1.
        other: ``[m, dim]``, rows of length 1.

    Returns:
        ``[n, m]`` in [-1, 1].
    """
    if not len(one):
        return np.zeros((0, len(other)), np.float32)
    return np.stack([np.clip((other * row).sum(axis=1), -1.0, 1.0) for row in one]).astype(np.float32)


def sigmoid_score(cosine: NDArray[np.floating] | float, scale: float) -> NDArray[np.float64]:
    """``sigmoid(scale * cosine)``, in (0, 1): the score of Synthio's filter.

    Args:
        cosine: Any shape.
        scale: ``exp(logit_scale)`` of the model, > 0.

    Source:
        Ghosh et al. 2025 (arXiv:2410.02056), by its published filter; the model was trained with a softmax over texts,
        so this is no probability that the text fits.
    """
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scale * np.asarray(cosine, dtype=np.float64))))


def cosine_threshold(score: float, scale: float) -> float:
    """The cosine at which :func:`sigmoid_score` reaches ``score``: ``log(score / (1 - score)) / scale``.

    Args:
        score: In (0, 1).
        scale: ``exp(logit_scale)`` of the model, > 0.

    Raises:
        ConfigError: One of them is outside.

    Example:
        >>> round(cosine_threshold(0.85, 1 / 0.07), 3), round(cosine_threshold(0.85, 100.0), 3)
        (0.121, 0.017)
    """
    if not 0 < score < 1 or not scale > 0:
        raise ConfigError(f"score is {score} and scale {scale}, expected a score in (0, 1) and a scale above 0")
    return math.log(score / (1 - score)) / scale


def label_ranks(cosine: NDArray[np.float32], targets: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Place of each label among the texts of those labels that a clip does not carry; 1 is first.

    A clip's own other labels do not count against it. Ties count for the clip.

    Args:
        cosine: ``[clips, labels]``.
        targets: Which labels each clip carries, ``[clips, labels]``.

    Returns:
        ``[clips, labels]``, from 1.
    """
    foreign = np.where(targets, -np.inf, cosine)
    return np.asarray(1 + (foreign[:, None, :] > cosine[:, :, None]).sum(axis=2), dtype=np.int64)


def label_probabilities(cosine: NDArray[np.float32], scale: float) -> NDArray[np.float64]:
    """``softmax(scale * cosine)`` over the labels: what the model was trained to give.

    Args:
        cosine: ``[clips, labels]``.
        scale: ``exp(logit_scale)`` of the model, > 0.

    Returns:
        ``[clips, labels]``; rows sum to 1.
    """
    logits = scale * np.asarray(cosine, dtype=np.float64)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
