"""How the judges' thresholds would move if they followed the reviewers, and whether that is more than luck.

A clip passes when its agreement with the label reaches a threshold (or the classifier puts the label first) and its
distance to the real clips stays below another. Both thresholds move: the one by an amount that is added, the other by a
factor, so that they stay tied to the real clips when the judges are calibrated again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.config import ThresholdShift
from menura.decisions import Ledger
from menura.errors import RunError
from menura.files import disk_errors, write_text
from menura.judge.calibrate import LabelThreshold, own_share
from menura.judge.panel_file import read_thresholds
from menura.review.catalogue import REVIEW_FOLDER, Catalogue

__all__ = ["Point", "Recalibration", "fit_shift", "points_of", "recalibrate", "write_shifts"]

SETTINGS_NAME = "judge.toml"
_LEAST_OF_EACH = 5
_PARTS = 5
_MOST_CUTS = 40


@dataclass(frozen=True, slots=True)
class Point:
    """One reviewed clip as the two thresholds see it.

    Attributes:
        label: That it was made for.
        slack: Agreement above the threshold of the label; infinite where the classifier puts the label first.
        ratio: Distance as a share of the greatest that passes.
        good: Whether reviewers say that it is of its label.
        part: Which of five parts it is held out with; clips of one parent share a part.
    """

    label: str
    slack: float
    ratio: float
    good: bool
    part: int


@dataclass(frozen=True, slots=True)
class Recalibration:
    """What reviewers teach the judges.

    Attributes:
        good, bad: Reviewed clips that are of their label, and that are not.
        now: Balanced accuracy of the present thresholds on them; 0.5 is worth nothing.
        then: Of moved thresholds on clips that were held out while they were moved.
        helps: Whether that is better.
        shifts: Label to how its thresholds would move.
    """

    good: int
    bad: int
    now: float
    then: float
    helps: bool
    shifts: dict[str, ThresholdShift]


def recalibrate(catalogue: Catalogue, ledger: Ledger) -> Recalibration:
    """Move the thresholds of a run towards what its reviewers said.

    Raises:
        RunError: The run has no such judges, or too little was decided.
    """
    thresholds = {one.label: one for one in read_thresholds(catalogue.folder / "judge")}
    points = points_of(catalogue, ledger, thresholds)
    good = sum(point.good for point in points)
    bad = len(points) - good
    if min(good, bad) < _LEAST_OF_EACH:
        raise RunError(
            f"{good} clips that the judges measured were accepted and {bad} rejected; at least {_LEAST_OF_EACH} of "
            "each are needed: go on with `menura review`, and listen to rejected clips too (filter: state)"
        )
    still = {label: ThresholdShift() for label in thresholds}
    then = [
        (point, passed)
        for part in range(_PARTS)
        for held in [[point for point in points if point.part == part]]
        for point, passed in zip(held, _pass(held, _shifts([one for one in points if one.part != part])), strict=True)
    ]
    before = _balanced(points, _pass(points, still))
    after = _balanced([point for point, _ in then], [passed for _, passed in then])
    shifts = {label: shift for label, shift in _shifts(points).items() if label in thresholds}
    return Recalibration(good, bad, before, after, after > before, shifts)


def points_of(catalogue: Catalogue, ledger: Ledger, thresholds: Mapping[str, LabelThreshold]) -> list[Point]:
    """Reviewed clips that a judge has measured; disputed ones are left out."""
    points = []
    for request in ledger.requests:
        item, said = catalogue.by_id.get(request), ledger.consensus(request)
        if item is None or said.accepted is None:
            continue
        limit = thresholds.get(item.label)
        agreement, distance = item.scores.get("agreement"), item.scores.get("distance")
        if limit is None or limit.response is None or not limit.distance or agreement is None or distance is None:
            continue
        recognised = item.scores.get("margin", -1.0) >= 0
        unit = item.parents[0] if item.parents else item.id
        points.append(
            Point(
                item.label, np.inf if recognised else agreement - limit.response, distance / limit.distance,
                bool(said.accepted and item.label in said.labels),
                hashlib.sha256(unit.encode()).digest()[0] % _PARTS,
            )
        )  # fmt: skip
    return points


def fit_shift(points: Sequence[Point]) -> ThresholdShift:
    """The shift that tells good from bad clips best (balanced accuracy); of equal ones the smallest.

    No shift where there are only good or only bad ones.
    """
    if len({point.good for point in points}) < 2:
        return ThresholdShift()
    slack, ratio = (np.array([getattr(point, name) for point in points]) for name in ("slack", "ratio"))
    good = np.array([point.good for point in points])
    best = (-1.0, 0.0, ThresholdShift())
    for response, distance in product(_cuts(slack, 0.0), _cuts(ratio, 1.0)):
        passed = (slack >= response) & (ratio <= distance)
        score = (passed[good].mean() + (~passed[~good]).mean()) / 2
        moved = abs(response) + abs(np.log(distance))
        if (round(score, 12), -moved) > best[:2]:
            best = (round(score, 12), -moved, ThresholdShift(response=round(response, 6), distance=round(distance, 6)))
    return best[2]


def write_shifts(catalogue: Catalogue, made: Recalibration) -> Path:
    """Write the moved thresholds as settings of a later run (``menura augment … -c FILE``)."""
    path = catalogue.folder / REVIEW_FOLDER / SETTINGS_NAME
    lines = [
        f"# {made.good} clips accepted and {made.bad} rejected by ear; balanced accuracy of the judges on them",
        f"# {made.now:.3f} before, {made.then:.3f} with moved thresholds on clips held out.",
    ]
    for label, shift in made.shifts.items():
        name = json.dumps(label, ensure_ascii=False).replace("\x7f", "\\u007f")
        lines += ["", f"[judge.thresholds.{name}]", *(f"{key} = {value!r}" for key, value in asdict_of(shift).items())]
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, "\n".join(lines) + "\n")
    return path


def asdict_of(shift: ThresholdShift) -> dict[str, float]:
    """Its two numbers."""
    return {"response": shift.response, "distance": shift.distance}


def as_json(made: Recalibration) -> dict[str, object]:
    """For ``--json``."""
    return {**asdict(made), "shifts": {label: asdict_of(shift) for label, shift in made.shifts.items()}}


def _shifts(points: Sequence[Point]) -> dict[str, ThresholdShift]:
    """Shifts of each label: its own as far as its clips are many, else that of all labels together."""
    pooled = fit_shift(points)
    found = {}
    for label in dict.fromkeys(point.label for point in points):
        own = [point for point in points if point.label == label]
        share = own_share(len(own)) if len({point.good for point in own}) == 2 else 0.0
        mine = fit_shift(own)
        found[label] = ThresholdShift(
            response=round(pooled.response + share * (mine.response - pooled.response), 6),
            distance=round(pooled.distance * (mine.distance / pooled.distance) ** share, 6),
        )
    return found


def _pass(points: Sequence[Point], shifts: Mapping[str, ThresholdShift]) -> list[bool]:
    limits = [shifts.get(point.label, ThresholdShift()) for point in points]
    return [
        point.slack >= limit.response and point.ratio <= limit.distance
        for point, limit in zip(points, limits, strict=True)
    ]


def _balanced(points: Sequence[Point], passed: Sequence[bool]) -> float:
    right = [[ok == point.good for point, ok in zip(points, passed, strict=True) if point.good is kind]
             for kind in (True, False)]  # fmt: skip
    return float(np.mean([np.mean(some) for some in right if some]))


def _cuts(values: NDArray[np.float64], still: float) -> list[float]:
    """Where a threshold can lie: where it is, and between neighbouring values."""
    known = np.unique(values[np.isfinite(values)])
    middles = (known[1:] + known[:-1]) / 2
    if len(middles) > _MOST_CUTS:
        middles = np.quantile(middles, np.linspace(0, 1, _MOST_CUTS))
    return [still, *map(float, middles)]
