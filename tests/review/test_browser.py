"""The review page in headless Chromium: every key, touch, hostile names, both schemes, a telephone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser import Tab, until

from menura.review.application import Application, BlindApplication, ReviewApplication
from menura.review.blind import BlindTest
from menura.review.catalogue import Catalogue
from menura.review.desk import Desk
from menura.review.server import ReviewServer

from .conftest import EVIL, make_catalogue

pytestmark = pytest.mark.page


class Visit(Tab):
    """The page of a server, opened by a fresh link."""

    def __init__(self, browser: Any, server: ReviewServer, *, phone: bool = False, dark: bool = False) -> None:
        self.server = server
        super().__init__(
            browser, server.link("ada"),
            viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 860},
            has_touch=phone, is_mobile=phone, color_scheme="dark" if dark else "light",
        )  # fmt: skip
        until(self.page, "document.body.dataset.ready === 'true'")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def at(self, place: int) -> None:
        until(self.page, f"document.getElementById('place').textContent.startsWith('{place} of')")

    def text(self, name: str) -> str:
        return str(self.page.locator(f"#{name}").inner_text())


@pytest.fixture
def open_page(browser: Any, serve: Callable[[Application], ReviewServer], desk: Desk) -> Iterator[Callable[..., Visit]]:
    visits = []

    def opened(application: Application | None = None, **how: bool) -> Visit:
        visits.append(Visit(browser, serve(application or ReviewApplication(desk)), **how))
        return visits[-1]

    yield opened
    for visit in visits:
        visit.page.context.close()


def lines(catalogue: Catalogue) -> list[dict[str, Any]]:
    return [json.loads(line) for line in catalogue.decisions_path.read_text().splitlines()]


PLAYING = "document.querySelector('.sound.playing') !== null"


def test_a_clip_that_was_come_back_to_shows_the_decision_once_it_is_taken(open_page: Callable[..., Visit]) -> None:
    visit = open_page()
    held: list[Any] = []
    visit.page.route("**/api/decide", lambda route: held.append(route))
    visit.at(1)
    visit.press("a")
    visit.at(2)
    visit.press("k")
    visit.at(1)
    assert visit.text("said") == "undecided"
    held[0].continue_()
    until(visit.page, "document.getElementById('said').textContent === 'accepted'")


def test_every_key_does_what_the_help_says(open_page: Callable[..., Visit], catalogue: Catalogue) -> None:
    visit = open_page()
    page = visit.page
    visit.at(1)
    visit.press(" ")
    until(page, PLAYING)
    visit.press("o")
    assert page.locator("#loop").get_attribute("aria-pressed") == "true"
    page.wait_for_timeout(600)  # longer than the clip
    assert page.evaluate(PLAYING)
    visit.press("o", " ")
    until(page, f"!({PLAYING})")
    visit.press("j")
    visit.at(2)
    visit.press("ArrowRight")
    visit.at(3)
    visit.press("k", "ArrowLeft")
    visit.at(1)
    visit.press("a")
    visit.at(2)
    visit.press("r")
    visit.at(3)
    until(page, "document.getElementById('progress').textContent.startsWith('2 decided')")
    visit.press("u")
    visit.at(2)
    until(page, "document.getElementById('progress').textContent.startsWith('1 decided')")
    assert visit.text("said") == "undecided"
    visit.press("f")
    page.keyboard.type("hum of the mains")
    visit.press("Enter")
    until(page, "document.getElementById('place').textContent.includes('hum of the mains')")
    visit.press("l")
    page.keyboard.type("rain")
    visit.press("Enter")
    visit.at(3)
    visit.press("k")
    visit.at(2)
    until(
        page,
        "document.getElementById('label').textContent.startsWith('\u2068rain & wind\u2069 (made as \u2068dog\u2069')",
    )
    visit.press("j")
    visit.at(3)
    visit.press("l", "Escape")
    visit.press("m")
    assert page.locator("#match").get_attribute("aria-pressed") == "false"
    visit.press("1")
    until(page, "document.querySelector('.sound.real.playing') !== null")
    visit.press("p", "?")
    assert page.locator("#help").is_visible()
    visit.press("Escape", "g")
    until(page, "document.getElementById('more').open")
    assert "No clip has been decided by two reviewers yet." in page.locator("#more").inner_text()
    visit.press("Escape", "/")
    page.keyboard.type(f"{EVIL} 3")
    until(page, "document.getElementById('found').textContent === '3 clips'")
    visit.press("Escape", "j")
    visit.at(2)
    until(page, "document.getElementById('progress').textContent.startsWith('2 decided')")
    items = catalogue.items
    assert [(line["action"], line["request"], line.get("undoes")) for line in lines(catalogue)] == [
        ("accept", items[0].id, None), ("reject", items[1].id, None), ("undo", items[1].id, 2),
        ("flag", items[1].id, None), ("relabel", items[1].id, None),
    ]  # fmt: skip
    assert visit.said == []
    assert all(
        url.startswith((f"http://127.0.0.1:{visit.server.hosts.port}/", "blob:", "data:")) for url in visit.asked
    )


def test_a_step_finds_its_clip_decoded_and_plays_it(open_page: Callable[..., Visit]) -> None:
    visit = open_page()
    visit.at(1)
    visit.page.wait_for_timeout(300)
    before = len(visit.asked)
    visit.press("j")
    until(visit.page, PLAYING)
    first = catalogue_ids(visit)[1]
    assert not [url for url in visit.asked[before:] if url.endswith(f"/sound?id={first}")]
    assert visit.page.evaluate("performance.getEntriesByType('measure').some(one => one.name === 'step')")


def catalogue_ids(visit: Visit) -> list[str]:
    return [item.id for item in visit.server.application.desk.catalogue.items]  # type: ignore[attr-defined]


def test_a_press_on_the_spectrogram_seeks(open_page: Callable[..., Visit]) -> None:
    visit = open_page()
    area = visit.page.locator(".picture").first
    until(visit.page, "document.querySelector('.picture img')?.naturalWidth === 400")
    visit.press("o")
    box = area.bounding_box()
    visit.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    assert "0.20 s" in visit.page.locator(".hover").first.get_attribute("data-at")
    visit.page.mouse.down()
    visit.page.mouse.up()
    until(visit.page, PLAYING)
    visit.press(" ")
    assert 0.05 < float(area.get_attribute("aria-valuenow")) <= 0.4


def test_names_that_hold_html_stay_text(open_page: Callable[..., Visit], catalogue: Catalogue) -> None:
    visit = open_page()
    visit.page.locator("#f-label").select_option(EVIL)
    until(visit.page, "document.getElementById('found').textContent === '4 clips'")
    visit.at(1)
    visit.press("j")
    visit.at(2)
    visit.press("f")
    visit.page.keyboard.type(EVIL)
    visit.press("Enter")
    until(visit.page, "document.getElementById('place').textContent.includes('onerror')")
    visit.press("l")
    assert visit.page.locator("img[src='x']").count() == 0
    assert visit.page.title() != "1"
    assert visit.text("label") == EVIL
    assert lines(catalogue)[0]["note"] == EVIL
    assert visit.said == []


def test_a_key_pressed_while_a_clip_is_on_its_way_decides_nothing(
    open_page: Callable[..., Visit], catalogue: Catalogue
) -> None:
    visit = open_page()
    visit.at(1)
    total = len(catalogue.items)
    visit.page.route("**/sound?id=*", lambda route: None)
    visit.page.locator("#list").evaluate("list => { list.scrollTop = list.scrollHeight; }")
    until(visit.page, f"document.getElementById('row-{total - 1}') !== null")
    visit.page.locator(f"#row-{total - 1}").click()
    until(visit.page, "document.getElementById('clip').classList.contains('loading')")
    visit.press("r")
    assert visit.text("toast").endswith("nothing was decided.")
    assert not catalogue.decisions_path.exists() or lines(catalogue) == []
    visit.page.unroute("**/sound?id=*")  # what was held goes on
    visit.at(total)
    visit.press("r")
    until(visit.page, "document.getElementById('progress').textContent.includes('1 rejected')")
    assert [line["action"] for line in lines(catalogue)] == ["reject"]


def test_an_enter_that_ends_a_character_chooses_nothing(open_page: Callable[..., Visit], catalogue: Catalogue) -> None:
    visit = open_page()
    visit.at(1)
    visit.press("l")
    visit.page.locator("#chooser-text").dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    assert visit.page.locator("#chooser").is_visible()
    visit.press("Enter")
    visit.at(2)
    until(visit.page, "document.getElementById('progress').textContent.startsWith('1 decided')")
    assert len(lines(catalogue)) == 1


def test_keys_are_found_by_their_place_where_the_layout_has_other_letters(open_page: Callable[..., Visit]) -> None:
    visit = open_page()
    visit.at(1)
    body = visit.page.locator("body")
    body.dispatch_event("keydown", {"key": "ф", "code": "KeyA", "bubbles": True})
    visit.at(2)
    body.dispatch_event("keydown", {"key": "q", "code": "KeyA", "bubbles": True})  # a French A key: no key of the page
    body.dispatch_event("keydown", {"key": "a", "code": "KeyQ", "bubbles": True})
    visit.at(3)
    until(visit.page, "document.getElementById('progress').textContent.startsWith('2 decided (2 accepted')")


def test_a_clip_that_is_gone_is_said_and_can_be_rejected(open_page: Callable[..., Visit], catalogue: Catalogue) -> None:
    gone = catalogue.items[0]
    Path(gone.path).unlink()
    visit = open_page()
    visit.at(1)
    until(visit.page, "document.querySelector('.trouble')?.textContent.includes('does not exist') === true")
    visit.press("r")
    visit.at(2)
    until(visit.page, "document.getElementById('progress').textContent.includes('1 rejected')")
    assert visit.text("now").startswith(f"{catalogue.items[1].label}, 2 of ")


def test_without_a_server_nothing_is_decided_and_the_page_goes_back_to_the_first_clip_of_them(
    open_page: Callable[..., Visit], catalogue: Catalogue
) -> None:
    visit = open_page()
    visit.at(1)
    held: list[Any] = []
    visit.page.route("**/api/decide", lambda route: held.append(route))
    for place in (2, 3, 4):
        visit.press("a")
        visit.at(place)
    for route in held:
        route.abort()
    visit.at(1)
    assert "does not answer: this was not taken" in visit.text("toast")
    assert not catalogue.decisions_path.exists()
    visit.page.unroute("**/api/decide")
    visit.page.context.clear_cookies()  # as after a new start of the server
    visit.press("a")
    until(visit.page, "document.getElementById('toast').textContent.includes('open its new link')")
    visit.at(1)


def test_an_undo_finds_its_clip_far_down_the_list_after_a_reload(
    open_page: Callable[..., Visit], tmp_path: Path
) -> None:
    from dataclasses import replace

    small = make_catalogue(tmp_path / "long", per_label=1)
    many = tuple(replace(small.items[k % 3], id=f"{k:016x}") for k in range(500))
    desk = Desk(replace(small, items=many))
    desk.decide("ada", many[450].id, "reject")
    visit = open_page(ReviewApplication(desk))
    visit.at(1)
    visit.press("u")
    visit.at(451)
    assert visit.text("said") == "undecided"


def test_a_filter_chosen_by_hand_leaves_the_keys_to_decisions(
    open_page: Callable[..., Visit], catalogue: Catalogue
) -> None:
    visit = open_page()
    field = visit.page.locator("#f-state")
    field.dispatch_event("pointerdown")
    field.focus()
    field.select_option("kept")
    until(visit.page, "document.getElementById('place').textContent.startsWith('1 of 6')")  # its clip is there
    visit.press("a")
    visit.at(2)
    until(visit.page, "document.getElementById('progress').textContent.startsWith('1 decided')")
    assert field.input_value() == "kept"


def test_a_disagreement_is_settled_by_a_key(open_page: Callable[..., Visit], desk: Desk) -> None:
    item = desk.catalogue.items[0]
    desk.decide("bob", item.id, "reject")
    desk.decide("ada", item.id, "accept")
    visit = open_page()
    visit.at(1)
    assert "bob: reject" in visit.text("dispute")
    visit.press("t", "r")
    visit.at(2)
    until(visit.page, "document.getElementById('progress').textContent.includes('1 rejected')")
    assert desk.ledger.consensus(item.id).accepted is False
    assert not desk.ledger.consensus(item.id).disputed


def test_filters_and_sorting_choose_the_list(open_page: Callable[..., Visit]) -> None:
    visit = open_page()
    page = visit.page
    page.locator("#f-state").select_option("rejected")
    until(page, "document.getElementById('found').textContent === '3 clips'")
    page.locator("#f-state").select_option("")
    assert page.locator("#f-least").is_disabled()  # of which score?
    page.locator("#f-sort").select_option("distance")
    page.locator("#f-least").fill("0.95")
    until(page, "document.getElementById('found').textContent === '3 clips'")
    page.locator("#f-least").fill("nonsense")
    until(page, "!document.getElementById('toast').hidden")
    assert "expected a number" in visit.text("toast")


def test_a_long_list_holds_only_the_rows_in_sight(open_page: Callable[..., Visit], tmp_path: Path) -> None:
    from dataclasses import replace

    small = make_catalogue(tmp_path / "long", per_label=1)
    many = tuple(replace(small.items[k % 3], id=f"{k:016x}") for k in range(5000))
    visit = open_page(ReviewApplication(Desk(replace(small, items=many))))
    visit.at(1)
    visit.page.evaluate("document.getElementById('list').scrollTop = 1e9")
    until(
        visit.page,
        "(row => row !== null && !row.textContent.includes('…'))(document.getElementById('row-4999'))",
    )
    assert visit.page.locator(".row").count() < 60
    visit.page.locator("#row-4999").click()
    visit.at(5000)
    visit.press("j")
    assert "last clip" in visit.text("toast")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_nothing_sticks_out_and_everything_can_be_pressed(
    open_page: Callable[..., Visit], phone: bool, dark: bool
) -> None:
    visit = open_page(phone=phone, dark=dark)
    page = visit.page
    visit.at(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = page.evaluate(
        "[...document.querySelectorAll('.actions button, .switches button, .play')].filter(b => b.offsetParent && "
        f"b.getBoundingClientRect().height < {44 if phone else 30}).map(b => b.id || b.textContent)"
    )
    assert small == []
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input, select, [role=slider], [role=listbox]')].filter(e => "
        "!(e.textContent.trim() || e.ariaLabel || e.labels?.length || e.getAttribute('aria-controls')"
        ")).map(e => e.outerHTML)"
    )
    assert unnamed == []
    if phone:
        page.locator("#show-list").tap()
        page.locator("#row-1").tap()
        visit.at(2)
        page.locator("[data-do=accept]").tap()
        visit.at(3)
        assert page.evaluate("getComputedStyle(document.getElementById('side')).display") == "none"


@pytest.mark.parametrize(
    "size", [(390, 844), (844, 390), (640, 430), (1280, 640)], ids=lambda size: f"{size[0]}x{size[1]}"
)
def test_buttons_are_in_sight_and_no_message_covers_them(
    open_page: Callable[..., Visit], size: tuple[int, int]
) -> None:
    visit = open_page()
    page = visit.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    visit.at(1)
    visit.press("k")
    assert "first clip" in visit.text("toast")
    covered = page.evaluate(
        "[...document.querySelectorAll('.actions button')].filter(b => { const r = b.getBoundingClientRect(); return "
        "!b.contains(document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2)); }).map(b => b.dataset.do)"
    )
    assert covered == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_blind_test_plays_and_takes_nothing_while_its_clip_is_on_the_way(
    open_page: Callable[..., Visit], catalogue: Catalogue
) -> None:
    test = BlindTest(catalogue, clips=8, seed=3)
    visit = open_page(BlindApplication(test))
    page = visit.page
    late = test.trials[0].id
    page.route("**/sound?id=*", lambda route: route.abort() if route.request.url.endswith(late) else route.continue_())
    page.reload()
    until(page, "document.getElementById('toast').textContent.includes('does not answer')")
    visit.press("r", "s")
    page.wait_for_timeout(200)
    assert test.answered("ada") == []
    page.unroute("**/sound?id=*")
    visit.press(" ")
    until(page, "document.getElementById('play').getAttribute('aria-pressed') === 'true'")
    visit.press("r")
    until(page, "document.getElementById('progress').textContent.startsWith('1 of')")
    assert test.answered("ada") == [late]


def test_a_blind_test_tells_nothing_before_its_end(open_page: Callable[..., Visit], catalogue: Catalogue) -> None:
    test = BlindTest(catalogue, clips=8, seed=3)
    visit = open_page(BlindApplication(test))
    page = visit.page
    truth = {trial.id: trial.origin for trial in test.trials}
    assert sorted(truth.values()).count("real") == 4
    for number, trial in enumerate(test.trials):
        until(page, f"document.getElementById('progress').textContent.startsWith('{number} of')")
        assert page.evaluate("fetch('/api/result').then(r => r.status)") == 400
        visit.press("s" if truth[trial.id] == "synthetic" else "r")
    until(page, "!document.getElementById('result').hidden")
    assert "8 of 8 right: 100 %" in visit.text("result")
    assert "Gave themselves away (4)" in visit.text("result")
    told = page.evaluate("fetch('/api/blind').then(r => r.text())")
    assert "synthetic" not in told
    assert not any(item.id in told for item in catalogue.items)
    assert not any("/picture" in url or "/api/clip" in url for url in visit.asked)
