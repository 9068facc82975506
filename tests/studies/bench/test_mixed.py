"""``menura study mixed`` and ``menura study replace``: real clips taken away, synthetic ones in their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from menura.config import AmountSettings, RunSettings
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.bench.mixed import mixed
from menura.studies.bench.no_run import no_run
from menura.studies.bench.replace_folds import num_training_folds, replace_folds
from menura.studies.settings import EvaluationSettings

GUIDED = EvaluationSettings(run=RunSettings(recipe="label_guided"))


def by_row(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["point"], row["arm"]): row for row in found["rows"]}


def test_there_are_as_many_synthetic_clips_at_every_share(study: Callable[..., dict[str, Any]]) -> None:
    found = study("mixed", "--percents", "0,50,100", "--times", "0.5", "--arms", "real,synthetic")
    rows = by_row(found)
    assert [rows[point, "real"]["clips"] for point in ("50", "100")] == [27, 54]
    made = [rows[point, "synthetic"]["clips"] - real for point, real in (("0", 0), ("50", 27), ("100", 54))]
    assert all(20 <= number <= 27 for number in made)
    assert rows["0", "synthetic"]["baseline"] == rows["50", "synthetic"]["baseline"] == "real (100)"
    assert {one["than"] for one in found["at-the-same-share"]} == {"real"}


def test_the_amount_grows_as_real_clips_get_fewer() -> None:
    run = RunSettings(amount=AmountSettings(times=2))
    found = mixed(EvaluationSettings(run=run), (10, 50, 100))
    times = [(one.settings.run.amount.times or 0) * (one.settings.real_share or 0) for one in found]
    assert times == pytest.approx([2, 2, 2])
    assert "synthetic-only" not in found[-1].settings.arms
    fixed = RunSettings(amount=AmountSettings(per_label=7))
    assert mixed(EvaluationSettings(run=fixed), (10, 100))[0].settings.run.amount.per_label == 7


@pytest.mark.parametrize("percents", [(50, 10, 100), (10, 50), (-1, 100), ()])
def test_shares_rise_to_all_real_clips(percents: Sequence[float]) -> None:
    with pytest.raises(ConfigError, match="rising numbers from 0 or more to 100"):
        mixed(EvaluationSettings(), percents)


def test_the_command_replaces_whole_folds(study: Callable[..., dict[str, Any]]) -> None:
    found = study("replace", "--replaced", "0,1", "--arms", "real,synthetic")
    rows = by_row(found)
    assert rows["0", "real"]["clips"] == 54
    assert 30 <= rows["1", "real"]["clips"] <= 42
    assert rows["1", "real"]["clips"] + 10 < rows["1", "synthetic"]["clips"] <= 56
    assert ("0", "synthetic") not in rows
    assert rows["1", "real"]["baseline"] == "real (0)"
    assert any("not possible: 3 of 3" in note for note in found["notes"])


def test_totals_stay_as_they_were() -> None:
    for one in replace_folds(EvaluationSettings(), 8)[1:]:
        left = one.settings.real_folds or 0
        assert left + left * (one.settings.run.amount.times or 0) == pytest.approx(8)


def test_without_any_real_fold_only_a_generator_that_needs_none_is_left() -> None:
    assert [one.point for one in replace_folds(EvaluationSettings(), 3)] == ["all", "1", "2"]
    alone, *_ = replace_folds(EvaluationSettings(), 3)
    assert alone.make_run is no_run
    assert alone.settings.arms == ("real", "oversample", "classic")
    everything, *_ = replace_folds(GUIDED, 3)
    assert everything.settings.arms[-1] == "synthetic-only"
    assert everything.settings.run.amount.times == 1
    with pytest.raises(ConfigError, match=r"recipe resynth starts from real clips; leave 3 out"):
        replace_folds(EvaluationSettings(), 3, (1, 3))
    with pytest.raises(ConfigError, match="there are 3 to learn from"):
        replace_folds(GUIDED, 3, (4,))
    with pytest.raises(ConfigError, match="leave out --times"):
        replace_folds(EvaluationSettings(run=RunSettings(amount=AmountSettings(times=2))), 3)


def test_folds_are_counted_and_must_be_there(tones: Dataset) -> None:
    assert num_training_folds(tones, None) == 3
    with pytest.raises(ConfigError, match="leave 1 training folds"):
        num_training_folds(tones, 2)
    shared = [
        replace(clip, group="x") if clip.fold in "12" and clip.path.endswith("0.flac") else clip for clip in tones.clips
    ]
    only = [clip for clip in shared if clip.fold != "2" or clip.group == "x"]
    with pytest.raises(ConfigError, match="training folds differ in number"):
        num_training_folds(replace(tones, clips=tuple(only)), "official")
