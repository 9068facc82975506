"""The outcome, and what it is in words: helped, hurt or undecided, by how much, for which labels.

A gain counts over the best that real clips alone allow: the baseline is the arm of real clips with the highest mean.
The synthetic arm with the highest mean stands against it, and its p-value pays for having been picked (Holm, over the
synthetic arms). It helped, or hurt, when the 95 % interval excludes zero **and** the corrected p-value is below 0.05;
the interval knows that the cells of a fold hang together, which the permutation test assumes away.
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


def verdict_text(
    differences: Sequence[Difference], labels: Sequence[LabelGain], *, metric: str, baseline_mean: float
) -> str:
    """The verdict in a few sentences.

    Args:
        differences: The pair behind the verdict first.
        labels: Gains of the labels for that pair.
        metric: Name of the metric that decides.
        baseline_mean: What the best arm of real clips alone reached.
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
    return " ".join([head, *_labels(labels), *_others(differences, outcome)])


def _labels(labels: Sequence[LabelGain]) -> list[str]:
    """Labels whose own interval excludes zero, the surest first."""
    up = sorted((label for label in labels if label.interval[0] > 0), key=lambda label: -label.gain)
    down = sorted((label for label in labels if label.interval[1] < 0), key=lambda label: label.gain)
    sentences = []
    if up:
        sentences.append(f"Recall rises for {_named(up)}.")
    if down:
        sentences.append(f"Recall falls for {_named(down)}.")
    if (up or down) and len(labels) > 1:
        expected = 0.05 * len(labels)
        sentences.append(f"(Each label at 95 %: about {expected:.1f} of {len(labels)} would be named by chance.)")
    if not up and not down:
        sentences.append("No single label changes beyond what chance explains.")
    return sentences


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
