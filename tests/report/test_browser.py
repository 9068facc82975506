"""The page in headless Chromium: quiet console, no network, players that play, no sideways scrolling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.browser import Tab, until
from tests.report.test_study_page import STORED

from menura.report.comparison_page import write_comparison
from menura.report.material import Material
from menura.report.page import render_page
from menura.report.study_page import write_study_report

pytestmark = pytest.mark.page


class Visit(Tab):
    """A page that has been opened, without a network."""

    def __init__(
        self, browser: Any, path: Path, *, width: int = 1400, scripts: bool = True, dark: bool = False
    ) -> None:
        super().__init__(
            browser, path.as_uri(), viewport={"width": width, "height": 900}, java_script_enabled=scripts,
            color_scheme="dark" if dark else "light", offline=True,
        )  # fmt: skip
        self.page.wait_for_load_state("load")


@pytest.fixture(scope="module")
def path(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_page(material), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def visit(browser: Any, path: Path) -> Visit:
    return Visit(browser, path)


def test_the_console_stays_quiet_and_nothing_is_asked_of_the_network(visit: Visit) -> None:
    assert visit.said == []
    assert [url for url in visit.asked if not url.startswith(("file:", "data:"))] == []


def test_every_player_holds_sound_of_a_finite_length(visit: Visit) -> None:
    until(visit.page, "[...document.querySelectorAll('audio')].every(a => a.readyState >= 1 || a.error)")
    players = visit.page.evaluate("[...document.querySelectorAll('audio')].map(a => [a.error?.code ?? 0, a.duration])")
    assert len(players) > 8
    assert all(error == 0 and 1.0 < duration < 6.0 for error, duration in players)


def test_a_press_plays_and_another_one_stops(visit: Visit) -> None:
    page = visit.page
    button = page.locator("#listen .play").first
    button.click()
    until(page, "document.querySelector('#listen audio').currentTime > 0.05")
    assert page.locator(".player.playing").count() == 1
    page.locator("#listen .play").nth(1).click()
    until(page, "document.querySelectorAll('#listen audio')[1].currentTime > 0")
    assert page.evaluate("document.querySelectorAll('#listen audio')[0].paused")
    page.locator("#listen .play").nth(1).click()
    assert page.locator(".player.playing").count() == 0


def test_parent_and_child_play_in_turn(visit: Visit) -> None:
    page = visit.page
    page.locator("#listen .in-turn").first.click()
    page.evaluate("(() => { const a = document.querySelector('#listen audio'); a.currentTime = a.duration - 0.1; })()")
    until(page, "!document.querySelectorAll('#listen audio')[1].paused")
    page.locator("#listen .play").nth(1).click()


def test_the_keyboard_alone_plays_a_clip_on_the_map(visit: Visit) -> None:
    page = visit.page
    link = page.locator("svg.map a").first
    link.focus()
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.player.playing') !== null")
    assert page.locator(".now").inner_text().startswith("Playing")
    page.locator(".player.playing .play").click()


def test_one_label_can_be_picked_out(visit: Visit) -> None:
    page = visit.page
    assert page.locator("#listen .family:visible").count() == 4  # one of each label
    page.locator(".chips .chip", has_text="chirp").click()
    assert page.locator("#listen .family:visible").count() == 2
    assert set(page.locator("#listen .family:visible h4").all_inner_texts()) == {"chirp"}
    page.locator(".chips .chip").first.click()
    page.locator(".label-keys .chip").first.click()
    assert page.locator("svg.map circle:not(.dim)").count() == 24
    page.locator(".label-keys .chip").first.click()
    assert page.locator("svg.map circle.dim").count() == 0


def test_a_table_sorts_by_numbers(visit: Visit) -> None:
    page = visit.page
    header = page.locator("table.keep th button", has_text="kept")
    header.click()
    kept = page.locator("table.keep tbody tr td:nth-child(4)").all_inner_texts()
    assert kept == sorted(kept, key=int)
    header.click()
    assert page.locator("table.keep tbody tr td:nth-child(4)").all_inner_texts() == kept[::-1]


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_width_needs_sideways_scrolling(browser: Any, path: Path, width: int, dark: bool) -> None:
    visit = Visit(browser, path, width=width, dark=dark)
    visit.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    wide = visit.page.evaluate(
        "[...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll, nav, svg') && "
        "e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert wide == []
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tracks = visit.page.evaluate(
        "[...document.querySelectorAll('svg.track')].map(t => t.getBoundingClientRect().width)"
    )
    assert min(tracks) > 0.4 * min(width, 1120)
    assert visit.said == []


def test_without_scripts_the_players_are_the_browser_s_own(browser: Any, path: Path) -> None:
    page = Visit(browser, path, scripts=False).page
    assert page.locator("#listen audio[controls]").first.is_visible()
    assert not page.locator("#listen .play").first.is_visible()


@pytest.fixture(scope="module")
def others(material: Material, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The page of a study, and a comparison of evaluations that cannot be compared."""
    assert material.evaluation is not None
    folder = tmp_path_factory.mktemp("others")
    for name, change in (("one", {}), ("other", {"dataset": "another"})):
        (folder / name).mkdir()
        (folder / name / "evaluation.json").write_text(json.dumps(material.evaluation.to_json() | change))
    (folder / "low-resource.json").write_text(json.dumps(STORED))
    styled = '<style>*{stroke:red}</style><path style="stroke-width:4" d="M0 0h900"/>'
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="300">{styled}</svg>'
    (folder / "low-resource.svg").write_text(drawing)
    compared, *_ = write_comparison([folder / "one", folder / "other"], folder / "compare.html")
    return [write_study_report(folder / "low-resource.json"), compared]


@pytest.mark.parametrize("width", [400, 1400])
def test_pages_of_studies_and_comparisons_fit_and_stay_quiet(browser: Any, others: list[Path], width: int) -> None:
    for path in others:
        visit = Visit(browser, path, width=width, dark=width == 400)
        visit.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert visit.said == []
        assert [url for url in visit.asked if not url.startswith(("file:", "data:"))] == []
        drawn = visit.page.evaluate("[...document.querySelectorAll('.plot img')].map(i => i.naturalWidth)")
        assert all(width > 0 for width in drawn)


def test_the_paragraph_is_copied_by_a_press_and_a_plot_is_saved(browser: Any, others: list[Path]) -> None:
    page = Visit(browser, others[0]).page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.locator(".copy").first
    button.click()
    until(page, "document.querySelector('.copy').textContent === 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("blockquote").first.inner_text()
    with page.expect_download() as saved:
        page.locator(".plot a").first.click()
    assert saved.value.suggested_filename == "low-resource.svg"
