"""Few-shot methods beside the arms: a classifier of their own, the real clips alone, no part in the verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from menura.classify.results import EvaluationResult
from menura.config import JudgeSettings, RunSettings
from menura.datasets.dataset import Dataset
from menura.errors import BackendError
from menura.studies.arm_table import FEW_SHOT_ARMS, arm_named
from menura.studies.evaluate import evaluate
from menura.studies.job import MakeRun
from menura.studies.lab import LabSpec, load_lab

RUNS = RunSettings(judge=JudgeSettings(encoder="acoustic"))


def proof(tones: Dataset, out: Path, make_run: MakeRun, *arms: str, **options: Any) -> EvaluationResult:
    asked = {"real_per_label": 3, "seeds": 1, "settings": RUNS, "workers": 1} | options
    three = replace(tones, clips=tuple(clip for clip in tones.clips if clip.fold != "4"))
    return evaluate(three, out=out, make_run=make_run, arms=("oversample", "synthetic", *arms), **asked)


def test_the_probe_of_a_linear_evaluation_is_its_oversampling(
    tones: Dataset, helpful_runs: MakeRun, tmp_path: Path
) -> None:
    """Both are a logistic regression on the same embeddings of the same clips, labels drawn equally often."""
    without = proof(tones, tmp_path, helpful_runs)
    found = proof(tones, tmp_path, helpful_runs, "probe")
    arms = {arm.name: arm for arm in found.arms}
    assert (arms["probe"].accuracy, arms["probe"].confusion) == (
        arms["oversample"].accuracy, arms["oversample"].confusion,
    )  # fmt: skip
    assert found.arms[:2] == without.arms
    assert (found.verdict, found.differences) == (without.verdict, without.differences)
    assert not [finding for finding in found.findings if finding["kind"] == "few_shot_is_best"]


def test_beside_a_network_it_has_features_of_its_own_and_says_where_it_is_better(
    tones: Dataset, copying_runs: MakeRun, tmp_path: Path
) -> None:
    without = proof(tones, tmp_path, copying_runs, classifier="cnn", steps=2)
    before = {path: path.read_bytes() for path in (tmp_path / "cells").rglob("*.json") if path.name != "clips.json"}
    found = proof(tones, tmp_path, copying_runs, "probe", classifier="cnn", steps=2)
    assert all(path.read_bytes() == content for path, content in before.items())
    linear = proof(tones, tmp_path / "linear", copying_runs)
    arms = {arm.name: arm for arm in found.arms}
    assert arms["probe"].chosen == {"linear": 3}
    assert arms["oversample"].chosen == {"cnn": 3}
    assert arms["probe"].accuracy == pytest.approx(linear.arms[0].accuracy, abs=0.1)
    assert found.verdict == without.verdict
    (told,) = [finding for finding in found.findings if finding["kind"] == "few_shot_is_best"]
    assert told["details"]["arm"] == "probe"
    assert "probe is better than every arm of the classifier that was asked for" in told["message"]


def test_a_choice_of_classifiers_leaves_it_out(tones: Dataset, copying_runs: MakeRun, tmp_path: Path) -> None:
    from menura.cli.evaluate import show

    found = proof(tones, tmp_path, copying_runs, "probe", classifier="best", steps=1)
    assert all(set(item["means"]) == {"oversample", "synthetic"} for item in found.by_classifier)
    assert {arm.name: set(arm.chosen) for arm in found.arms}["probe"] == {"linear"}
    show(found)


def test_classifiers_that_hear_the_same_share_their_features() -> None:
    lab = load_lab(LabSpec("best", "acoustic", 8000, ("linear",)))
    assert [classifier.name for classifier in lab.listeners] == ["linear", "cnn"]
    assert lab.extra == ()
    lab = load_lab(LabSpec("cnn", "acoustic", 8000, ("linear",)))
    assert [classifier.name for classifier in lab.classifiers] == ["cnn"]
    assert [classifier.name for classifier in lab.listeners] == ["cnn", "linear"]
    assert [classifier.name for classifier in lab.of_arm("linear")] == ["linear"]
    assert lab.of_arm(None) == lab.classifiers


@pytest.mark.parametrize("arm", FEW_SHOT_ARMS)
def test_every_few_shot_arm_runs_or_says_that_its_classifier_is_not_there(
    arm: str, tones: Dataset, copying_runs: MakeRun, tmp_path: Path
) -> None:
    from menura.classify.base import CLASSIFIERS

    if arm_named(arm).classifier not in CLASSIFIERS:
        with pytest.raises(BackendError, match=f"no classifier '{arm_named(arm).classifier}'"):
            proof(tones, tmp_path, copying_runs, arm)
        return
    found = proof(tones, tmp_path, copying_runs, arm)
    arms = {result.name: result for result in found.arms}
    assert arms[arm].clips == 9
    assert arms[arm].accuracy > 0.4  # chance is a third
