"""How many real clips can be saved: a share of the real clips, and always as many synthetic ones.

At a share ``s`` the runs make ``times / s`` clips for each real one that is left, so that their number is that of the
full set everywhere. A generator that starts from real clips has fewer to start from at a small share, as it would in
practice. At 0 % the classifier learns from synthetic clips alone, made and judged with all real clips at hand.

Source:
    Feng et al. 2024 (SynthAudio), arXiv:2406.08800, figure 3 (no value was published as a number). Theirs drew clips
    without looking at labels; here labels keep their proportions, with at least one clip of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from menura.config import AmountSettings
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.arm_table import REAL_ARMS
from menura.studies.bench.compare import Comparison, Side, comparisons
from menura.studies.bench.condition import Condition, Measured
from menura.studies.bench.report import StudyReport, report_of
from menura.studies.settings import EvaluationSettings

__all__ = ["ARMS", "PERCENTS", "TIMES", "mixed", "mixed_report"]

PERCENTS = (0.0, 10.0, 25.0, 50.0, 75.0, 100.0)
TIMES = 1.0
"""Synthetic clips for each clip of the full real set, unless told otherwise."""
ARMS = ("real", "oversample", "synthetic")
_ALONE = "synthetic-only"


def mixed(base: EvaluationSettings, percents: Sequence[float] = PERCENTS) -> tuple[Condition, ...]:
    """A condition for each share; that of all real clips also tells what 0 % reaches.

    Args:
        base: Arms, seeds and runs.
        percents: Shares of the real clips in percent, rising; 100 is among them.

    Raises:
        ConfigError: They do not rise from 0 or more to 100, or the amount tops labels up to the largest.
    """
    if list(percents) != sorted(set(percents)) or not percents or percents[0] < 0 or percents[-1] != 100:
        raise ConfigError(f"percents are {[f'{p:g}' for p in percents]}, expected rising numbers from 0 or more to 100")
    if base.run.amount.balance:
        raise ConfigError("the synthetic clips are as many at each share; give --times or a number for each label")
    shares = [percent for percent in percents if percent > 0]
    return tuple(Condition(f"{p:g}", _at(base, p / 100, alone=p == 100 and percents[0] == 0)) for p in shares)


def mixed_report(dataset: Dataset, measured: Sequence[Measured]) -> StudyReport:
    """Rows by share, and synthetic clips with each share against all real clips without any."""
    full = measured[-1]
    rest = {arm: cells for arm, cells in full.table.cells.items() if arm != _ALONE}
    parts = [*measured[:-1], replace(full, table=replace(full.table, cells=rest))]
    if _ALONE in full.table.cells:
        alone = replace(full.table, cells={"synthetic": full.table.cells[_ALONE]})
        parts.insert(0, replace(full, condition=replace(full.condition, point="0"), table=alone))
    of_zero = ["at 0 % the clips were made and judged with all real clips at hand; the classifier saw none"]
    return report_of(
        "mixed", parts, question="How many real clips do synthetic ones save?", axis="real clips in percent",
        of=parts[-1], notes=of_zero if _ALONE in full.table.cells else [],
        more={"at-the-same-share": _worth(parts)},
    )  # fmt: skip


def _worth(parts: Sequence[Measured]) -> tuple[Comparison, ...]:
    """At each share with and without synthetic clips."""
    pairs = []
    for one in parts:
        if any(arm in one.table.cells for arm in REAL_ARMS):
            best = one.table.best_baseline
            made = [arm for arm in one.table.cells if arm not in REAL_ARMS]
            pairs += [(Side(f"{arm} {one.condition.point} %", one, arm), Side(best, one, best)) for arm in made]
    return comparisons(pairs)


def _at(base: EvaluationSettings, share: float, *, alone: bool) -> EvaluationSettings:
    amount = base.run.amount
    if amount.per_label is None and amount.by_label is None:
        amount = AmountSettings(times=(amount.times or TIMES) / share)
    arms = (*base.arms, *([_ALONE] if alone and _ALONE not in base.arms else []))
    run = base.run.model_copy(update={"amount": amount})
    return base.model_copy(update={"run": run, "arms": arms, "real_share": share})
