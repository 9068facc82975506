"""The judges that listen: does a candidate agree with its label, is it like the real clips, is it a copy of one?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.backends.base import Encoder, Parents
from menura.config import ThresholdShift
from menura.judge.agreement import Space, fit_labels, held_out_units, margin, space_of
from menura.judge.calibrate import LabelThreshold, label_thresholds, nearest_of_label
from menura.judge.copies import CopyRule, best_match, calibrate_copies
from menura.judge.reference import References, copy_pairs, real_pairs

__all__ = ["Hearing", "Judges", "fit_judges", "nearest_wrong"]

_TYPICAL_PERCENTILE = 95


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard of one candidate, before any threshold.

    Attributes:
        column: The label of the candidate that it agrees with least.
        wrong: The label that the classifier puts first of those that the candidate does not carry; None without one.
        wrong_response: Its response; 0 without one.
        agreement: Response of the classifier for that least label.
        margin: Least response of its labels over the greatest of the others.
        distance: To the nearest real clip of its labels; the greatest over its labels.
        copy_row: The real clip that it may be a copy of.
        copy_distance, copy_correlation: How near and how alike that clip is.
    """

    column: int
    wrong: int | None
    wrong_response: float
    agreement: float
    margin: float
    distance: float
    copy_row: int
    copy_distance: float
    copy_correlation: float

    @property
    def scores(self) -> dict[str, float]:
        """The numbers as scores of a judgement."""
        names = ("agreement", "margin", "distance", "copy_distance", "copy_correlation")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Judges:
    """Classifier, thresholds and copy rule of one training part.

    Attributes:
        space: Where embeddings are compared.
        placed: The training clips there ``[n, dim]``.
        weights: Linear classifier ``[dim, labels]``.
        thresholds: One per label, in the order of the references' labels.
        copies: When a clip is a copy.
        typical_distance: 95th percentile of the distances between different real clips.
    """

    space: Space
    placed: NDArray[np.float32]
    weights: NDArray[np.float32]
    thresholds: tuple[LabelThreshold, ...]
    copies: CopyRule
    typical_distance: float

    def hear(
        self,
        embedding: NDArray[np.float32],
        signature: NDArray[np.int8],
        *,
        columns: Sequence[int],
        parents: Sequence[int],
        references: References,
    ) -> Hearing:
        """Compare one candidate with the real clips.

        Args:
            embedding: ``[dim]``.
            signature: Its course in time.
            columns: Its labels.
            parents: Rows of its parents.
            references: The real clips.
        """
        place = self.space.place(embedding[None])
        responses = place @ self.weights
        targets = np.zeros(responses.shape, dtype=bool)
        targets[0, columns] = True
        distances = np.sqrt(np.square(self.placed - place).sum(axis=1))
        least = min(columns, key=lambda column: responses[0, column] - (self.thresholds[column].response or 0.0))
        wrong = nearest_wrong(responses[0], columns)
        row, alike = best_match(signature, references.signatures, distances, named=parents, limit=self.copies.distance)
        return Hearing(
            column=least,
            wrong=wrong,
            wrong_response=0.0 if wrong is None else float(responses[0, wrong]),
            agreement=float(responses[0, least]),
            margin=float(margin(responses, targets)[0]),
            distance=max(float(distances[references.targets[:, column]].min()) for column in columns),
            copy_row=row,
            copy_distance=float(distances[row]),
            copy_correlation=alike,
        )

    def reason(self, heard: Hearing, references: References) -> str:
        """Why the candidate is rejected, in words with numbers; empty when it passes."""
        threshold, rule = self.thresholds[heard.column], self.copies
        if threshold.response is not None and heard.agreement < threshold.response and heard.margin < 0:
            told = (
                f"label: its agreement with '{threshold.label}' is {heard.agreement:.2f}, at least "
                f"{threshold.response:.2f} expected"
            )
            if heard.wrong is None:
                return told
            return f"{told}; it is more like '{references.labels[heard.wrong]}' ({heard.wrong_response:.2f})"
        if threshold.distance is not None and heard.distance > threshold.distance:
            return (
                f"unlike: its distance to the nearest real '{threshold.label}' is {heard.distance:.2f}, at most "
                f"{threshold.distance:.2f} expected"
            )
        if heard.copy_distance <= rule.distance and heard.copy_correlation >= rule.correlation:
            return (
                f"copy: nearly the real clip {references.ids[heard.copy_row]} (correlation "
                f"{heard.copy_correlation:.2f}, below {rule.correlation:.2f} expected)"
            )
        return ""


def nearest_wrong(responses: NDArray[np.float32], columns: Sequence[int]) -> int | None:
    """The label with the greatest of the responses ``[labels]`` but for those that a clip carries; None without one."""
    others = [column for column in range(len(responses)) if column not in columns]
    return max(others, key=lambda column: float(responses[column]), default=None)


def fit_judges(
    references: References,
    embeddings: NDArray[np.float32],
    groups: Sequence[str | None],
    *,
    parents: Parents,
    encoder: Encoder,
    acceptance: float,
    shifts: Mapping[str, ThresholdShift] | None = None,
) -> Judges:
    """Fit the classifier and calibrate every threshold on the real clips.

    Args:
        references: The real clips.
        embeddings: Theirs ``[n, dim]``.
        groups: Group of each, or None.
        parents: Gives their recordings.
        encoder: Gives embeddings of trivially changed copies.
        acceptance: Share of held-out real clips that each threshold lets pass.
        shifts: Label to how its thresholds move afterwards.

    Raises:
        ConfigError: A shift names a label that there is not.
    """
    space = space_of(embeddings)
    placed = space.place(embeddings)
    units = held_out_units(references.targets, groups)
    fit = fit_labels(placed, references.targets, units)
    pairs, nearest, distances = real_pairs(references, placed)
    typical = float(np.percentile(distances, _TYPICAL_PERCENTILE)) if distances.size else 0.0
    thresholds = label_thresholds(
        references.labels,
        fit.held_out,
        references.targets,
        nearest_of_label(placed, references.targets, units),
        typical_distance=typical,
        acceptance=acceptance,
        shifts=shifts,
    )
    rule = calibrate_copies(copy_pairs(references, placed, space, parents, encoder), pairs, nearest)
    return Judges(space, placed, fit.weights, thresholds, rule, typical)
