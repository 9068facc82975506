"""Every rare label before and after: recall with real clips, with the best they allow, and with synthetic ones.

On data that is imbalanced by nature labels are topped up to the size of the largest (``balance``), unless an amount is
given. On balanced data a long tail is drawn, ``largest * ratio ** -(k / (labels - 1))`` clips of label ``k``, with the
order of the labels drawn by fold and seed; no label is then rare everywhere.

Source:
    Ghosh et al. 2025 (Synthio), arXiv:2410.02056, figure 5, which shows four labels; here none is left out. The
    exponential profile is that of Cui et al. 2019, arXiv:1901.05555.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from menura.config import AmountSettings
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.bench.condition import Condition, Measured
from menura.studies.bench.label_rows import LabelRow, label_rows
from menura.studies.bench.report import StudyReport, report_of
from menura.studies.settings import EvaluationSettings
from menura.studies.verdict import points

__all__ = ["ARMS", "long_tail", "long_tail_report"]

ARMS = ("real", "oversample", "classic", "synthetic")
TAIL = 1.5
"""Labels whose sizes differ by less than this factor have no tail."""
_BALANCE = AmountSettings(balance=True)


def long_tail(
    base: EvaluationSettings, dataset: Dataset, *, largest: int | None = None, ratio: float | None = None
) -> tuple[Condition, ...]:
    """One evaluation.

    Args:
        base: Arms, seeds and runs; without an amount labels are topped up to the size of the largest.
        dataset: Labelled real clips.
        largest, ratio: Of a drawn tail: real training clips of the largest label, and its size over that of the
            smallest; None takes the clips as they are.

    Raises:
        ConfigError: Only one of both is given, or the labels have no tail to be topped up.
    """
    if (largest is None) != (ratio is None) or (ratio is not None and ratio < 1) or (largest or 1) < 1:
        raise ConfigError(
            f"a drawn tail needs its largest label and a ratio of 1 or more, found largest={largest}, ratio={ratio}; "
            "give both, e.g. --largest 20 --tail-ratio 10"
        )
    run = base.run
    if run.amount == AmountSettings():
        run = run.model_copy(update={"amount": _BALANCE})
    counts = [count for count in dataset.counts().values() if count]
    most, least = (largest or 1, (largest or 1) / (ratio or 1)) if ratio is not None else (max(counts), min(counts))
    if run.amount.balance and most < TAIL * least:
        raise ConfigError(
            f"labels have {least:g} to {most:g} clips: there is no tail to be topped up. Give --largest and "
            "--tail-ratio to draw one, or --times to look at balanced labels"
        )
    changed = {"run": run, "real_per_label": largest, "tail_ratio": ratio}
    return (Condition("all", base.model_copy(update=changed)),)


def long_tail_report(dataset: Dataset, measured: Sequence[Measured]) -> StudyReport:
    """Rows by arm, and every label, the largest first."""
    one = measured[0]
    arm = "synthetic" if "synthetic" in one.table.cells else one.table.synthetic_arms[0]
    rows = label_rows(one, arm)
    settings = one.condition.settings
    drawn = ["the order of the labels is drawn by fold and seed: each label is rare in some and frequent in others"]
    return report_of(
        "long-tail", measured, question="Which labels gain, and do the rare ones?", axis="labels",
        notes=[*_in_words(rows, arm), *(drawn if settings.tail_ratio else [])], more={"by-label": rows},
    )  # fmt: skip


def _in_words(rows: Sequence[LabelRow], arm: str) -> list[str]:
    """How many labels went where, and what the rarer half gained."""
    known = [row for row in rows if not np.isnan(row.gain)]
    lost = [row.label for row in rows if np.isnan(row.gain)]
    count = {name: sum(row.outcome == name for row in known) for name in ("up", "down", "open")}
    first = (
        f"{arm!r} against the best that real clips alone allow: {count['up']} of {len(known)} labels gained, "
        f"{count['down']} lost, {count['open']} cannot be told (interval and Holm over labels)"
    )
    said = [first]
    middle = float(np.median([row.clips for row in known])) if known else 0.0
    for name, part in (
        ("fewer", [row.gain for row in known if row.clips < middle]),
        ("as many or more", [row.gain for row in known if row.clips >= middle]),
    ):
        if part:
            gained = points(float(np.mean(part)))
            said.append(f"labels with {name} clips than the median ({middle:g}): {gained} points on average")
    never = [row for row in known if row.baseline == 0]
    if never:
        risen = sum(row.synthetic > 0 for row in never)
        said.append(f"labels with a recall of 0 before: {len(never)}; of these with more now: {risen}")
    return [*said, *([f"no test clip in these folds: {', '.join(lost)}"] if lost else [])]
