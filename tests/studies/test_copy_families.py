"""All baselines that copy real clips, through the whole evaluation."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tests.studies.conftest import fake_runs, tone

from menura.augmentation import classic
from menura.augmentation.classic import classic_is_available
from menura.config import JudgeSettings, RunSettings
from menura.datasets.dataset import Dataset
from menura.errors import BackendError, ConfigError
from menura.studies.arm_table import ARM_GROUPS, ARM_TABLE
from menura.studies.copy_families import COPY_FAMILIES, needs_library
from menura.studies.evaluate import evaluate
from menura.studies.job import MakeRun

needs_extra = pytest.mark.skipif(not classic_is_available(), reason="audiomentations is not installed")

COPYING = tuple(name for name in ARM_GROUPS["baselines"] if name not in ("real", "oversample"))


def _two_folds(dataset: Dataset) -> Dataset:
    return replace(dataset, clips=tuple(clip for clip in dataset.clips if clip.fold in ("1", "2")))


def test_every_arm_of_copies_has_its_family() -> None:
    families = {family for name in COPYING for family in ARM_TABLE[name].families}
    assert families == set(COPY_FAMILIES)
    assert [family for family in COPY_FAMILIES if not needs_library(family)] == ["noise", "specaugment", "mixup"]
    assert not needs_library("synthetic")


@needs_extra
def test_all_baselines_are_compared_at_equal_clips(
    tones: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {
        "out": tmp_path, "real_per_label": 3, "seeds": 1, "workers": 1,
        "settings": RunSettings(judge=JudgeSettings(encoder="acoustic")),
        "make_run": fake_runs(lambda parent, generator: tone(parent.labels[0], generator), times=2),
    }  # fmt: skip
    result = evaluate(_two_folds(tones), arms=("baselines", "synthetic"), steps=5, **options)
    assert [arm.name for arm in result.arms] == [*ARM_GROUPS["baselines"], "synthetic"]
    for arm in result.arms:
        assert arm.clips == (9 if arm.name in ("real", "oversample") else 27)
    cells = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "cells" / "fold-1-seed-0").iterdir()}
    assert len({str(cells[name]["predictions"]) for name in COPYING}) == len(COPYING)  # no arm has another's copies
    assert {(cell["arm"], tuple(cell["clips"].items())) for cell in result.cells if cell["arm"] in COPYING} == {
        (name, tuple(sorted({"real": 9, ARM_TABLE[name].families[0]: 18}.items(), key=lambda item: item[0])))
        for name in COPYING
    }
    best = max(result.arms[:-1], key=lambda arm: arm.accuracy)
    assert result.protocol["baseline"] == best.name
    assert [found["fold"] for found in result.protocol["policies"]] == ["1", "2"]
    assert any(finding["kind"] == "policy_found" for finding in result.findings)
    unit = cells["clips"]
    assert unit["policy"]["found"] == result.protocol["policies"][0]["found"]
    assert len(unit["policy"]["tried"]) == 8

    def nobody(*unused: object) -> None:
        raise AssertionError("a policy was searched for again")

    monkeypatch.setattr("menura.studies.policy_search.search_policy", nobody)
    (tmp_path / "cells" / "fold-1-seed-0" / "policy.json").unlink()
    again = evaluate(_two_folds(tones), arms=("baselines", "synthetic"), steps=5, **options)
    assert again.cells == result.cells
    fewer = evaluate(_two_folds(tones), arms=("real", "noise", "synthetic"), steps=5, **options)
    assert Counter(cell["arm"] for cell in fewer.cells) == {"real": 2, "noise": 2, "synthetic": 2}


@needs_extra
def test_a_network_trained_arm_by_arm_gets_the_same_mixtures_and_the_policy_stays_on_record(
    tones: Dataset, tmp_path: Path
) -> None:
    """Each arm is a job of its own, and the last one to write ``clips.json`` is not the one that searched."""
    split = {"1": "train", "2": "test"}  # one unit and one worker, so that arms become jobs
    clips = tuple(replace(clip, fold=None, split=split[str(clip.fold)]) for clip in _two_folds(tones).clips)
    result = evaluate(
        replace(tones, clips=clips), out=tmp_path, real_per_label=2, seeds=1, steps=2, workers=1, classifier="cnn",
        arms=("real", "mixup", "policy", "synthetic"),
        settings=RunSettings(judge=JudgeSettings(encoder="acoustic")),
        make_run=fake_runs(lambda parent, generator: None, times=1),
    )  # fmt: skip
    assert {arm.name: arm.clips for arm in result.arms} == {"real": 6, "mixup": 12, "policy": 12, "synthetic": 12}
    assert [found["fold"] for found in result.protocol["policies"]] == ["test"]


def test_baselines_that_need_the_library_are_refused_before_anything_is_made(
    tones: Dataset, helpful_runs: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classic, "classic_is_available", lambda: False)
    arms = ("real", "noise", "stretch", "policy", "synthetic")
    with pytest.raises(BackendError, match=r"arms stretch, policy need audiomentations.*--arms real,noise,synthetic"):
        evaluate(tones, out=tmp_path, arms=arms, make_run=helpful_runs)
    assert not list(tmp_path.iterdir())


def test_a_misspelt_baseline_is_refused_with_those_that_there_are(tones: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown arms pitch; known arms: .*pitch-2, pitch-3\.5.*baselines"):
        evaluate(tones, out=tmp_path, arms=("real", "pitch", "synthetic"))
