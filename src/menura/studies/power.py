"""What the evaluation could have seen, as a record and in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from menura.metrics.power import ALPHA, POWER, more_clips, more_folds, more_seeds, seen_gain
from menura.studies.summary import Table

__all__ = ["GAINS", "power_record", "power_sentence"]

GAINS = (0.01, 0.02, 0.05)
"""Gains that are looked at beside the measured one."""
LEAST_GAIN = 0.005
"""A measured gain below half a point is not worth a plan; the next of :data:`GAINS` is told of instead."""
MANY = 100_000


def power_record(table: Table) -> dict[str, Any]:
    """The ``power`` record of ``evaluation.json``; empty where both arms gave the very same answers.

    Its fields: ``arm``, ``baseline``, ``gain``; ``detectable``, the gain that is seen with a power of 80 % at 5 %
    corrected for ``comparisons`` synthetic arms; ``test_clips``, ``folds``, ``seeds``; ``shares`` of the variance; and
    ``targets``: for the measured gain and for 1, 2 and 5 points how many more clips, seeds or folds would show it, 0
    where it can be seen already and None where that alone never would.
    """
    arm, baseline = table.synthetic_arms[0], table.best_baseline
    parts = table.components(arm, baseline)
    if parts.variance == 0:
        return {}
    gain, comparisons = table.mean(arm) - table.mean(baseline), len(table.synthetic_arms)
    num_folds, num_seeds = table.values(arm).shape
    num_clips = sum(len(split.test) for split in table.splits)
    targets = [
        {
            "gain": size,
            "measured": measured,
            "more_clips": more_clips(parts, size, num_clips=num_clips, comparisons=comparisons),
            "more_seeds": more_seeds(parts, size, num_seeds=num_seeds, comparisons=comparisons),
            "more_folds": more_folds(parts, size, num_folds=num_folds, comparisons=comparisons),
        }
        for size, measured in [*([(abs(gain), True)] if gain else []), *((size, False) for size in GAINS)]
    ]
    record = {
        "arm": arm, "baseline": baseline, "gain": gain, "detectable": seen_gain(parts, comparisons=comparisons),
        "power": POWER, "alpha": ALPHA, "comparisons": comparisons,
        "test_clips": num_clips, "folds": num_folds, "seeds": num_seeds,
        "shares": {name: getattr(parts, name) / parts.variance for name in ("folds", "seeds", "clips")},
        "targets": targets,
    }  # fmt: skip
    return {**record, "sentence": power_sentence(record)}


def power_sentence(record: Mapping[str, Any]) -> str:
    """``With these 80 test clips a gain under 4.1 points cannot be seen; about 240 more would show …``"""
    seen = record["detectable"]
    start = f"With these {record['test_clips']} test clips a gain under {100 * seen:.1f} points cannot be seen"
    target = _target(record["targets"], seen)
    if target is None:
        return f"{start}."
    if target["measured"] and target["gain"] >= seen:
        return f"{start}; what was measured here is of that size, so somewhat more of them may decide."
    what = f"the {100 * target['gain']:.1f} points measured here" if target["measured"] else (
        f"one of {100 * target['gain']:g} points"
    )  # fmt: skip
    if target["more_clips"] is not None:
        return f"{start}; about {_rounded(target['more_clips'])} more would show {what}."
    start += f"; more of them alone would not show {what}"
    if target["more_seeds"]:
        return f"{start}, about {_rounded(target['more_seeds'])} more seeds would."
    if target["more_folds"]:
        return f"{start}, about {_rounded(target['more_folds'])} more folds like these would."
    return f"{start}, nor would more seeds alone: it takes more of both."


def _target(targets: list[Mapping[str, Any]], seen: float) -> Mapping[str, Any] | None:
    """The measured gain, unless it is too small to be worth a plan; else the largest round one that is not seen yet."""
    for target in targets:
        if target["measured"] and target["gain"] >= LEAST_GAIN:
            return target
    return max((one for one in targets if one["gain"] < seen), key=lambda one: float(one["gain"]), default=None)


def _rounded(count: int) -> str:
    """Two digits, rounded up: the estimate carries no more."""
    if count > MANY:
        return f"{MANY:,} or"
    step = 10 ** max(len(str(count)) - 2, 0)
    return f"{-(-count // step) * step:,}"
