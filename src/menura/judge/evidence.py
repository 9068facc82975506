"""What the judges have against a rejected candidate, in parts that a reviser of prompts can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from menura.judge.judges import Judges, nearest_wrong

if TYPE_CHECKING:
    from menura.judge.panel import JudgePanel

__all__ = ["Evidence", "evidence_of"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why one candidate was rejected.

    Attributes:
        kind: The judge that objected, as its reason begins: ``label``, ``text``, ``unlike``, ``copy``, ``silence``, ….
        reason: Its words, with numbers.
        score: The number that it objected to; None of a judge that measures no single one.
        threshold: What was expected of that number; None likewise.
        wrong_label: The label that the candidate does not carry and is heard most like; None when nothing was heard,
            or there is no other label.
        wrong_response: Response of the classifier for that label; None likewise.
    """

    kind: str
    reason: str
    score: float | None = None
    threshold: float | None = None
    wrong_label: str | None = None
    wrong_response: float | None = None


def evidence_of(
    panel: JudgePanel,
    labels: tuple[str, ...],
    reason: str,
    *,
    scores: Mapping[str, float],
    embedding: NDArray[np.float32] | None,
) -> Evidence:
    """The evidence against a candidate, from what is on record of it: nothing is heard again.

    Args:
        panel: The panel that rejected it.
        labels: Its labels.
        reason: Why it was rejected, in the words of the panel or of the selection.
        scores: As the panel gave them.
        embedding: As the panel gave it, ``[dim]``; None when there is none.
    """
    kind = reason.partition(":")[0].strip()
    judges = panel.judges
    if judges is None:
        return Evidence(kind, reason)
    names = panel.references.labels
    columns = [names.index(label) for label in labels if label in names]
    wrong, response = _wrong(judges, embedding, columns)
    score, threshold = _objection(panel, kind, columns, scores)
    return Evidence(kind, reason, score, threshold, None if wrong is None else names[wrong], response)


def _wrong(
    judges: Judges, embedding: NDArray[np.float32] | None, columns: list[int]
) -> tuple[int | None, float | None]:
    if embedding is None or not embedding.size:
        return None, None
    responses = (judges.space.place(embedding[None]) @ judges.weights)[0]
    wrong = nearest_wrong(responses, columns)
    return wrong, None if wrong is None else round(float(responses[wrong]), 6)


def _objection(
    panel: JudgePanel, kind: str, columns: list[int], scores: Mapping[str, float]
) -> tuple[float | None, float | None]:
    """The number that a judge objected to, and the strictest threshold of the labels; None and None without any."""
    assert panel.judges is not None
    own = [panel.judges.thresholds[column] for column in columns]
    thresholds: dict[str, tuple[str, list[float | None]]] = {
        "label": ("agreement", [threshold.response for threshold in own]),
        "unlike": ("distance", [threshold.distance for threshold in own]),
        "copy": ("copy_correlation", [panel.judges.copies.correlation]),
    }
    if panel.texts is not None and panel.texts.rule == "synthio":
        thresholds["text"] = ("text_score", [panel.texts.least_score])
    elif panel.texts is not None:
        thresholds["text"] = ("text_cosine", [panel.texts.thresholds[column].cosine for column in columns])
    name, limits = thresholds.get(kind, ("", []))
    known = [limit for limit in limits if limit is not None]
    if name not in scores or not known:
        return None, None
    return scores[name], min(known) if kind == "unlike" else max(known)
