"""From cells to arms, differences and labels: means with intervals, nothing that needs words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from menura.classify.results import ArmResult, Difference, LabelGain
from menura.metrics.hierarchy import FOLDS_NEEDED, Components, Draws, components_of, draw_arms, interval_from, p_from
from menura.metrics.influence import Influence, difference, fold_influence
from menura.metrics.resampling import TestFold
from menura.metrics.statistics import Interval, holm
from menura.studies.arm_table import FEW_SHOT_ARMS, LEARNER_ARM, REAL_ARMS, RIVAL_ARMS, SYNTHETIC_ARMS
from menura.studies.arms import target_matrix
from menura.studies.cells import Cell
from menura.studies.doses import dosed_arm
from menura.studies.settings import ZERO_SHOT
from menura.studies.splits import Split, source_of

__all__ = ["FOLDS_NEEDED", "RecallGain", "Table"]

LABEL_RESAMPLES = 2_000
"""Draws for one label; there may be hundreds of labels."""


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
        """Whether there are too few folds to say how much folds differ: intervals are about these."""
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
        return (*decisive, *others, *self._learner_against_even(), *self._against_rivals())

    def _learner_against_even(self) -> list[Difference]:
        """A learner's allocation against an even one, at as many clips; no verdict rests on it."""
        if LEARNER_ARM not in self.cells:
            return []
        return [self._difference(LEARNER_ARM, "synthetic", self.p_value(LEARNER_ARM, "synthetic"), None)]

    def _against_rivals(self) -> list[Difference]:
        """The best arm of the verdict against other synthetic clips, and these against the best real ones."""
        rivals = [arm for arm in RIVAL_ARMS if arm in self.cells]
        pairs = [(self.synthetic_arms[0], rival) for rival in rivals] + [
            (rival, self.best_baseline) for rival in rivals
        ]
        return [self._difference(arm, other, self.p_value(arm, other), None) for arm, other in pairs]

    def label_gains(self, keep_rates: Mapping[str, float | None]) -> tuple[LabelGain, ...]:
        """Gain in recall of each label that was tested, for the pair behind the verdict; p-values corrected over them.

        Args:
            keep_rates: Label to the share of candidates that the judges passed.
        """
        one, other = self.recalls(self.synthetic_arms[0]), self.recalls(self.best_baseline)
        present = [i for i in range(len(self.labels)) if np.isfinite(one[..., i]).any()]
        tested = [self.recall_gain(self.synthetic_arms[0], self.best_baseline, i) for i in present]
        corrected = holm([found.p for found in tested])
        return tuple(
            LabelGain(
                label=self.labels[i],
                gain=float(np.nanmean(one[..., i] - other[..., i])),
                interval=found.interval,
                keep_rate=keep_rates.get(self.labels[i]),
                real=float(np.nanmean(other[..., i])),
                synthetic=float(np.nanmean(one[..., i])),
                p=found.p,
                p_corrected=p_corrected,
            )
            for i, found, p_corrected in zip(present, tested, corrected, strict=True)
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
            trained = [arm for arm in self.cells if "@" not in arm and arm not in (ZERO_SHOT, *FEW_SHOT_ARMS)]
            table = replace(self, cells={arm: self._alone(arm, name) for arm in trained})
            means = {arm: table.mean(arm) for arm in table.cells}
            first_pair = table.differences()[0]
            difference = {**asdict(first_pair), "interval": list(first_pair.interval)}
            records.append({"classifier": name, "means": means, "difference": difference})
        return tuple(records)

    def untrained(self, arm: str = ZERO_SHOT) -> Difference | None:
        """An arm that stands beside the others against the best of them; None without the first.

        No verdict rests on it: it says what another model knows, not what the synthetic clips are worth.
        """
        if arm not in self.cells:
            return None
        rivals = (other for other in RIVAL_ARMS if other in self.cells)
        best = max((self.best_baseline, *self.synthetic_arms, *rivals), key=self.mean)
        return self._difference(arm, best, self.p_value(arm, best), None)

    def _alone(self, arm: str, classifier: str) -> list[list[Cell]]:
        return [
            [cell.alone(classifier, self._truth(split), multilabel=self.multilabel) for cell in row]
            for split, row in zip(self.splits, self.cells[arm], strict=True)
        ]

    def _truth(self, split: Split) -> NDArray[np.bool_]:
        return target_matrix([clip.labels for clip in split.test], self.labels) > 0

    def interval(self, arm: str) -> Interval:
        """95 % interval of the mean of an arm."""
        parts = components_of(self._influences[arm])
        return interval_from(self.mean(arm), self._drawn(arm), parts, bounds=(0.0, 1.0))

    def gain_interval(self, arm: str, baseline: str) -> Interval:
        """95 % interval of the paired difference of two arms."""
        gain, drawn = self.mean(arm) - self.mean(baseline), self._drawn(arm) - self._drawn(baseline)
        return interval_from(gain, drawn, self.components(arm, baseline))

    def p_value(self, arm: str, baseline: str) -> float:
        """Two-sided p-value of the paired permutation test."""
        rows, draws = list(self.cells), self._draws
        flipped = draws.flipped[rows.index(arm)] - draws.flipped[rows.index(baseline)]
        parts = components_of(self._pairs(arm, baseline), pseudo=False)
        return p_from(self.mean(arm) - self.mean(baseline), flipped, parts, draws=draws)

    def components(self, arm: str, baseline: str) -> Components:
        """What the paired difference of two arms varies with."""
        return components_of(self._pairs(arm, baseline))

    def _pairs(self, arm: str, baseline: str) -> list[Influence]:
        return [difference(*pair) for pair in zip(self._influences[arm], self._influences[baseline], strict=True)]

    def _drawn(self, arm: str) -> NDArray[np.float64]:
        return np.asarray(self._draws.drawn[list(self.cells).index(arm)])

    @cached_property
    def _draws(self) -> Draws:
        return draw_arms(list(self._influences.values()))

    @cached_property
    def _influences(self) -> dict[str, list[Influence]]:
        return {arm: [fold_influence(self.metric, fold) for fold in self._test_folds(arm)] for arm in self.cells}

    def _test_folds(self, arm: str) -> list[TestFold]:
        return [
            TestFold(truth, np.array([cell.predictions for cell in row]), sources, self.multilabel)
            for (truth, sources), row in zip(self._tested, self.cells[arm], strict=True)
        ]

    @cached_property
    def _tested(self) -> list[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
        """Truth and source of the test clips of each fold."""
        names = [[source_of(clip) for clip in split.test] for split in self.splits]
        sources = [np.unique(each, return_inverse=True)[1] for each in names]
        return [(self._truth(split), each) for split, each in zip(self.splits, sources, strict=True)]

    def recall_gain(self, arm: str, baseline: str, column: int) -> RecallGain:
        """The paired difference of the recall of one label, on its test clips alone, in the folds that have any."""
        metric = "uar" if self.multilabel else "accuracy"
        arms = [
            [
                fold_influence(metric, _only(fold, column))
                for fold in self._folds_of[name]
                if fold.truth[:, column].any()
            ]
            for name in (arm, baseline)
        ]
        draws = draw_arms(arms, resamples=LABEL_RESAMPLES)
        pairs = [difference(*pair) for pair in zip(*arms, strict=True)]
        gain = float(np.mean([pair.values.mean() for pair in pairs]))
        interval = interval_from(gain, draws.drawn[0] - draws.drawn[1], components_of(pairs))
        flipped, parts = draws.flipped[0] - draws.flipped[1], components_of(pairs, pseudo=False)
        return RecallGain(gain, interval, p_from(gain, flipped, parts, draws=draws))

    @cached_property
    def _folds_of(self) -> dict[str, list[TestFold]]:
        return {arm: self._test_folds(arm) for arm in self.cells}

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
