"""The arm whose clips a learner gave out, beside the one whose clips were given out evenly."""

from __future__ import annotations

from pathlib import Path

import pytest

from menura.config import AllocationSettings, AmountSettings, JudgeSettings, RunSettings
from menura.datasets.dataset import Dataset, TrainingPart
from menura.errors import ConfigError
from menura.studies.evaluate import evaluate
from menura.studies.job import MakeRun, RunLike
from menura.studies.settings import EvaluationSettings

ARMS = ("real", "synthetic", "synthetic-learner")


def test_both_arms_have_runs_of_their_own_and_are_compared_fold_by_fold(
    tones: Dataset, helpful_runs: MakeRun, copying_runs: MakeRun, tmp_path: Path
) -> None:
    """The learner's clips are good here, the even ones copies: the difference between the two arms says so."""
    asked: list[tuple[str, str, bool]] = []

    def make_run(training: TrainingPart, out: Path, settings: RunSettings) -> RunLike:
        own = settings.allocation
        asked.append((out.name, own.by, own.stop))
        return (helpful_runs if own.by == "learner" else copying_runs)(training, out, settings)

    settings = RunSettings(amount=AmountSettings(times=6), judge=JudgeSettings(encoder="acoustic"))
    result = evaluate(
        tones, out=tmp_path, real_per_label=3, seeds=1, arms=ARMS, workers=1, make_run=make_run, settings=settings
    )
    assert sorted(asked)[:2] == [("fold-1-seed-0", "even", True), ("fold-1-seed-0-learner", "learner", False)]
    assert len(asked) == 2 * 4
    between = result.differences[-1]
    assert (between.arm, between.baseline, between.p_corrected) == ("synthetic-learner", "synthetic", None)
    assert between.gain > 0.01
    means = {arm.name: arm.accuracy for arm in result.arms}
    assert between.gain == pytest.approx(means["synthetic-learner"] - means["synthetic"])
    clips = {arm.name: arm.clips for arm in result.arms}
    assert clips["synthetic-learner"] == clips["synthetic"] > clips["real"]
    assert "'synthetic-learner'" in result.verdict


def test_it_is_added_to_an_evaluation_that_is_there(tones: Dataset, helpful_runs: MakeRun, tmp_path: Path) -> None:
    settings = RunSettings(amount=AmountSettings(times=1), judge=JudgeSettings(encoder="acoustic"))
    common = {"real_per_label": 2, "seeds": 1, "workers": 1, "settings": settings, "make_run": helpful_runs}
    before = evaluate(tones, out=tmp_path, arms=ARMS[:2], **common)  # type: ignore[arg-type]
    after = evaluate(tones, out=tmp_path, arms=ARMS, **common)  # type: ignore[arg-type]
    assert after.arms[:2] == before.arms


def test_the_arm_stands_beside_an_even_one() -> None:
    with pytest.raises(ValueError, match="compared with synthetic; name both"):
        EvaluationSettings(arms=("real", "synthetic-learner"))
    with pytest.raises(ValueError, match="add the arm synthetic-learner"):
        EvaluationSettings(run=RunSettings(allocation=AllocationSettings(by="learner")))


def test_its_settings_are_those_of_the_runs_where_they_name_a_learner() -> None:
    own = AllocationSettings(by="learner", rounds=7)
    settings = EvaluationSettings(arms=ARMS, run=RunSettings(allocation=own))
    assert settings.learner_run.allocation == own
    assert settings.even_run.allocation.by == "even"
    assert EvaluationSettings(arms=ARMS).learner_run.allocation == AllocationSettings(by="learner", stop=False)


def test_a_run_has_no_such_arm(tones: Dataset) -> None:
    with pytest.raises(ConfigError, match="evaluate the dataset, not a run"):
        evaluate(tones, object(), arms=ARMS)  # type: ignore[arg-type]
