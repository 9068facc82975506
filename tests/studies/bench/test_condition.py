"""Grids of evaluations: what they share, and that they go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from menura.datasets.dataset import Dataset
from menura.errors import ConfigError, RunError
from menura.studies.bench.condition import Condition, measure
from menura.studies.bench.rows import arm_rows
from menura.studies.settings import EvaluationSettings

ARMS = ("real", "oversample", "synthetic")


def conditions(make_run: Callable[..., object], *totals: int, seeds: int = 1) -> list[Condition]:
    return [
        Condition(str(total), EvaluationSettings(arms=ARMS, seeds=seeds, real_total=total), make_run=make_run)
        for total in totals
    ]


def test_more_real_clips_are_another_condition_and_more_of_them_are_learned_from(
    tones: Dataset, helpful_runs: Callable[..., object], tmp_path: Path
) -> None:
    measured = measure(tones, conditions(helpful_runs, 6, 12), tmp_path, workers=1)
    rows = {(row.point, row.arm): row for row in arm_rows(measured)}
    assert rows["6", "real"].clips == 6
    assert rows["12", "real"].clips == 12
    assert rows["12", "synthetic"].value > rows["6", "real"].value
    assert rows["6", "synthetic"].baseline in ("real", "oversample")
    assert {row.p_corrected is None for row in rows.values() if row.arm != "synthetic"} == {True}


def test_what_is_finished_is_not_made_again_and_a_later_condition_joins_it(
    tones: Dataset, helpful_runs: Callable[..., object], tmp_path: Path
) -> None:
    first = measure(tones, conditions(helpful_runs, 6), tmp_path, workers=1)

    def never(*unused: object) -> object:
        raise AssertionError("a finished run was made again")

    again = measure(tones, conditions(never, 6), tmp_path, workers=1)
    assert arm_rows(again) == arm_rows(first)
    more = measure(tones, [*conditions(never, 6), *conditions(helpful_runs, 9)], tmp_path, workers=1)
    assert [one.condition.point for one in more] == ["6", "9"]


def test_equal_cells_of_two_conditions_are_trained_once(
    tones: Dataset, helpful_runs: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from menura.studies import unit

    trained: list[str] = []
    original = unit._fit_and_predict
    monkeypatch.setattr(unit, "_fit_and_predict", lambda job, *rest: trained.append(job.fold) or original(job, *rest))
    one, other = conditions(helpful_runs, 6)[0], conditions(helpful_runs, 6)[0]
    measured = measure(
        tones, [one, Condition("again", other.settings, make_run=helpful_runs)], tmp_path, workers=1, test_folds=("1",)
    )
    assert len(trained) == len({"real or oversample", "synthetic"})
    tables = [one.table for one in measured]
    assert all((tables[0].values(arm) == tables[1].values(arm)).all() for arm in ARMS)


def test_only_the_named_folds_are_held_out(tones: Dataset, helpful_runs: Callable[..., object], tmp_path: Path) -> None:
    measured = measure(tones, conditions(helpful_runs, 6), tmp_path, workers=1, test_folds=("2",))
    assert [split.name for split in measured[0].table.splits] == ["2"]
    with pytest.raises(ConfigError, match="no folds 9"):
        measure(tones, conditions(helpful_runs, 6), tmp_path, workers=1, test_folds=("9",))


def test_other_settings_in_the_same_folder_are_refused(
    tones: Dataset, helpful_runs: Callable[..., object], tmp_path: Path
) -> None:
    measure(tones, conditions(helpful_runs, 6), tmp_path, workers=1, test_folds=("1",))
    other = [Condition("6", EvaluationSettings(arms=ARMS, seeds=1, real_total=7), make_run=helpful_runs)]
    with pytest.raises(RunError, match="real_total: 6 → 7"):
        measure(tones, other, tmp_path, workers=1, test_folds=("1",))


def test_two_conditions_of_one_name_are_refused(tones: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one name"):
        measure(tones, conditions(lambda *_: None, 6, 6), tmp_path)


def test_folders_have_names_that_any_disk_takes() -> None:
    plain = Condition("50", EvaluationSettings(), series="resynth")
    odd = Condition("a/b: ü", EvaluationSettings())
    assert plain.folder == "resynth-50"
    assert odd.folder.startswith("a-b--ü-")
    assert odd.folder != Condition("a/b- ü", EvaluationSettings()).folder
