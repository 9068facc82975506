"""What to try next, from what was found. Each rule is one function that gives one sentence or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from menura.classify.results import Difference, LabelGain
from menura.config import DEFAULT_TIMES
from menura.studies.settings import EvaluationSettings

__all__ = ["Facts", "advice_for"]

FEW_SEEDS = 5
FEW_CLIPS = 5
LOW_KEEP_RATE = 0.5
MANY_TIMES, MANY_STEPS = 24, 1500
CEILING = 0.97


@dataclass(frozen=True)
class Facts:
    """What the rules look at.

    Attributes:
        outcome: ``helped``, ``hurt`` or ``undecided``.
        decisive: The difference behind the verdict.
        labels: Gains and keep-rates of the labels.
        baseline_mean: What the best arm of real clips alone reached.
        settings: What was asked for.
        smallest_label: Real training clips of the smallest label.
        metric: Metric that decides.
        num_folds: Number of folds.
        own_run: Whether a finished run was evaluated.
        doses: Dose records, smallest first.
        power: See :func:`menura.studies.power.power_record`; empty where not one answer changed.
    """

    outcome: str
    decisive: Difference
    labels: Sequence[LabelGain]
    baseline_mean: float
    settings: EvaluationSettings
    smallest_label: int
    metric: str
    num_folds: int
    own_run: bool
    doses: Sequence[Mapping[str, object]] = ()
    power: Mapping[str, Any] = field(default_factory=dict)


def advice_for(facts: Facts) -> tuple[str, ...]:
    """What to try next, the most useful first."""
    rules = (_ceiling, _power, _gentler, _linear_first, _keep_rates, _balance, _against_all, _amount, _more)
    return tuple(sentence for rule in rules if (sentence := rule(facts)))


def _power(facts: Facts) -> str:
    if facts.outcome != "undecided":
        return ""
    if not facts.power:
        return "Not one answer changed: the synthetic clips tell this classifier nothing new. A larger --delta might."
    seeds, shares = facts.settings.seeds, facts.power["shares"]
    if facts.num_folds == 1:
        return "To see a smaller gain, test on more clips, best fold by fold: menura evaluate DATA -o DIR."
    if seeds < FEW_SEEDS or shares["seeds"] > shares["clips"]:
        return f"To see a smaller gain, try --seeds {max(FEW_SEEDS, 2 * seeds)}."
    if shares["folds"] > shares["clips"]:
        return "To see a smaller gain, try more --folds: what differs most is which clips were learned from."
    return "To see a smaller gain, test on more clips: more seeds would show little more."


def _ceiling(facts: Facts) -> str:
    if facts.outcome == "helped" or facts.baseline_mean < CEILING:
        return ""
    return (
        f"Real clips alone reach {100 * facts.baseline_mean:.1f} %, which leaves little to gain: you may not need more "
        "clips. --real-per-label 5 shows what synthetic clips are worth with fewer real ones."
    )


def _gentler(facts: Facts) -> str:
    if facts.outcome != "hurt":
        return ""
    generator = facts.settings.run.generator
    now = "the preset" if generator.delta is None else f"{generator.delta:g}"
    kept = f" (now {', '.join(generator.preserve)})" if generator.preserve else ""
    return (
        f"Stay nearer to the recordings: a lower --delta than {now}, or --preserve what carries the label{kept}, e.g. "
        "pitch, tempo or speaker; check that --domain fits the sounds."
    )


def _linear_first(facts: Facts) -> str:
    if facts.settings.classifier != "cnn" or facts.smallest_label > FEW_CLIPS:
        return ""
    return (
        f"With {facts.smallest_label} clips of a label, try --classifier linear or best as well: a linear head on "
        "acoustic statistics is a hundred times as quick, and its mean with the network often beats both."
    )


def _keep_rates(facts: Facts) -> str:
    low = [item for item in facts.labels if item.keep_rate is not None and item.keep_rate < LOW_KEEP_RATE]
    if not low:
        return ""
    shown = ", ".join(
        f"{item.label} ({100 * (item.keep_rate or 0):.0f} %)"
        for item in sorted(low, key=lambda i: i.keep_rate or 0)[:4]
    )
    more = f" and {len(low) - 4} more" if len(low) > 4 else ""
    return f"Few candidates passed the judges for {shown}{more}: listen to the rejects, or lower --delta for them."


def _balance(facts: Facts) -> str:
    if facts.metric != "macro_f1" or facts.settings.run.amount.balance or facts.outcome == "helped" or facts.own_run:
        return ""
    return "The labels are imbalanced: --balance makes synthetic clips for the small labels only."


def _against_all(facts: Facts) -> str:
    if facts.outcome != "helped" or facts.settings.classifier == "best":
        return ""
    return (
        f"This is a gain for the classifier {facts.settings.classifier!r}: --classifier best shows whether it holds "
        "against the best of all classifiers."
    )


def _amount(facts: Facts) -> str:
    if facts.doses:
        best = max(facts.doses[1:], key=lambda record: float(str(record["value"])))
        return (
            f"Of the amounts tried, {best['times']:g} synthetic clips for each real one did best on these test clips "
            f"({100 * float(str(best['value'])):.1f} %); to report a number for it, test on others."
        )
    if facts.outcome == "helped" and not facts.own_run:
        return "--doses 1,3,8 shows whether more synthetic clips help more."
    return ""


def _more(facts: Facts) -> str:
    """On development clips the network had 69.1 % with 8 clips and 600 steps, 69.7 % with 24, 72.0 % with 1500 too."""
    settings, amount = facts.settings, facts.settings.run.amount
    if facts.outcome == "helped" or settings.classifier == "linear" or facts.own_run or amount.balance:
        return ""
    times = DEFAULT_TIMES if amount.times is None else amount.times
    if amount.per_label is not None or (times >= MANY_TIMES and settings.steps >= MANY_STEPS):
        return ""
    return f"A network gains from more clips and more steps together: try --times {MANY_TIMES} --steps {MANY_STEPS}."
