"""Several evaluations beside each other."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.report.test_page import Page
from tests.report.test_study_page import STORED

from menura.classify.results import EvaluationResult
from menura.errors import RunError
from menura.report.comparison import compare
from menura.report.comparison_page import write_comparison
from menura.report.material import Material


def stored(result: EvaluationResult, folder: Path, **protocol: Any) -> Path:
    """A folder with the evaluation, its protocol changed."""
    folder.mkdir(parents=True)
    changed = replace(result, protocol={**result.protocol, "test_fingerprint": "abc", **protocol})
    (folder / "evaluation.json").write_text(json.dumps(changed.to_json()))
    return folder


@pytest.fixture
def result(material: Material) -> EvaluationResult:
    assert material.evaluation is not None
    return material.evaluation


def better(result: EvaluationResult, by: float) -> EvaluationResult:
    """The same, every synthetic cell better by as much."""
    cells = tuple(
        {**cell, "accuracy": cell["accuracy"] + by} if "synthetic" in cell["arm"] else cell for cell in result.cells
    )
    return replace(result, cells=cells)


def test_only_settings_that_differ_are_named(result: EvaluationResult, tmp_path: Path) -> None:
    one = stored(result, tmp_path / "one", run_settings={"recipe": "resynth", "rounds": 1})
    other = stored(result, tmp_path / "other", run_settings={"recipe": "synthio", "rounds": 1}, seeds=4)
    found = compare([one, other])
    assert found.differing == {"run.recipe": ("resynth", "synthio"), "seeds": ("3", "4")}
    assert found.problems == ()


def test_a_planted_difference_between_two_evaluations_is_found(result: EvaluationResult, tmp_path: Path) -> None:
    found = compare([stored(result, tmp_path / "one"), stored(better(result, 0.05), tmp_path / "other")])
    (direct,) = found.directs
    assert (direct.side, direct.against, direct.arm) == ("other", "one", "synthetic+classic")
    assert direct.gain == pytest.approx(0.05)
    assert direct.interval == pytest.approx((0.05, 0.05))
    assert direct.p_corrected < 0.001


def test_an_evaluation_beside_itself_differs_in_nothing(result: EvaluationResult, tmp_path: Path) -> None:
    found = compare([stored(result, tmp_path / "one"), stored(result, tmp_path / "other")])
    assert found.differing == {}
    assert (found.directs[0].gain, found.directs[0].p) == (0.0, 1.0)


@pytest.mark.parametrize(("change", "protocol", "said"), [
    ({"dataset": "fsdd"}, {}, "the datasets differ"), ({"metric": "uar"}, {}, "the metrics differ"),
    ({"labels": ("a", "b", "c", "d")}, {}, "the labels differ"),
    ({}, {"test_fingerprint": "xyz"}, "the test clips differ"),
    ({}, {"test_fingerprint": None, "folds": ["9"]}, "the test clips differ"),
])  # fmt: skip
def test_what_cannot_be_compared_says_so_first_and_names_why(
    result: EvaluationResult, tmp_path: Path, change: dict[str, Any], protocol: dict[str, Any], said: str
) -> None:
    folders = [stored(result, tmp_path / "one"), stored(replace(result, **change), tmp_path / "other", **protocol)]
    found = compare(folders)
    assert [problem for problem in found.problems if problem.startswith(said)]
    assert found.directs == ()
    page, numbers, _ = write_comparison(folders, tmp_path / "compare.html")
    text = Page(page.read_text(encoding="utf-8")).text
    assert text.index("These cannot be compared") < text.index("Within each")
    assert json.loads(numbers.read_text())["comparable"] is False


def test_evaluations_without_a_fingerprint_are_compared_with_a_remark(result: EvaluationResult, tmp_path: Path) -> None:
    found = compare([stored(result, tmp_path / "one", test_fingerprint=None), stored(result, tmp_path / "other")])
    assert found.problems == ()
    assert "did not record which clips it tested" in found.remarks[0]


def test_page_json_and_csv_hold_the_same_gains(result: EvaluationResult, tmp_path: Path) -> None:
    folders = [stored(result, tmp_path / "a" / "run"), stored(better(result, 0.05), tmp_path / "b" / "run")]
    page, numbers, table = write_comparison(folders, tmp_path / "out" / "compare.html")
    told = json.loads(numbers.read_text(encoding="utf-8"))
    assert told["compared"] == ["a/run", "b/run"]
    lines = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    gains = [line for line in lines if line["what"] == "gain"]
    assert [float(line["value"]) for line in gains] == [gain["gain"] for gain in told["gains"]]
    assert [line["side"] for line in lines if line["what"] == "direct"] == ["b/run"]
    text = page.read_text(encoding="utf-8")
    sections = [section["id"] for section in Page(text).all("section")]
    assert sections == ["found", "gains", "arms", "settings", "cost", "method"]
    assert len(Page(text).all("script")) == 1
    ids = [attributes["id"] for _, attributes in Page(text).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_studies_are_compared_by_their_rows(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "low-resource.json").write_text(json.dumps(STORED))
    found = compare([tmp_path / "one", tmp_path / "other" / "low-resource.json"])
    assert [gain.arm for gain in found.sides[1].gains] == ["50: synthetic", "100: synthetic"]
    assert found.problems == ()


def test_a_folder_without_an_evaluation_is_refused(result: EvaluationResult, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="empty holds neither an evaluation"):
        compare([stored(result, tmp_path / "one"), tmp_path / "empty"])
    with pytest.raises(RunError, match="two evaluations or more"):
        compare([tmp_path / "one"])
