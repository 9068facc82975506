"""The tour and the tutorials do what they say. A page more is a name more in PAGES."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.pages import PageError, blocks_of, difference, run_page

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("tour.md", "tutorials/rare-calls.md", "tutorials/keywords.md", "tutorials/machine-faults.md")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    # One core: starting processes would take longer than what these pages give them to do.
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    assert run_page((ROOT / "docs" / page).read_text(encoding="utf-8"), tmp_path) >= 5


def test_every_tutorial_is_run() -> None:
    there = {f"tutorials/{path.name}" for path in (ROOT / "docs" / "tutorials").glob("*.md")}
    assert there <= set(PAGES)


def test_a_number_that_is_not_the_one_of_the_page_is_found() -> None:
    assert difference("kept 30 of 38", "kept 30  of\n38") == ""
    assert "the page says 38, 37 was printed" in difference("kept 30 of 38", "kept 30 of 37")
    assert difference("kept 30 of 38", "kept 31 of 37", tolerance=1) == ""
    assert difference("about 1,200 clips", "about 1,203 clips", tolerance=3) == ""


def test_words_must_agree_whatever_numbers_may_do() -> None:
    assert "this was printed" in difference("Helped: 5 points", "Hurt: 5 points", tolerance=100)
    assert difference("wrote … clips", "wrote the 5 clips") == ""
    assert "this was printed" in difference("wrote … clips", "wrote the 5 clips and more")


def test_blocks_are_run_in_order_and_files_are_written(tmp_path: Path) -> None:
    page = """
```toml title="a.toml"
times = 3
```

```console
$ cat a.toml
times = 3
$ echo one \\
    two
one two
```

<!-- not run: there is no such file -->
```bash
cat nothing
```

```python
value = 6
```

```python
print(value * 7)
```

```text
42
```
"""
    assert run_page(page, tmp_path) == 4
    with pytest.raises(PageError, match="line 27: the page says 43, 42 was printed"):
        run_page(page.replace("\n42", "\n43"), tmp_path)


def test_a_command_that_fails_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="line 2: cat nothing failed"):
        run_page("\n```bash\ncat nothing\n```\n", tmp_path)
    with pytest.raises(PageError, match="line 1: menura audit nothing failed"):
        run_page("```bash\nmenura audit nothing\n```\n", tmp_path)


def test_a_comment_with_a_slip_is_no_silent_skip() -> None:
    with pytest.raises(PageError, match="neither 'not run: WHY' nor"):
        blocks_of("<!-- not run -->\n```bash\nls\n```\n")
