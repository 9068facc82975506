"""From cells to arms, differences and labels: means with intervals, nothing that needs words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from menura.classify.results import ArmResult, Difference, LabelGain
from menura.metrics.resampling import TestFold, interval_of, source_draws, swap_p
from menura.metrics.statistics import Interval, holm, mean_interval, mean_intervals, sign_flip_p
from menura.studies.arm_table import LEARNER_ARM, REAL_ARMS, SYNTHETIC_ARMS
from menura.studies.arms import target_matrix
from menura.studies.cells import Cell
from menura.studies.doses import dosed_arm
from menura.studies.settings import ZERO_SHOT
from menura.studies.splits import Split, source_of

__all__ = ["FOLDS_NEEDED", "RecallGain", "Table"]

FOLDS_NEEDED = 3
"""With fewer folds the interval comes from drawing test sources again, since folds cannot stand for other clips."""


@dataclass(frozen=True, slots=True)
class RecallGain:
    """The difference of two arms in the recall of one label: mean, 95 % interval, and p-value of the paired test."""

    gain: float
    interval: Interval
    p: float


@dataclass(frozen=True)
class Table:
    """All cells of an evaluation.

    Attributes:
        cells: Arm to its cells, fold by fold, ``[folds][seeds]``; doses included.
        splits: The folds, in the same order.
        labels: All labels, in the order of the columns.
        metric: The metric that decides.
        multilabel: Whether clips may have several labels.
    """

    cells: Mapping[str, Sequence[Sequence[Cell]]]
    splits: Sequence[Split]
    labels: Sequence[str]
    metric: str
    multilabel: bool

    def values(self, arm: str, metric: str | None = None) -> NDArray[np.float64]:
        """A metric of an arm, ``[folds, seeds]``."""
        return np.array([[cell.value(metric or self.metric) for cell in row] for row in self.cells[arm]])

    def mean(self, arm: str) -> float:
        """Mean of the metric that decides."""
        return float(self.values(arm).mean())

    def recalls(self, arm: str) -> NDArray[np.float64]:
        """Recall ``[folds, seeds, labels]``; NaN where a label does not occur."""
        return np.array([[cell.recall for cell in row] for row in self.cells[arm]], dtype=np.float64)

    @property
    def by_source(self) -> bool:
        """Whether intervals come from drawing test sources instead of folds."""
        return len(self.splits) < FOLDS_NEEDED

    @cached_property
    def best_baseline(self) -> str:
        """The arm of real clips alone with the highest mean: what synthetic clips have to beat."""
        return max((arm for arm in REAL_ARMS if arm in self.cells), key=self.mean)

    @cached_property
    def synthetic_arms(self) -> tuple[str, ...]:
        """Arms with synthetic clips, the one with the highest mean first; doses left out."""
        present = [arm for arm in SYNTHETIC_ARMS if arm in self.cells]
        return tuple(sorted(present, key=self.mean, reverse=True))

    def arm_results(self) -> tuple[ArmResult, ...]:
        """Every arm but doses, in the order of the cells."""
        return tuple(self._arm(arm) for arm in self.cells if "@" not in arm)

    def differences(self) -> tuple[Difference, ...]:
        """Every synthetic arm against every arm of real clips; the pair behind the verdict first.

        Two synthetic arms mean two chances of a lucky gain, so the p-values against the best baseline are corrected
        after Holm.
        """
        p_values = [self.p_value(arm, self.best_baseline) for arm in self.synthetic_arms]
        decisive = [
            self._difference(arm, self.best_baseline, p, corrected)
            for arm, p, corrected in zip(self.synthetic_arms, p_values, holm(p_values), strict=True)
        ]
        others = [
            self._difference(arm, baseline, self.p_value(arm, baseline), None)
            for arm in self.synthetic_arms
            for baseline in REAL_ARMS
            if baseline in self.cells and baseline != self.best_baseline
        ]
        return (*decisive, *others, *self._learner_against_even())

    def _learner_against_even(self) -> list[Difference]:
        """A learner's allocation against an even one, at as many clips; no verdict rests on it."""
        if LEARNER_ARM not in self.cells:
            return []
        return [self._difference(LEARNER_ARM, "synthetic", self.p_value(LEARNER_ARM, "synthetic"), None)]

    def label_gains(self, keep_rates: Mapping[str, float | None]) -> tuple[LabelGain, ...]:
        """Gain in recall of each label, for the pair behind the verdict.

        Args:
            keep_rates: Label to the share of candidates that the judges passed.
        """
        one, other = self.recalls(self.synthetic_arms[0]), self.recalls(self.best_baseline)
        present = np.atleast_1d(np.isfinite(one).any(axis=(0, 1)))
        intervals = self._recall_intervals(one - other)
        return tuple(
            LabelGain(
                label=label,
                gain=float(np.nanmean(one[..., i] - other[..., i])),
                interval=intervals[i],
                keep_rate=keep_rates.get(label),
                real=float(np.nanmean(other[..., i])),
                synthetic=float(np.nanmean(one[..., i])),
            )
            for i, label in enumerate(self.labels)
            if present[i]
        )

    def dose_records(self, doses: Sequence[float], *, whole: float, arm: str) -> tuple[dict[str, object], ...]:
        """What each amount reached, smallest first.

        Args:
            doses: Synthetic clips for each real one.
            whole: The amount of the arm itself.
            arm: The arm whose amount was varied.
        """
        records = [self._dose(0.0, "real" if "real" in self.cells else self.best_baseline)]
        for dose in sorted({*doses, whole}):
            records.append(self._dose(dose, arm if dose == whole else dosed_arm(arm, dose)))
        return tuple(records)

    def by_classifier(self) -> tuple[dict[str, object], ...]:
        """What each classifier alone would have found; empty where there was no choice."""
        first = next(iter(self.cells.values()))[0][0]
        records: list[dict[str, object]] = []
        for name in first.each:
            trained = [arm for arm in self.cells if "@" not in arm and arm != ZERO_SHOT]
            table = replace(self, cells={arm: self._alone(arm, name) for arm in trained})
            means = {arm: table.mean(arm) for arm in table.cells}
            first_pair = table.differences()[0]
            difference = {**asdict(first_pair), "interval": list(first_pair.interval)}
            records.append({"classifier": name, "means": means, "difference": difference})
        return tuple(records)

    def untrained(self) -> Difference | None:
        """The arm that learns from no clip against the best arm that does; None without the first.

        No verdict rests on it: it says what another model knows, not what the synthetic clips are worth.
        """
        if ZERO_SHOT not in self.cells:
            return None
        best = max((self.best_baseline, *self.synthetic_arms), key=self.mean)
        return self._difference(ZERO_SHOT, best, self.p_value(ZERO_SHOT, best), None)

    def _alone(self, arm: str, classifier: str) -> list[list[Cell]]:
        return [
            [cell.alone(classifier, self._truth(split), multilabel=self.multilabel) for cell in row]
            for split, row in zip(self.splits, self.cells[arm], strict=True)
        ]

    def _truth(self, split: Split) -> NDArray[np.bool_]:
        return target_matrix([clip.labels for clip in split.test], self.labels) > 0

    def interval(self, arm: str) -> Interval:
        """95 % interval of the mean of an arm."""
        return interval_of(self._draws[arm]) if self.by_source else mean_interval(self.values(arm))

    def gain_interval(self, arm: str, baseline: str) -> Interval:
        """95 % interval of the paired difference of two arms."""
        if self.by_source:
            return interval_of(self._draws[arm] - self._draws[baseline])
        return mean_interval(self.values(arm) - self.values(baseline))

    def p_value(self, arm: str, baseline: str) -> float:
        """Two-sided p-value of the paired permutation test."""
        if self.by_source:
            return swap_p(self.metric, self._test_folds(arm), self._test_folds(baseline))
        return sign_flip_p(self.values(arm) - self.values(baseline))

    @cached_property
    def _draws(self) -> dict[str, NDArray[np.float64]]:
        drawn = source_draws(self.metric, [self._test_folds(arm) for arm in self.cells])
        return dict(zip(self.cells, drawn, strict=True))

    def _test_folds(self, arm: str) -> list[TestFold]:
        folds = []
        for split, row in zip(self.splits, self.cells[arm], strict=True):
            names = [source_of(clip) for clip in split.test]
            _, sources = np.unique(names, return_inverse=True)
            folds.append(
                TestFold(self._truth(split), np.array([cell.predictions for cell in row]), sources, self.multilabel)
            )
        return folds

    def recall_gain(self, arm: str, baseline: str, column: int) -> RecallGain:
        """The paired difference of the recall of one label, for a label that has test clips."""
        differences = self.recalls(arm)[..., column] - self.recalls(baseline)[..., column]
        gain = float(np.nanmean(differences))
        if not self.by_source:
            return RecallGain(gain, mean_interval(differences), sign_flip_p(differences))
        one, other = self._label_folds(column, arm, baseline)
        metric = self._recall_metric
        return RecallGain(gain, self._recall_interval(column, arm, baseline), swap_p(metric, one, other))

    def _recall_intervals(self, differences: NDArray[np.float64]) -> list[Interval]:
        if not self.by_source:
            return mean_intervals(differences)
        one, other = self.synthetic_arms[0], self.best_baseline
        return [self._recall_interval(column, one, other) for column in range(len(self.labels))]

    def _recall_interval(self, column: int, arm: str, baseline: str) -> Interval:
        """Of one label, with one or two folds: its test clips alone, drawn by source."""
        pair = self._label_folds(column, arm, baseline)
        if not pair[0]:
            return (float("nan"), float("nan"))
        drawn = source_draws(self._recall_metric, pair)
        return interval_of(drawn[0] - drawn[1])

    @property
    def _recall_metric(self) -> str:
        """What is the recall of a label among the test clips that carry it."""
        return "uar" if self.multilabel else "accuracy"

    def _label_folds(self, column: int, *arms: str) -> list[list[TestFold]]:
        """For each arm the test clips of one label alone, without folds that have none."""
        found = [[_only(fold, column) for fold in self._test_folds(arm)] for arm in arms]
        return [[fold for fold in folds if len(fold.truth)] for folds in found]

    def _arm(self, arm: str) -> ArmResult:
        cells = [cell for row in self.cells[arm] for cell in row]
        recall = self.recalls(arm)
        confusions = [np.array(cell.confusion) for cell in cells if cell.confusion is not None]
        return ArmResult(
            name=arm,
            accuracy=_mean(cells, lambda cell: cell.accuracy),
            interval=self.interval(arm),
            macro_f1=_mean(cells, lambda cell: cell.macro_f1),
            uar=_mean(cells, lambda cell: cell.uar),
            mean_average_precision=float(self.values(arm, "mean_average_precision").mean())
            if self.multilabel
            else None,
            per_label={
                label: float(np.nanmean(recall[..., i]))
                for i, label in enumerate(self.labels)
                if np.isfinite(recall[..., i]).any()
            },
            confusion=tuple(tuple(map(int, row)) for row in np.sum(confusions, axis=0)) if confusions else (),
            chosen=dict(sorted(Counter(cell.chosen for cell in cells).items())),
            clips=_mean(cells, lambda cell: sum(cell.clips.values())),
        )

    def _difference(self, arm: str, baseline: str, p: float, corrected: float | None) -> Difference:
        gain = self.mean(arm) - self.mean(baseline)
        return Difference(arm, baseline, gain, self.gain_interval(arm, baseline), p, corrected)

    def _dose(self, times: float, arm: str) -> dict[str, object]:
        cells = [cell for row in self.cells[arm] for cell in row]
        return {
            "times": times,
            "arm": arm,
            "clips": _mean(cells, lambda cell: sum(cell.clips.values())),
            "value": self.mean(arm),
            "interval": list(self.interval(arm)),
            "gain": self.mean(arm) - self.mean(self.best_baseline),
            "gain_interval": list(self.gain_interval(arm, self.best_baseline)),
        }


def _mean(cells: Sequence[Cell], value: Callable[[Cell], float]) -> float:
    return float(np.mean([value(cell) for cell in cells]))


def _only(fold: TestFold, column: int) -> TestFold:
    """The test clips that carry one label."""
    chosen = fold.truth[:, column]
    _, sources = np.unique(fold.sources[chosen], return_inverse=True)
    if fold.multilabel:
        return TestFold(fold.truth[chosen][:, [column]], fold.probabilities[:, chosen][:, :, [column]], sources, True)
    return TestFold(fold.truth[chosen], fold.probabilities[:, chosen], sources, False)
