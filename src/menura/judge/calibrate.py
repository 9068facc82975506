"""Thresholds from real clips: what a held-out real clip of the label would pass, a candidate passes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.config import ThresholdShift
from menura.errors import ConfigError
from menura.judge.agreement import margin

__all__ = ["LabelThreshold", "label_thresholds", "nearest_of_label", "own_share", "real_quantile"]

_OWN_FROM = 10
"""Clips of a label from which its own distribution begins to count."""


@dataclass(frozen=True, slots=True)
class LabelThreshold:
    """When a candidate agrees with a label.

    Attributes:
        label: Which one.
        num_clips: Real training clips of it.
        own_share: How much its own clips decide the thresholds; the rest is pooled over all labels.
        response: Least response of the classifier; None when no real clip could be held out.
        distance: Greatest distance to the nearest real clip of the label; None likewise.
        real_pass: Share of its real clips that pass both when held out; None likewise.
        real_recognised: Share of its real clips that the classifier gives their own label when held out.
    """

    label: str
    num_clips: int
    own_share: float
    response: float | None
    distance: float | None
    real_pass: float | None
    real_recognised: float | None


def real_quantile(values: NDArray[np.float64], acceptance: float) -> float:
    """Greatest threshold that a new value of the same kind reaches with probability ``acceptance`` or more.

    The ``floor((1 - acceptance) (n + 1))``-th smallest, counted from 0: the conformal quantile, which is the minimum
    for few values.
    """
    ordered = np.sort(values)
    return float(ordered[min(math.floor((1 - acceptance) * (len(ordered) + 1) + 1e-9), len(ordered) - 1)])


def own_share(num_clips: int) -> float:
    """How much a label's own clips decide its thresholds: ``(n - 10) / (n + 10)``, 0 up to 10 clips."""
    return max(0, num_clips - _OWN_FROM) / (num_clips + _OWN_FROM)


def nearest_of_label(placed: NDArray[np.float32], targets: NDArray[np.bool_], units: list[str]) -> NDArray[np.float64]:
    """Distance of each clip to the nearest one of another unit with any of its labels ``[n]``; inf without one."""
    names = np.array(units)
    nearest = np.full(len(placed), np.inf)
    for row, one in enumerate(placed):
        others = (targets & targets[row]).any(axis=1) & (names != names[row])
        if others.any():
            nearest[row] = np.sqrt(np.square(placed[others] - one).sum(axis=1).min())
    return nearest


def label_thresholds(
    labels: tuple[str, ...],
    held_out: NDArray[np.float64],
    targets: NDArray[np.bool_],
    nearest: NDArray[np.float64],
    *,
    typical_distance: float,
    acceptance: float,
    shifts: Mapping[str, ThresholdShift] | None = None,
) -> tuple[LabelThreshold, ...]:
    """Thresholds of each label: quantiles of its real clips when held out, shrunk towards those of all clips.

    A clip passes when its response reaches the threshold, *or* the classifier puts its label first: a clip that is
    recognised is not of another label, however unlike the few known ones it is. The distance is not stricter than
    ``typical_distance``.

    Args:
        labels: Names.
        held_out: Responses to held-out clips ``[n, labels]``.
        targets: Which labels each clip carries ``[n, labels]``.
        nearest: Result of :func:`nearest_of_label`.
        typical_distance: How far apart different real clips commonly are, whatever their labels.
        acceptance: Share of real clips that each threshold lets pass.
        shifts: Label to how its thresholds move afterwards.

    Raises:
        ConfigError: A shift names a label that there is not.
    """
    shifts = shifts or {}
    unknown = sorted(set(shifts) - set(labels))
    if unknown:
        raise ConfigError(
            f"judge.thresholds names the label {unknown[0]!r}, which no training clip has; take it out of the settings"
        )
    usable = np.isfinite(nearest)
    recognised = margin(held_out, targets) >= 0
    all_responses = held_out[usable][targets[usable]]
    rows = []
    for column, label in enumerate(labels):
        members = targets[:, column]
        own = members & usable
        if not all_responses.size:
            rows.append(LabelThreshold(label, int(members.sum()), 0.0, None, None, None, None))
            continue
        share = own_share(int(own.sum()))
        response = real_quantile(all_responses, acceptance)
        distance = -real_quantile(-nearest[usable], acceptance)
        if share:
            response += share * (real_quantile(held_out[own, column], acceptance) - response)
            distance += share * (-real_quantile(-nearest[own], acceptance) - distance)
        distance = max(distance, typical_distance)
        if label in shifts:
            response, distance = response + shifts[label].response, distance * shifts[label].distance
        passed = ((held_out[own, column] >= response) | recognised[own]) & (nearest[own] <= distance)
        rows.append(
            LabelThreshold(
                label, int(members.sum()), share, response, distance,
                float(passed.mean()) if own.any() else None, float(recognised[own].mean()) if own.any() else None,
            )
        )  # fmt: skip
    return tuple(rows)
