"""How fast the review page is: from a key press to the next clip playing, and a list of 10,000 clips.

    python benchmarks/review_speed.py [--steps 500] [--clips 10000] [--pace 0.4] [--duration 5] [--chromium PATH]

Makes sounds of its own, opens the page in headless Chromium, and presses J (next) 500 times, one press every ``--pace``
seconds. A step is measured in the page, from the time stamp of the key event to the call that starts the decoded sound
(`playing`) and to the second frame after the key (`shown`). Then the list of all clips is filtered, sorted, and
scrolled from end to end. Prints one JSON object. Needs Debian's chromium and playwright.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

from menura.audio import encode
from menura.review.application import ReviewApplication
from menura.review.catalogue import Catalogue, Item, Real
from menura.review.desk import Desk
from menura.review.server import ReviewServer
from menura.seeding import item_generator
from menura.types import Recording

LABELS = tuple(f"label {k:02d}" for k in range(50))
REALS = 100
WATCH = """() => {
  window.shown = []; window.frames = [];
  addEventListener("keydown", (event) => requestAnimationFrame(() => requestAnimationFrame(
    () => window.shown.push(performance.now() - event.timeStamp))), true);
}"""
SCROLL = """async () => {
  const list = document.getElementById("list"), gaps = [], filled = [];
  let before = performance.now();
  for (let k = 0; k <= 300; k += 1) {
    list.scrollTop = k / 300 * (list.scrollHeight - list.clientHeight);
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - before); before = now;
  }
  for (let k = 0; k < 20; k += 1) {
    const start = performance.now();
    list.scrollTop = (k * 7919 % 100) / 100 * list.scrollHeight;
    await new Promise(requestAnimationFrame);
    do await new Promise(requestAnimationFrame);
    while ([...document.querySelectorAll(".row")].some((row) => row.textContent === "…"));
    filled.push(performance.now() - start);
  }
  return { gaps: gaps.slice(1), filled, rows: document.querySelectorAll(".row").length };
}"""


def make_catalogue(folder: Path, *, sounds: int, clips: int, duration_s: float, rate: int = 44_100) -> Catalogue:
    """``clips`` clips that share ``sounds`` files, each with one of a hundred real parents."""
    (folder / "sounds").mkdir(parents=True)

    def sound(kind: str, k: int) -> str:
        generator = item_generator(0, kind, k)
        time = np.arange(round(duration_s * rate)) / rate
        wave = np.sin(2 * np.pi * generator.uniform(200, 4000) * time) * np.exp(-time % 0.7)
        wave = 0.2 * wave + 0.02 * generator.standard_normal(len(time))
        path = folder / "sounds" / f"{kind}-{k}.flac"
        encode(Recording(wave[None].astype(np.float32), rate), path)
        return str(path)

    files = [sound("made", k) for k in range(sounds)]
    reals = [Real(f"{k:016x}", sound("real", k), (LABELS[k % len(LABELS)],)) for k in range(REALS)]
    items = []
    for k in range(clips):
        generator = item_generator(0, "clip", k)
        scores = {name: float(generator.uniform()) for name in ("agreement", "distance", "novelty")}
        kept, label = generator.uniform() < 0.7, LABELS[k % len(LABELS)]
        reason = "" if kept else ("label", "unlike", "copy")[k % 3] + ": measured so and so"
        items.append(
            Item(
                f"{k + 2**32:016x}", files[k % sounds], label, (label,), "kept" if kept else "rejected", reason, scores,
                duration_s, (reals[k % REALS].id,),
            )
        )  # fmt: skip
    return Catalogue(folder, "review speed", LABELS, tuple(items), {real.id: real for real in reals})


def summary(times_ms: list[float]) -> dict[str, float]:
    """Median, 95th percentile and worst, in milliseconds."""
    return {
        "median_ms": round(float(np.median(times_ms)), 1),
        "p95_ms": round(float(np.quantile(times_ms, 0.95)), 1),
        "worst_ms": round(max(times_ms), 1),
    }


def measures(page: Any, name: str) -> list[float]:
    """Durations that the page has measured of itself, in milliseconds."""
    found = page.evaluate(f"performance.getEntriesByName('{name}').map(one => one.duration)")
    return [float(one) for one in found]


def wait_for_measures(page: Any, name: str, count: int) -> None:
    """Wait until the page has measured something that often."""
    while len(measures(page, name)) < count:
        page.wait_for_timeout(20)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--pace", type=float, default=0.4, help="Seconds between presses.")
    parser.add_argument("--duration", type=float, default=5.0, help="Of a clip, in seconds.")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    chosen = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        catalogue = make_catalogue(
            Path(name), sounds=min(chosen.steps, chosen.clips), clips=chosen.clips, duration_s=chosen.duration
        )
        server = ReviewServer(ReviewApplication(Desk(catalogue)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = driver.chromium.launch(executable_path=chosen.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(server.link("benchmark"))
        wait_for_measures(page, "step", 1)
        page.wait_for_timeout(2000)
        page.evaluate("performance.clearMeasures('step')")
        page.evaluate(WATCH)
        for _ in range(chosen.steps):
            page.keyboard.press("j")
            page.wait_for_timeout(1000 * chosen.pace)
        page.wait_for_timeout(5000)  # a clip that is late, and passed over by the next press, never plays
        steps, shown = measures(page, "step"), [float(one) for one in page.evaluate("window.shown")]
        filters = {}
        for field, value in (("state", "rejected"), ("state", ""), ("label", LABELS[3]), ("label", ""),
                             ("sort", "agreement"), ("order", "down"), ("reason", "copy"), ("reason", "")):  # fmt: skip
            page.evaluate("performance.clearMeasures('filter')")
            page.locator(f"#f-{field}").select_option(value)
            wait_for_measures(page, "filter", 1)
            filters[f"{field}={value or 'all'}"] = round(measures(page, "filter")[0], 1)
        page.wait_for_timeout(1000)
        scrolled = page.evaluate(SCROLL)
        browser.close()
        server.shutdown()
        server.server_close()
    print(
        json.dumps(
            {
                "steps": len(steps), "pace_s": chosen.pace, "playing": summary(steps), "shown": summary(shown),
                "over_100_ms": sum(one > 100 for one in steps),
                "passed_over": chosen.steps - len(steps), "clips": chosen.clips, "filter_ms": filters,
                "scroll_frame": summary(scrolled["gaps"]), "jump_until_filled": summary(scrolled["filled"]),
                "rows_in_page": scrolled["rows"],
            },
            indent=1,
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
