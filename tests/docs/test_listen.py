"""The page of sounds: every file is there, sounds, is marked as synthetic, and plays in a browser without a network."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.browser import Tab, until

from menura.audio import decode

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page alone, built as the whole site is."""
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install 'menura[docs]'")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    docs, out = tmp_path_factory.mktemp("docs"), tmp_path_factory.mktemp("site")
    for name in ("listen.md", "listen.css"):
        shutil.copy(ROOT / "docs" / name, docs / name)
    config = load_config(
        str(ROOT / "mkdocs.yml"), docs_dir=str(docs), site_dir=str(out), nav=[{"Listen": "listen.md"}], strict=False
    )
    build(config)
    return out / "listen"


class _Players(HTMLParser):
    """What the page plays and shows, with what is said of it."""

    def __init__(self) -> None:
        super().__init__()
        self.sounds: dict[str, str] = {}
        self.pictures: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "audio":
            assert "controls" in found
            self.sounds[found["src"]] = found["aria-label"]
        elif tag == "img" and found["src"].endswith(".png"):
            self.pictures[found["src"]] = found["alt"]


@pytest.fixture(scope="module")
def players(site: Path) -> _Players:
    parser = _Players()
    parser.feed((site / "index.html").read_text(encoding="utf-8"))
    return parser


def test_every_player_has_a_file_of_sound_that_says_that_it_is_synthetic(site: Path, players: _Players) -> None:
    assert len(players.sounds) > 30
    for name in players.sounds:
        recording = decode(site / name)
        assert 0.5 < recording.duration_s < 10
        assert 0.3 < float(np.max(np.abs(recording.waveform))) <= 1.0
        with soundfile.SoundFile(site / name) as file:
            assert file.comment.startswith("synthetic=true")


def test_every_player_has_a_picture_and_words_for_those_who_cannot_see_it(players: _Players) -> None:
    assert [name[:-4] for name in players.pictures] == [name[:-4] for name in players.sounds]
    assert all(len(words) > 10 for words in (*players.sounds.values(), *players.pictures.values()))


def test_the_page_is_small_enough_for_a_telephone(site: Path) -> None:
    assert sum(file.stat().st_size for file in site.iterdir() if file.suffix in (".mp3", ".png")) < MOST_BYTES


def test_no_place_for_sounds_is_left_empty_and_rejects_say_why(site: Path) -> None:
    html = (site / "index.html").read_text(encoding="utf-8")
    assert "<!-- sounds:" not in html
    assert (
        len(re.findall("Thrown out: “(?:copy|label|unlike)", html)) == 3 * 2 + 3
    )  # words to see, to hear, in the picture


def test_the_script_makes_the_same_bytes_again(site: Path, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_listen_again", ROOT / "docs" / "make_listen.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.make(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in site.iterdir() if path.suffix in (".mp3", ".png")}


@pytest.mark.page
@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_plays_from_a_folder_by_keyboard_and_asks_nothing_of_the_network(
    browser: Any, site: Path, width: int
) -> None:
    tab = Tab(browser, (site / "index.html").as_uri(), viewport={"width": width, "height": 900}, offline=True)
    page = tab.page
    until(page, "[...document.querySelectorAll('audio')].every(a => a.readyState >= 1 || a.error)")
    heard = page.evaluate("[...document.querySelectorAll('audio')].map(a => [a.error?.code ?? 0, a.duration])")
    assert all(error == 0 and 0.5 < duration < 10 for error, duration in heard)
    page.locator("audio").nth(2).focus()
    page.keyboard.press("Space")
    until(page, "document.querySelectorAll('audio')[2].currentTime > 0.05")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in tab.asked if not url.startswith(("file:", "data:", "blob:"))] == []
