"""The outcome, and what it is in words: helped, hurt or undecided, by how much, for which labels.

A gain counts over the best that real clips alone allow: the baseline is the arm of real clips with the highest mean.
The synthetic arm with the highest mean stands against it, and its p-value pays for having been picked (Holm, over the
synthetic arms). It helped, or hurt, when the 95 % interval excludes zero **and** the corrected p-value is below 0.05:
the interval is not widened for the arms that were tried, and the p-value knows seeds and folds only through their
variance. Where nothing is to be gained this says "helped" in at most 5 % of all evaluations
(``benchmarks/false_positives.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from menura.classify.results import Difference, LabelGain
from menura.metrics.statistics import Interval

__all__ = ["ALPHA", "METRIC_NAMES", "outcome_of", "p_text", "points", "span", "verdict_text"]

ALPHA = 0.05
MAX_LABELS_NAMED = 4
METRIC_NAMES = {
    "accuracy": "accuracy", "macro_f1": "macro-F1", "uar": "UAR", "mean_average_precision": "mAP",
}  # fmt: skip


def outcome_of(decisive: Difference) -> str:
    """``helped``, ``hurt`` or ``undecided``, from the difference behind the verdict."""
    low, high = decisive.interval
    p = decisive.p if decisive.p_corrected is None else decisive.p_corrected
    if p < ALPHA and low > 0:
        return "helped"
    if p < ALPHA and high < 0:
        return "hurt"
    return "undecided"


def compared(difference: Difference) -> str:
    """``better``, ``worse`` or ``cannot be told apart``: the outcome of a comparison that is no verdict."""
    return {"helped": "better", "hurt": "worse", "undecided": "cannot be told apart"}[outcome_of(difference)]


def verdict_text(
    differences: Sequence[Difference],
    labels: Sequence[LabelGain],
    *,
    metric: str,
    baseline_mean: float,
    power: str = "",
) -> str:
    """The verdict in a few sentences.

    Args:
        differences: The pair behind the verdict first.
        labels: Gains of the labels for that pair.
        metric: Name of the metric that decides.
        baseline_mean: What the best arm of real clips alone reached.
        power: What could have been seen, one sentence; told where the outcome is undecided.
    """
    first = differences[0]
    outcome = outcome_of(first)
    name = METRIC_NAMES[metric]
    reached = f"{100 * (baseline_mean + first.gain):.1f} %"
    p = p_text(first.p if first.p_corrected is None else first.p_corrected)
    measured = f"{points(first.gain)} points (95 % interval {span(first.interval)}, {p})"
    rest = f"{first.baseline!r} ({100 * baseline_mean:.1f} %), the best that real clips alone allow"
    if outcome == "helped":
        head = f"Helped: {first.arm!r} reaches {reached} {name} and beats {rest}: {measured}."
    elif outcome == "hurt":
        head = f"Hurt: {first.arm!r} reaches {reached} {name} and falls behind {rest}: {measured}."
    else:
        head = f"Undecided: {first.arm!r} ({reached} {name}) cannot be told apart from {rest}: {measured}."
    could = [power] if power and outcome == "undecided" else []
    return " ".join([head, *could, *_labels(labels), *_others(differences, outcome)])


def _labels(labels: Sequence[LabelGain]) -> list[str]:
    """Labels that change beyond what looking at so many of them explains, the largest change first."""
    up = sorted((label for label in labels if _is_sure(label) and label.gain > 0), key=lambda label: -label.gain)
    down = sorted((label for label in labels if _is_sure(label) and label.gain < 0), key=lambda label: label.gain)
    sentences = []
    if up:
        sentences.append(f"Recall rises for {_named(up)}.")
    if down:
        sentences.append(f"Recall falls for {_named(down)}.")
    if (up or down) and len(labels) > 1:
        sentences.append(f"({len(labels)} labels were looked at, and p corrected for that.)")
    if not up and not down:
        looked = f"Of {len(labels)} labels looked at, none" if len(labels) > 1 else "No single label"
        sentences.append(f"{looked} changes beyond what chance explains.")
    return sentences


def _is_sure(label: LabelGain) -> bool:
    away = label.interval[0] > 0 or label.interval[1] < 0
    return away and (label.p_corrected is None or label.p_corrected < ALPHA)


def _named(labels: Sequence[LabelGain]) -> str:
    shown = [f"{item.label} ({points(item.gain)}: {span(item.interval)})" for item in labels[:MAX_LABELS_NAMED]]
    more = len(labels) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _others(differences: Sequence[Difference], outcome: str) -> list[str]:
    """The other synthetic arm, where it says something else."""
    sentences = []
    for difference in differences[1:]:
        if difference.p_corrected is None or outcome_of(difference) == outcome:
            continue
        words = {"helped": "beats it", "hurt": "falls behind it", "undecided": "cannot be told apart from it"}
        sentences.append(
            f"{difference.arm!r} {words[outcome_of(difference)]} ({points(difference.gain)} points, "
            f"{span(difference.interval)})."
        )
    return sentences


def points(fraction: float) -> str:
    """A difference in percentage points with its sign."""
    return f"{100 * fraction:+.1f}"


def span(interval: Interval) -> str:
    """An interval in percentage points."""
    return f"{points(interval[0])} to {points(interval[1])}"


def p_text(value: float) -> str:
    """A p-value to three digits."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
