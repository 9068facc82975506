"""Runs a page of the documentation: its blocks in order, in an empty folder, as a reader would.

| block | what is done |
|---|---|
| `console` | lines after `$` are run; what stands below them is compared with standard output |
| `bash` | run, nothing compared |
| `python` | run; a `text` block right after it is compared with what was printed |
| any with `title="NAME"` | written to the file NAME |
| after `<!-- not run: WHY -->` | left alone |
| after `<!-- numbers within 5 -->` | numbers in what is printed may differ by so much |

White space counts as one space, and `…` stands for anything. `menura`, `python FILE` and `python -c` run in this
process, which saves importing torch twenty times.
"""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from typer.testing import CliRunner

from menura.cli.main import app

__all__ = ["Block", "PageError", "blocks_of", "difference", "run_page"]

_FENCE = re.compile(r"^```(?P<kind>[\w.{}-]*) *(?P<rest>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_NOTE = re.compile(r"<!-- (.+?) -->\s*\Z")
_TITLE = re.compile(r'title="([^"]+)"')
_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_RUN = {"console", "bash", "python"}


class PageError(AssertionError):
    """A block of a page fails, or prints something else than the page says."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    kind: str
    text: str
    line: int
    title: str = ""
    is_run: bool = True
    tolerance: float = 0.0
    follows: bool = False
    """Whether nothing but white space stands between it and a `python` block before it."""


def blocks_of(markdown: str) -> list[Block]:
    """The fenced blocks of a page, in order.

    Raises:
        PageError: A comment right before a block says nothing that is known here.
    """
    blocks, end = [], 0
    for found in _FENCE.finditer(markdown):
        between = markdown[end : found.start()]
        line = markdown.count("\n", 0, found.start()) + 1
        note = _NOTE.search(between)
        is_run, tolerance = True, 0.0
        if note is not None:
            within = re.fullmatch(r"numbers within ([\d.]+)", note[1])
            if within:
                tolerance = float(within[1])
            elif re.fullmatch(r"not run: \S.*", note[1]):
                is_run = False
            else:
                raise PageError(f"line {line}: <!-- {note[1]} --> is neither 'not run: WHY' nor 'numbers within 5'")
        title = _TITLE.search(found["rest"])
        follows = bool(blocks) and blocks[-1].kind == "python" and not _NOTE.sub("", between).strip()
        name = title[1] if title else ""
        blocks.append(Block(found["kind"], found["text"], line, name, is_run, tolerance, follows))
        end = found.end()
    return blocks


def difference(expected: str, printed: str, *, tolerance: float = 0.0) -> str:
    """Why what was printed is not what the page says; empty when it is."""
    parts = re.split(f"(…|{_NUMBER}| )", " ".join(expected.split()))
    pattern = "".join(
        ".*?" if part == "…" else f"({_NUMBER})" if re.fullmatch(_NUMBER, part) else re.escape(part) for part in parts
    )
    found = re.fullmatch(pattern, " ".join(printed.split()), re.DOTALL)
    if found is None:
        return f"the page says\n\n{expected}\nbut this was printed\n\n{printed}"
    wanted = [part for part in parts if re.fullmatch(_NUMBER, part)]
    for page, here in zip(wanted, found.groups(), strict=True):
        if abs(float(page.replace(",", "")) - float(here.replace(",", ""))) > tolerance:
            return f"the page says {page}, {here} was printed (may differ by {tolerance:g}); all of it:\n\n{printed}"
    return ""


def run_page(markdown: str, folder: Path) -> int:
    """Runs the blocks of a page in ``folder`` and returns how many commands were run.

    Raises:
        PageError: A command fails, or prints something else than the page says; the message names the line.
    """
    names: dict[str, Any] = {"__name__": "__page__"}
    count, printed = 0, ""
    with contextlib.chdir(folder):
        for block in blocks_of(markdown):
            if not block.is_run:
                continue
            if block.title:
                Path(block.title).write_text(block.text, encoding="utf-8")
            elif block.kind == "python":
                with contextlib.redirect_stdout(io.StringIO()) as out:
                    exec(compile(block.text, f"line {block.line}", "exec"), names)
                count, printed = count + 1, out.getvalue()
            elif block.kind == "text" and block.follows:
                _compare(block, block.text, printed)
            elif block.kind in _RUN:
                for command, expected in _commands(block):
                    printed = _run(command, block.line)
                    count += 1
                    if block.kind == "console" and expected.strip():
                        _compare(block, expected, printed)
    return count


def _compare(block: Block, expected: str, printed: str) -> None:
    if found := difference(expected, printed, tolerance=block.tolerance):
        raise PageError(f"line {block.line}: {found}")


def _commands(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a block with what it is said to print."""
    text = re.sub(r"\\\n\s*", "", block.text)
    if block.kind == "bash":
        for line in text.splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                yield line, ""
        return
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def _run(command: str, line: int) -> str:
    words = shlex.split(command, comments=True)
    if words[0] == "menura":
        shown = CliRunner().invoke(app, words[1:])
        if shown.exit_code != 0:
            raise PageError(f"line {line}: {command} failed: {shown.exception!r}\n{shown.output}")
        return shown.stdout
    if words[0] == "python" and words[1].endswith(".py"):
        return _run_file(words[1:])
    if words[:2] == ["python", "-c"]:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(words[2], command, "exec"), {"__name__": "__main__"})
        return out.getvalue()
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PageError(f"line {line}: {command} failed: {done.stderr}")
    return done.stdout


def _run_file(arguments: list[str]) -> str:
    with mock.patch.object(sys, "argv", arguments), contextlib.redirect_stdout(io.StringIO()) as out:
        runpy.run_path(arguments[0], run_name="__main__")
    return out.getvalue()
