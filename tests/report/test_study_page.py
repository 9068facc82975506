"""The page of a study, from its files alone."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.report.test_page import Page

from menura.errors import RunError
from menura.report.study import find_studies, read_study
from menura.report.study_page import render_study, write_study_figures, write_study_report

EVIL = '<script>alert("x")</script>'
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><style>*{}</style><text style="fill:red">curve</text></svg>'


def row(point: str, arm: str, value: float, gain: float, **more: Any) -> dict[str, Any]:
    return {
        "series": "", "point": point, "arm": arm, "clips": 40.0, "value": value,
        "interval": [value - 0.05, value + 0.05], "baseline": "real", "gain": gain,
        "gain_interval": [gain - 0.02, gain + 0.02], "p": 0.01, "p_corrected": None,
    } | more  # fmt: skip


STORED: dict[str, Any] = {
    "study": "low-resource",
    "question": "How much does each method help?",
    "axis": "real clips",
    "dataset": f"my sounds {EVIL}",
    "metric": "accuracy",
    "folds": ["1", "2", "3"],
    "seeds": 2,
    "test_clips": 411,
    "classifier": "linear",
    "notes": [f"50: synthetic {EVIL} reaches 71.5 %", "published numbers come from other classifiers"],
    "conditions": {
        size: {"real_total": int(size), "run": {"recipe": "resynth", "generator": {"name": "worker:/home/me/model"}}}
        for size in ("50", "100")
    },
    "rows": [
        row("50", "real", 0.61, 0.0), row("50", "synthetic", 0.715, 0.105, p_corrected=0.02),
        row("100", "real", 0.7, 0.0), row("100", "synthetic", 0.68, -0.03, p_corrected=0.04),
    ],
    "published": [
        {"series": "", "point": "50", "arm": "synthetic", "method": "Synthio", "value": 0.4915, "source": "table 1"},
        {"series": "", "point": "50", "arm": "", "method": "Retrieval", "value": 0.3755, "source": "table 1"},
    ],
    "versions": {"menura": "0.1.0"},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the study leaves, with those of another study whose name begins alike."""
    (tmp_path / "low-resource.json").write_text(json.dumps(STORED))
    (tmp_path / "low-resource.csv").write_text("series,point,arm\n,50,real\n")
    (tmp_path / "low-resource.svg").write_text(SVG)
    (tmp_path / "low-resource-gain.svg").write_text(SVG)
    other = {"study": "low-resource-two", "rows": [{"name": "a", "kad": 1.5}], "notes": []}
    (tmp_path / "low-resource-two.json").write_text(json.dumps(other))
    (tmp_path / "low-resource-two.svg").write_text(SVG)
    (tmp_path / "evaluation-settings.json").write_text("{}")
    return tmp_path


@pytest.fixture
def text(folder: Path) -> str:
    return write_study_report(folder / "low-resource.json").read_text(encoding="utf-8")


def test_the_page_lies_beside_the_numbers_and_names_its_study(folder: Path, text: str) -> None:
    assert (folder / "low-resource.html").read_text(encoding="utf-8") == text
    page = Page(text)
    assert [section["id"] for section in page.all("section")] == ["found", "results", "plots", "table", "method"]
    assert page.text.index("How much does each method help?") < page.text.index("reaches 71.5 %")


def test_names_that_try_to_break_out_are_text_and_nothing_comes_from_outside(text: str) -> None:
    page = Page(text)
    assert len(page.all("script")) == 1
    assert EVIL in page.text
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, value)
    assert "/home/me" not in text


def test_plots_and_tables_can_be_downloaded_as_they_are(folder: Path, text: str) -> None:
    links = {link["download"]: link["href"] or "" for link in Page(text).all("a") if "download" in link}
    assert set(links) == {"low-resource.svg", "low-resource-gain.svg", "low-resource.csv"}
    for name, address in links.items():
        assert name is not None
        assert base64.b64decode(address.partition("base64,")[2]) == (folder / name).read_bytes()


def test_numbers_stand_in_percent_and_points_with_the_published_ones_beside(text: str) -> None:
    tables = re.findall(r"<table.*?</table>", text, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", line) for line in re.findall(r"<tr>.*?</tr>", tables[0])]
    assert cells[0] == [
        "real clips", "arm", "accuracy", "95 % interval", "over", "gain, points", "95 % interval", "p", "p, corrected",
        "training clips", "published",
    ]  # fmt: skip
    assert cells[2] == [
        "50", "synthetic", "71.5 %", "66.5 % to 76.5 %", "real", "+10.5", "+8.5 to +12.5", "0.010", "0.020", "40",
        "49.1 %",
    ]  # fmt: skip
    assert cells[4][-1] == "–"
    assert "Retrieval" in tables[1]
    assert "Synthio" not in tables[1]


def test_what_the_conditions_differ_in_is_told_apart_from_what_they_share(text: str) -> None:
    page = Page(text).text
    assert "The conditions differed in real_total: 50 and 100." in page
    assert "worker:model" in page


def test_columns_keep_the_order_of_the_table_which_json_does_not(tmp_path: Path) -> None:
    stored = {"study": "distance", "rows": [{"kad": 1.25, "kad_interval": [1.0, 1.5], "name": "synthetic"}]}
    (tmp_path / "distance.json").write_text(json.dumps(stored, sort_keys=True))
    (tmp_path / "distance.csv").write_text("name,kad,kad_interval_low,kad_interval_high\nsynthetic,1.25,1,1.5\n")
    text = render_study(read_study(tmp_path / "distance.json"))
    heads = re.findall(r"<th scope=\"col\"[^>]*>([^<]*)</th>", text)
    assert heads == ["name", "kad", "kad interval"]
    assert "1 to 1.5" in text


def test_the_studies_of_a_folder_are_found_and_other_files_are_not(folder: Path) -> None:
    assert [path.name for path in find_studies(folder)] == ["low-resource-two.json", "low-resource.json"]
    assert set(read_study(folder / "low-resource.json").figures) == {"low-resource.svg", "low-resource-gain.svg"}


def test_a_file_of_something_else_is_refused(folder: Path) -> None:
    with pytest.raises(RunError, match=r"evaluation-settings\.json is no file of a study"):
        write_study_report(folder / "evaluation-settings.json")
    (folder / "broken.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        write_study_report(folder / "broken.json")


def test_figures_of_a_study_are_its_plots_and_tables_with_the_paragraph(folder: Path, tmp_path: Path) -> None:
    methods, files = write_study_figures(folder / "low-resource.json", tmp_path / "figures")
    assert {path.name for path in files} == {
        "low-resource.svg", "low-resource-gain.svg", "low-resource.csv", "methods.txt", "references.bib",
    }  # fmt: skip
    assert (tmp_path / "figures" / "methods.txt").read_text() == f"{methods.text}\n"
