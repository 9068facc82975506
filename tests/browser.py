"""Pages in headless Chromium: a tab that hears what the page says and asks for, and a wait for what comes true."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

__all__ = ["Tab", "chromium", "until"]


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's Chromium; the test is skipped where it, or playwright, is missing."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed; on Debian: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


def until(page: Any, condition: str) -> None:
    """Waits for a condition in the page. (Playwright's own wait evaluates text, which a strict page forbids.)"""
    for _ in range(400):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never came true: {condition}")


class Tab:
    """One address, opened with an empty profile.

    Attributes:
        page: Of playwright.
        said: Errors of the page, and all lines of its console.
        asked: Addresses that it asked for.
    """

    def __init__(self, browser: Any, address: str, **context: Any) -> None:
        self.page = browser.new_context(**context).new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)
