"""Charts as files: each as a drawing and as the numbers in it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.report.conftest import EVIL, LABELS
from typer.testing import CliRunner

from menura.cli.main import app
from menura.report.material import Material
from menura.report.plots import csv_text, plots_of, write_plots


@pytest.fixture(scope="module")
def files(material: Material, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.name: path for path in write_plots(tmp_path_factory.mktemp("figures"), material)}


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_chart_of_the_page_is_a_drawing_and_a_table(files: dict[str, Path]) -> None:
    names = {"arms", "differences", "classifiers", "labels", "dose", "keep-rates", "rejects", "map"}
    assert names <= {path.stem for path in files.values()}
    assert {path.suffix for name, path in files.items() if path.stem in names} == {".svg", ".csv"}
    for path in files.values():
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_the_tables_hold_the_numbers_of_the_evaluation(files: dict[str, Path], material: Material) -> None:
    assert material.evaluation is not None
    arms = lines(files["arms.csv"])
    assert [float(line["accuracy"]) for line in arms] == [arm.accuracy for arm in material.evaluation.arms]
    assert [float(line["interval_low"]) for line in arms] == [arm.interval[0] for arm in material.evaluation.arms]
    assert [line["label"] for line in lines(files["labels.csv"])] == list(LABELS)
    assert sum(int(line["clips"]) for line in lines(files["confusion-real.csv"])) == sum(
        map(sum, material.evaluation.arms[0].confusion)
    )
    assert [float(line["times"]) for line in lines(files["dose.csv"])] == [0, 1, 3, 8]


def test_labels_are_text_in_a_drawing(files: dict[str, Path]) -> None:
    texts = [element.text for element in ElementTree.parse(files["labels.svg"]).iter() if element.text]
    assert f"siren{EVIL}" in texts
    assert "<script" not in files["labels.svg"].read_text(encoding="utf-8")


def test_what_was_not_measured_has_no_chart(material: Material) -> None:
    assert {plot.name for plot in plots_of(replace(material, evaluation=None))} == {"keep-rates", "rejects", "map"}
    assert "map" not in {plot.name for plot in plots_of(replace(material, run=None))}


def test_a_record_with_fewer_fields_leaves_cells_empty() -> None:
    assert csv_text([{"a": 1, "interval": (2, 3)}, {"a": 4}]) == "a,interval_low,interval_high\n1,2,3\n4,,\n"


def test_the_command_writes_figures_and_the_paragraph(material: Material, tmp_path: Path) -> None:
    assert material.evaluation is not None
    (tmp_path / "evaluation.json").write_text(json.dumps(material.evaluation.to_json()))
    done = CliRunner().invoke(app, ["report", str(tmp_path), "--figures", str(tmp_path / "figures"), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (tmp_path / "figures" / "methods.txt").read_text(encoding="utf-8") == f"{told['methods']}\n"
    assert str(tmp_path / "figures" / "arms.svg") in told["figures"]
    assert "holm1979simple" not in told["bibtex"] or "Holm" in told["methods"]


def test_the_command_makes_the_page_of_a_study_anew_and_compares_two(material: Material, tmp_path: Path) -> None:
    from tests.report.test_study_page import STORED

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "low-resource.json").write_text(json.dumps(STORED))
    done = CliRunner().invoke(app, ["report", str(tmp_path / "a")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "a" / "low-resource.html").is_file()
    out = tmp_path / "compare.html"
    done = CliRunner().invoke(app, ["report", str(tmp_path / "a"), str(tmp_path / "b"), "-o", str(out), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["report"] == str(out)
    assert {path.name for path in tmp_path.glob("compare.*")} == {"compare.html", "compare.json", "compare.csv"}
