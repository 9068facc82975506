"""Arms of one condition against those of another, and what is printed beside the rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from menura.cli.bench.files import write_report
from menura.config import JudgeSettings, RunSettings
from menura.datasets.dataset import Dataset
from menura.studies.bench.compare import Side, comparisons
from menura.studies.bench.condition import Condition, Measured, measure
from menura.studies.bench.report import report_of
from menura.studies.bench.rows import arm_rows
from menura.studies.bench.tables import PublishedCell
from menura.studies.job import MakeRun
from menura.studies.settings import EvaluationSettings


@pytest.fixture
def few_and_many(tones: Dataset, helpful_runs: MakeRun, tmp_path: Path) -> tuple[Measured, ...]:
    run = RunSettings(judge=JudgeSettings(encoder="acoustic"))
    conditions = [
        Condition(
            str(total), EvaluationSettings(arms=("real", "synthetic"), seeds=1, real_total=total, run=run),
            make_run=helpful_runs,
        )
        for total in (6, 12)
    ]  # fmt: skip
    return measure(tones, conditions, tmp_path / "study", workers=1, test_folds=("1",))


def test_all_rows_may_be_compared_with_an_arm_of_one_condition(few_and_many: tuple[Measured, ...]) -> None:
    few, many = few_and_many
    rows = {(row.point, row.arm): row for row in arm_rows(few_and_many, of=many)}
    assert list(rows) == [("6", "real"), ("6", "synthetic"), ("12", "real"), ("12", "synthetic")]
    assert rows["6", "synthetic"].baseline == "real (12)"
    assert rows["12", "real"].baseline == "real"
    for (point, arm), row in rows.items():
        own = few if point == "6" else many
        assert row.gain == pytest.approx(own.table.mean(arm) - many.table.mean("real"))
    assert rows["12", "real"].gain_interval == (0.0, 0.0)
    back = arm_rows([few], baseline="synthetic", of=many)
    assert [row.baseline for row in back] == ["synthetic (12)"] * 2


def test_a_comparison_is_the_same_from_both_sides(few_and_many: tuple[Measured, ...]) -> None:
    few, many = few_and_many
    one, other = comparisons([(Side("a", few), Side("b", many)), (Side("b", many), Side("a", few))])
    assert one.gain == pytest.approx(-other.gain)
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))
    assert one.p_corrected >= one.p
    (alone,) = comparisons([(Side("a", few), Side("b", many))])
    assert alone.p_corrected == alone.p == one.p
    assert replace(alone, gain=-0.2, interval=(-0.3, -0.1), p_corrected=0.01).outcome == "worse"
    assert replace(alone, gain=-0.2, interval=(-0.3, -0.1), p_corrected=0.06).outcome == "cannot be told apart"


def test_what_was_only_published_is_a_table_and_no_number_of_ours(
    few_and_many: tuple[Measured, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few, many = few_and_many
    cells = [
        PublishedCell("their net", point, "published", "their net", value, "x") for point, value in (("6", 0.4321),)
    ]
    report = report_of(
        "s", [few, many], question="?", axis="clips", published=cells,
        more={"pairs": comparisons([(Side("6", few), Side("12", many))]), "none": ()},
    )  # fmt: skip
    assert list(report.more) == ["pairs"]
    write_report(tmp_path, report, json=False, figures=lambda found: {"-own": f"<svg>{len(found.rows)}</svg>"})
    printed = capsys.readouterr()
    told = printed.out + printed.err
    assert "published only" in told
    assert "43.2" in told
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        "s.csv", "s-pairs.csv", "s.html", "s.json", "s-own.svg",
    }  # fmt: skip
    assert "their net" not in (tmp_path / "s.csv").read_text()
