"""From cells to arms and differences."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from menura.metrics.statistics import holm
from menura.studies.cells import Cell
from menura.studies.power import power_record
from menura.studies.splits import Split
from menura.studies.summary import Table
from menura.studies.untrained import untrained_findings
from menura.types import Clip

LABELS = ("a", "b", "c")
OFFSETS = {"real": 0.0, "classic": 0.1, "synthetic": 0.25, "synthetic+classic": 0.2, "synthetic@1": 0.1}


def table(num_folds: int, *, multilabel: bool = False, clips: int = 30, arms: dict[str, float] = OFFSETS) -> Table:
    """Arms that label 50 % of the clips rightly, and so much more; label c does not occur in the first fold."""
    splits, cells = [], {arm: [] for arm in arms}
    for fold in range(num_folds):
        labels = [LABELS[i % (2 if fold == 0 else 3)] for i in range(clips)]
        test = tuple(Clip(f"{fold}-{i}", "/x", (label,), 1.0, 8000) for i, label in enumerate(labels))
        splits.append(Split(str(fold), (), test))
        truth = np.array([[label == name for name in LABELS] for label in labels])
        for arm, offset in arms.items():
            cells[arm].append([])
            for seed in range(3):
                draw = np.random.default_rng([fold, seed]).random(clips)
                right = draw < 0.5 + offset
                probabilities = np.where(right[:, None], truth, np.roll(truth, 1, axis=1)) * 0.8 + 0.1
                cells[arm][-1].append(
                    Cell.scored(str(fold), seed, arm, clips={"real": 5}, chosen="linear", truth=truth,
                                probabilities=probabilities, multilabel=multilabel)
                )  # fmt: skip
    metric = "mean_average_precision" if multilabel else "accuracy"
    return Table(cells, splits, LABELS, metric, multilabel)


def test_the_best_arm_of_each_kind_stands_behind_the_verdict() -> None:
    found = table(5)
    first, second, *others = found.differences()
    assert (first.arm, first.baseline) == ("synthetic", "classic")
    assert (second.arm, second.baseline) == ("synthetic+classic", "classic")
    assert {(item.arm, item.baseline) for item in others} == {("synthetic", "real"), ("synthetic+classic", "real")}
    assert first.gain == pytest.approx(found.mean("synthetic") - found.mean("classic"))
    assert first.interval == found.gain_interval("synthetic", "classic")
    assert first.p == found.p_value("synthetic", "classic")
    assert [first.p_corrected, second.p_corrected] == holm([first.p, second.p])  # two synthetic arms
    assert all(item.p_corrected is None for item in others)


def test_labels_are_corrected_for_having_been_looked_at_together() -> None:
    gains = table(4, clips=60).label_gains({})
    assert all(item.p is not None and item.p_corrected is not None for item in gains)
    assert all(item.p <= item.p_corrected <= 1 for item in gains)
    smallest = min(gains, key=lambda item: item.p)
    assert smallest.p_corrected == pytest.approx(min(1.0, 3 * smallest.p))


def test_the_power_record_knows_what_more_clips_would_show() -> None:
    arms = {"real": 0.0, "synthetic": 0.03}
    few, many = (power_record(table(4, clips=clips, arms=arms)) for clips in (20, 180))
    assert (few["test_clips"], few["folds"], few["seeds"], few["comparisons"]) == (80, 4, 3, 1)
    assert many["detectable"] < few["detectable"]
    assert sum(few["shares"].values()) == pytest.approx(1.0)
    assert few["sentence"].startswith("With these 80 test clips a gain under ")
    sizes = [target["gain"] for target in few["targets"] if not target["measured"]]
    assert sizes == [0.01, 0.02, 0.05]
    assert power_record(table(4, arms={"real": 0.0, "synthetic": 0.0})) == {}  # not one answer differs


def test_doses_are_neither_arms_nor_candidates_for_the_verdict() -> None:
    found = table(3)
    assert [arm.name for arm in found.arm_results()] == ["real", "classic", "synthetic", "synthetic+classic"]
    assert found.synthetic_arms == ("synthetic", "synthetic+classic")
    records = found.dose_records((1.0,), whole=3.0, arm="synthetic")
    assert [(record["times"], record["arm"]) for record in records] == [
        (0.0, "real"), (1.0, "synthetic@1"), (3.0, "synthetic"),
    ]  # fmt: skip


def test_the_confusion_counts_all_folds_and_seeds_and_its_rows_give_the_recall() -> None:
    arm = table(4).arm_results()[0]
    confusion = np.array(arm.confusion)
    assert confusion.sum() == 4 * 3 * 30
    assert confusion.sum(axis=1).tolist() == [3 * (15 + 30), 3 * (15 + 30), 3 * 30]
    assert arm.chosen == {"linear": 12}


def test_labels_gain_where_they_occur() -> None:
    gains = {item.label: item for item in table(4).label_gains({"a": 0.5})}
    assert set(gains) == set(LABELS)
    assert gains["a"].keep_rate == 0.5
    assert gains["c"].keep_rate is None
    assert all(item.gain == pytest.approx(item.synthetic - item.real) for item in gains.values())
    assert all(item.interval[0] <= item.gain <= item.interval[1] for item in gains.values())


@pytest.mark.parametrize("multilabel", [False, True])
def test_one_fold_draws_test_sources_and_is_less_sure_than_its_seeds_alone(multilabel: bool) -> None:
    found = table(1, multilabel=multilabel)
    assert found.by_source
    first = found.differences()[0]
    seeds = found.values(first.arm) - found.values(first.baseline)
    assert first.interval[1] - first.interval[0] > 0.1
    assert first.interval[0] < first.gain < first.interval[1]
    assert 0 < first.p < 1
    assert seeds.shape == (1, 3)
    gains = found.label_gains({})
    assert [item.label for item in gains] == ["a", "b"]  # c does not occur in this fold
    assert all(np.isfinite(item.interval).all() for item in gains)


def test_many_test_clips_in_one_fold_make_a_difference_sure() -> None:
    few, many = (table(1, clips=clips, arms={"real": 0.0, "synthetic": 0.1}).differences()[0] for clips in (20, 600))
    assert many.interval[0] > 0
    assert many.p < 0.01  # three seeds that differ: their own variance is known badly
    assert few.interval[1] - few.interval[0] > 3 * (many.interval[1] - many.interval[0])


@pytest.mark.parametrize("num_folds", [1, 5])
def test_a_classifier_alone_is_judged_as_if_there_had_been_no_choice(num_folds: int) -> None:
    """The choice of every cell errs everywhere; its first classifier answers as in :func:`table`."""
    plain = table(num_folds)

    def chosen(cell: Cell, split: Split) -> Cell:
        truth = np.array([[clip.labels == (name,) for name in LABELS] for clip in split.test])
        wrong = np.roll(truth, 1, axis=1) * 0.8 + 0.1
        return Cell.scored(
            cell.fold, cell.seed, cell.arm, clips=cell.clips, chosen="cnn", truth=truth, probabilities=wrong,
            multilabel=False, each={"linear": np.array(cell.predictions), "cnn": wrong},
        )  # fmt: skip

    cells = {
        arm: [[chosen(cell, split) for cell in row] for split, row in zip(plain.splits, rows, strict=True)]
        for arm, rows in plain.cells.items()
    }
    found = replace(plain, cells=cells)
    assert found.mean("synthetic") == 0.0
    linear, cnn = found.by_classifier()
    assert (linear["classifier"], cnn["classifier"]) == ("linear", "cnn")
    assert linear["means"] == {arm: plain.mean(arm) for arm in plain.cells if "@" not in arm}
    without_doses = replace(plain, cells={arm: rows for arm, rows in plain.cells.items() if "@" not in arm})
    first = without_doses.differences()[0]
    assert linear["difference"] == {**asdict(first), "interval": list(first.interval)}
    assert set(cnn["means"].values()) == {0.0}


def test_without_a_choice_there_is_nothing_to_say_by_classifier() -> None:
    assert table(3).by_classifier() == ()


def test_an_arm_that_learns_from_no_clip_is_never_what_synthetic_clips_have_to_beat() -> None:
    for offset in (-0.3, 0.45):
        with_it, without = table(5, arms={**OFFSETS, "zero-shot": offset}), table(5)
        assert with_it.best_baseline == without.best_baseline == "classic"
        assert with_it.differences() == without.differences()
        assert with_it.label_gains({}) == without.label_gains({})
    one_fold = {**OFFSETS, "zero-shot": 0.45}
    assert table(1, arms=one_fold).differences() == table(1).differences()


def test_it_is_said_when_it_is_better_than_every_trained_arm_and_how_surely() -> None:
    (finding,) = untrained_findings(table(5, arms={**OFFSETS, "zero-shot": 0.45}))
    found = table(5, arms={**OFFSETS, "zero-shot": 0.45}).untrained()
    assert found is not None
    assert (found.baseline, finding.details["gain"]) == ("synthetic", found.gain)
    assert finding.message.startswith("zero-shot is better than every trained arm: ")
    assert "for 'synthetic', the best of them (+" in finding.message
    assert "more than luck explains" in finding.message
    (unsure,) = untrained_findings(table(3, arms={**OFFSETS, "zero-shot": 0.26}))
    assert "which may be luck" in unsure.message
    assert untrained_findings(table(5, arms={**OFFSETS, "zero-shot": 0.2})) == []
    assert untrained_findings(table(5)) == []
