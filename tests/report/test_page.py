"""The page without a browser: complete, escaped, nothing from outside."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import menura.report
from menura.classify.results import EvaluationResult
from menura.report.material import Material
from menura.report.page import render_page
from menura.report.results_view import arms_view, dose_view

TEMPLATE = Path(menura.report.__file__).parent / "template"


class Page(HTMLParser):
    """Tags with their attributes, and the text inside each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, str]] = []
        self.words: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in = tag

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in in ("script", "style"):
            self.inside.append((self._in, data))
        else:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def text(material: Material) -> str:
    return render_page(material)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_labels_paths_and_names_stay_text(page: Page) -> None:
    script, style = ((TEMPLATE / name).read_text(encoding="utf-8").strip() for name in ("page.js", "page.css"))
    assert sorted(page.inside) == [("script", script), ("style", style)]
    assert '<script>alert("x")</script>' in page.text
    handlers = [(tag, name) for tag, attributes in page.tags for name in attributes if name.startswith("on")]
    assert handlers == []


def test_nothing_is_loaded_from_outside(page: Page, text: str) -> None:
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "poster", "srcset", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, name, value)
    assert not re.findall(r"url\(|@import|https?:", text.replace("base64", ""))


def test_the_policy_allows_this_style_and_this_script_and_nothing_else(page: Page) -> None:
    (policy,) = [meta["content"] or "" for meta in page.all("meta") if meta.get("http-equiv")]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["media-src"] == rules["img-src"] == "data:"
    for kind, body in page.inside:
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert "unsafe" not in policy


def test_the_verdict_comes_first_and_in_words(page: Page) -> None:
    assert page.all("section")[0]["id"] == "verdict"
    before_proof = page.text.split("The proof")[0]
    for said in ("Yes, it helped", "+6.1", "+2.2 to +10.0", "synthetic+classic", "0.004", "5 × 3"):
        assert said in before_proof


@pytest.mark.parametrize(("outcome", "said", "tone"), [
    ("helped", "Yes, it helped", "good"), ("hurt", "No, it hurt", "bad"),
    ("undecided", "Not distinguishable from chance", "open"),
])  # fmt: skip
def test_each_outcome_is_printed_as_plainly(material: Material, outcome: str, said: str, tone: str) -> None:
    assert material.evaluation is not None
    shown = Page(render_page(Material(evaluation=replace(material.evaluation, outcome=outcome))))
    assert said in shown.text
    assert shown.all("section")[0]["class"] == f"hero {tone}"


def test_every_section_is_there_once_with_a_link_to_it(page: Page) -> None:
    sections = [section["id"] for section in page.all("section")]
    assert sections == ["verdict", "proof", "labels", "listen", "map", "kept", "findings", "method"]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [(link["href"] or "")[1:] for link in page.all("a")]
    assert set(links) <= set(ids)
    assert set(sections) <= {*links, "verdict"}


def test_every_picture_player_and_button_has_a_name(page: Page) -> None:
    assert all(picture["alt"] for picture in page.all("img"))
    assert all(player["aria-label"] for player in page.all("audio"))
    assert all(svg.get("aria-hidden") or svg.get("aria-label") or "viewbox" in svg for svg in page.all("svg"))
    assert all(header.get("scope") for header in page.all("th"))


def test_parents_stand_beside_their_child(material: Material, page: Page) -> None:
    assert material.run is not None
    families = (*material.run.children, *material.run.rejects[0].examples)
    assert len(page.all("audio")) == sum(1 + len(child.parents) for child in families)
    assert len([f for f in page.all("article") if f["class"] == "family"]) == len(families)
    assert f"{30 - len(material.run.children)} other kept clips are left out" in page.text


def test_what_a_label_lost_is_said_aloud(page: Page) -> None:
    assert "Rejected: does not sound like its label (0.12, at least 0.40)" in page.text
    assert "30 clips of 76 were kept; 5 more passed and were not needed" in page.text
    assert len([row for row in page.all("tr") if row.get("class") == "alarm"]) == 1


def test_findings_stand_in_the_order_of_their_weight(page: Page) -> None:
    found = [item["class"] for item in page.all("li") if item.get("class") in ("error", "warning", "note")]
    assert found == ["error", "warning"]


def test_an_evaluation_alone_is_a_page_without_players(material: Material) -> None:
    shown = Page(render_page(Material(evaluation=material.evaluation, source="study")))
    assert [section["id"] for section in shown.all("section")] == ["verdict", "proof", "labels", "findings", "method"]
    assert shown.all("audio") == []


def test_a_run_that_was_not_evaluated_says_so_and_how_to(material: Material) -> None:
    shown = Page(render_page(replace(material, evaluation=None)))
    assert "not proven yet" in shown.text
    assert "menura evaluate runs/first" in shown.text
    assert "proof" not in [section["id"] for section in shown.all("section")]


def test_a_clip_that_is_gone_costs_its_player_and_is_counted(material: Material, tmp_path: Path) -> None:
    assert material.run is not None
    first = material.run.children[0]
    lost = replace(first, sound=replace(first.sound, path=str(tmp_path / "gone.flac")))
    run = replace(material.run, children=(lost, *material.run.children[1:]))
    shown = Page(render_page(replace(material, run=run)))
    assert "1 clip could not be read for this page" in shown.text


def test_an_evaluation_without_numbers_still_makes_a_page() -> None:
    empty = EvaluationResult("d", (), "macro_f1", (), (), (), "undecided", "Nothing was measured.")
    assert "Nothing was measured." in Page(render_page(Material(evaluation=empty))).text


def test_equal_material_gives_equal_pages(material: Material, text: str) -> None:
    assert render_page(material) == text


def test_each_classifier_has_its_own_gain_where_there_was_a_choice(material: Material, page: Page) -> None:
    assert "Each classifier alone" in page.text
    assert "+6.4" in page.text
    assert material.evaluation is not None
    without = replace(material, evaluation=replace(material.evaluation, by_classifier=()))
    assert "Each classifier alone" not in Page(render_page(without)).text


def test_an_arm_that_learned_from_no_clip_is_shown_and_is_no_baseline(material: Material) -> None:
    evaluation = material.evaluation
    assert evaluation is not None
    untrained = replace(evaluation.arms[0], name="zero-shot", accuracy=0.999, macro_f1=0.999, uar=0.999, clips=0)
    found = replace(evaluation, arms=(*evaluation.arms, untrained))
    row = arms_view(found).rows[-1]
    assert (row.name, row.note, row.tone) == ("zero-shot", "no clip at all: a model of sounds and texts", "plain")
    assert dose_view(found) == dose_view(evaluation) is not None
    ranked = replace(found, arms=(*evaluation.arms, replace(untrained, mean_average_precision=0.5)))
    cells = dict(arms_view(ranked).rows[-1].cells)
    assert (cells["accuracy"], cells["UAR"], cells["mAP"]) == ("–", "–", "50.0 %")
