"""Zero-shot classification: no clip is learned from, the names of the labels are all there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from menura.errors import ConfigError
from menura.metrics.audio_text import label_probabilities

if TYPE_CHECKING:
    from menura.backends.base import AudioTextScorer
    from menura.types import Recording

__all__ = ["zero_shot"]


def zero_shot(
    scorer: AudioTextScorer,
    recordings: Iterable[Recording],
    labels: Sequence[str],
    *,
    text_of: Callable[[str], str],
    multilabel: bool = False,
) -> NDArray[np.float64]:
    """Probability of each label for each recording, by a model of sounds and texts alone.

    ``softmax(scale * cosine)`` over the labels, or ``(1 + cosine) / 2`` of each where clips have several. That is no
    probability and only ranks clips within a label: the model was trained to choose between texts, and
    ``sigmoid(scale * cosine)`` would be no better and too near to 1 to tell clips apart once it is rounded.

    Args:
        scorer: The model.
        recordings: What is to be classified; one at a time, so they need not fit into memory together.
        labels: Names, in the order of the columns.
        text_of: What a recording is compared with for a label.
        multilabel: Whether clips may have several labels.

    Returns:
        ``[recordings, labels]``.

    Raises:
        ConfigError: Two labels have the same text, so that nothing could tell them apart.
        AudioError: A waveform is empty or not finite.
    """
    texts = [text_of(label) for label in labels]
    if len(set(texts)) < len(texts):
        doubled = sorted({text for text in texts if texts.count(text) > 1})
        raise ConfigError(f"several labels have the text {doubled[0]!r}; give each label a text of its own")
    rows = [scorer.similarity([recording], texts)[0] for recording in recordings]
    cosine = np.array(rows, np.float32).reshape(len(rows), len(texts))
    if multilabel:
        return np.asarray((1.0 + cosine.astype(np.float64)) / 2.0)
    return label_probabilities(cosine, scorer.scale)
