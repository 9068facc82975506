"""Train on synthetic clips alone, test on real ones: what a generator is worth, by amount.

Accuracy on real clips after learning from synthetic ones alone judges a generator better than a distance of embeddings
does. The ceiling is the arm ``real``: as many real clips as dose 1 has synthetic ones. Validation is on synthetic
clips, for no real clip takes part.

Source:
    Feng et al. 2024 (SynthAudio), arXiv:2406.08800, figure 2 and zero-shot recognition; Ronchini et al. 2024,
    arXiv:2403.17864, generated clips alone, 100 to 400 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from menura.datasets.dataset import Dataset
from menura.studies.bench.by_dose import by_dose, dose_name, with_doses
from menura.studies.bench.compare import Comparison, Side, comparisons
from menura.studies.bench.condition import Condition, Measured
from menura.studies.bench.generators import is_unaided, with_generators
from menura.studies.bench.report import StudyReport, report_of
from menura.studies.bench.ronchini import ronchini_cells
from menura.studies.settings import EvaluationSettings

__all__ = ["AMOUNTS", "ARMS", "zero_shot", "zero_shot_report"]

AMOUNTS = (1.0, 2.0, 3.0, 5.0)
ARMS = ("real", "synthetic-only")


def zero_shot(
    base: EvaluationSettings, amounts: Sequence[float] = AMOUNTS, generators: Sequence[str] = ()
) -> tuple[Condition, ...]:
    """A condition for each generator.

    Args:
        base: Seeds and runs; arms are ``real`` and ``synthetic-only``.
        amounts: Synthetic clips for each real one, rising.
        generators: See :func:`menura.studies.bench.generators.with_generators`.

    Raises:
        ConfigError: Amounts do not rise, or a generator is named twice.
    """
    dosed = with_doses(base.model_copy(update={"arms": ARMS}), amounts)
    return tuple(
        Condition("doses", dosed.model_copy(update={"run": run}), series=series)
        for series, run in with_generators(dosed.run, generators).items()
    )


def zero_shot_report(dataset: Dataset, measured: Sequence[Measured], amounts: Sequence[float] = AMOUNTS) -> StudyReport:
    """Rows by amount against as many real clips, and the generators against each other at each amount."""
    parts = {one.condition.series: by_dose(one, amounts) for one in measured}
    first = parts[measured[0].condition.series]
    ceiling = replace(first[0], condition=replace(first[0].condition, series=""))
    points = [ceiling, *(part for found in parts.values() for part in found[1:])]
    aided = [one.condition.series or "the generator" for one in measured if not is_unaided(one.condition.settings.run)]
    notes = [f"{', '.join(aided)}: clips are made from real training clips, so that this is not learning without them"]
    return report_of(
        "zero-shot", points, question="What does a classifier learn from synthetic clips alone?",
        axis="synthetic clips for each real one", baseline="real", of=ceiling,
        published=ronchini_cells(dataset.name, "synthetic only", lambda percent: dose_name(int(percent) / 100)),
        notes=[*(notes if aided else []), *_judged(measured)], more={"generators": _against_each_other(parts)},
    )  # fmt: skip


def _judged(measured: Sequence[Measured]) -> list[str]:
    if not any(one.condition.settings.run.judge.enabled for one in measured):
        return []
    return [
        "the judges that chose the synthetic clips know the real training clips; judge.enabled = false does without"
    ]


def _against_each_other(parts: dict[str, tuple[Measured, ...]]) -> tuple[Comparison, ...]:
    """The first generator against each other one, amount by amount."""
    first, *others = parts
    arm = "synthetic-only"
    return comparisons(
        [
            (Side(f"{other} {one.condition.point}", one, arm), Side(f"{first} {same.condition.point}", same, arm))
            for other in others
            for same, one in zip(parts[first][1:], parts[other][1:], strict=True)
        ]
    )
