"""``menura evaluate`` on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from menura import datasets
from menura.classify.results import EvaluationResult
from menura.cli.evaluate import _folds, _numbers, show
from menura.cli.main import app
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.evaluate import evaluate
from menura.studies.job import MakeRun

RUNNER = CliRunner()


def test_tables_verdict_and_advice_are_printed(
    tones: Dataset, helpful_runs: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = evaluate(
        tones, out=tmp_path, real_per_label=2, seeds=1, arms=("real", "synthetic"), doses=(1,), times=3, workers=1,
        make_run=helpful_runs,
    )  # fmt: skip
    show(replace(result, verdict="Undecided: [low] is no markup"), wrote=tmp_path / "evaluation.json")
    printed = capsys.readouterr().out
    for text in ("4 folds", "1 seed,", "synthetic per real", "keep-rate", "[low] is no markup", "evaluation.json"):
        assert text in printed


def test_the_table_says_that_zero_shot_stands_beside_and_whether_it_is_the_best(
    tones: Dataset, copying_runs: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = evaluate(
        tones, out=tmp_path, real_per_label=2, seeds=1, arms=("real", "synthetic"), workers=1, make_run=copying_runs
    )
    with_it = replace(result, arms=(*result.arms, replace(result.arms[0], name="zero-shot")))
    best = {"kind": "zero_shot_is_best", "severity": "note", "message": "zero-shot is better", "remedy": ""}
    for shown, said in ((result, ""), (with_it, "zero-shot has learned from none of these clips"),
                        (replace(with_it, findings=(best,)), "it is better than every trained arm")):  # fmt: skip
        show(shown)
        printed = " ".join(capsys.readouterr().out.split())
        assert said in printed
        assert ("better than every" in printed) is ("better" in said)
        assert ("learned from none" in printed) is (said != "")


def test_a_choice_of_classifiers_shows_what_each_alone_would_have_found(
    tones: Dataset, helpful_runs: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = evaluate(
        tones, out=tmp_path, real_per_label=3, seeds=1, arms=("real", "synthetic"), times=1, workers=1, steps=4,
        classifier="best", make_run=helpful_runs,
    )  # fmt: skip
    assert {item["classifier"] for item in result.by_classifier} == {"linear", "cnn"}
    assert EvaluationResult.read(tmp_path / "evaluation.json").by_classifier == result.by_classifier
    show(result, wrote=None)
    printed = capsys.readouterr().out
    assert "as if it were the only one" in printed


def test_folds_and_doses_are_read() -> None:
    assert (_folds(None), _folds("groups"), _folds("4")) == (None, "groups", 4)
    assert _numbers("1, 3,8") == (1.0, 3.0, 8.0)
    with pytest.raises(ConfigError, match="separated by commas"):
        _numbers("1;3")


def test_a_folder_of_recordings_ends_in_one_json_object(tones: Dataset, tmp_path: Path) -> None:
    answer = RUNNER.invoke(
        app,
        [
            "evaluate", tones.root, "-o", str(tmp_path / "proof"), "--real-per-label", "2", "--seeds", "1",
            "--arms", "real,synthetic", "--folds", "2", "--times", "1", "--workers", "2", "--json",
        ],
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    values = json.loads(answer.stdout)
    assert [arm["name"] for arm in values["arms"]] == ["real", "synthetic"]
    assert values["protocol"]["folds"] == ["1", "2"]
    assert values["outcome"] in ("helped", "hurt", "undecided")
    assert any(finding["kind"] == "no_groups" for finding in values["findings"])
    assert json.loads((tmp_path / "proof" / "evaluation.json").read_text())["verdict"] == values["verdict"]
    alone = evaluate(
        datasets.load(tones.root), out=tmp_path / "alone", real_per_label=2, seeds=1, arms=("real", "synthetic"),
        folds=2, times=1, workers=1,
    )  # fmt: skip
    assert alone.to_json()["cells"] == values["cells"]  # one worker or two
