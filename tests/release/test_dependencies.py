"""The page of licences names the packages of the lock, in their versions."""

from __future__ import annotations

import importlib.util
import re
from email.message import Message
from pathlib import Path
from typing import Any, cast

import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("make_dependencies", ROOT / "docs" / "make_dependencies.py")
assert spec is not None
assert spec.loader is not None
make_dependencies: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_dependencies)


def test_the_page_names_every_package_of_the_lock_in_its_version() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| (\S+) \| (\d\S*) \|", page, re.MULTILINE))
    listed |= set(re.findall(r"([\w-]+) ([\d.]+) \((?:python_full_version|sys_platform)", page))
    lock = (ROOT / "requirements-lock.txt").read_text(encoding="utf-8")
    assert listed == {(name, version) for name, version, _ in make_dependencies.PIN.findall(lock)}, "make licences"


@pytest.mark.parametrize(
    ("stated", "licence"),
    [
        ({"License-Expression": "MIT", "License": "something else"}, "MIT"),
        ({"License": "BSD-3-Clause"}, "BSD-3-Clause"),
        (
            {"License": "A long text\nof many lines", "Classifier": "License :: OSI Approved :: MIT License"},
            "MIT License",
        ),
        ({"License": "A long text\nof many lines"}, "A long text"),
        ({"Classifier": "License :: OSI Approved"}, "not stated"),
        ({}, "not stated"),
    ],
)
def test_a_licence_is_told_in_the_words_of_the_package(stated: dict[str, str], licence: str) -> None:
    message = Message()
    for name, value in stated.items():
        message[name] = value
    assert make_dependencies.licence_of(cast(Any, message)) == licence


def test_what_is_not_simply_permissive_stands_above_the_table() -> None:
    text = make_dependencies.table("numpy==1\nno-such-package-of-anyone==2 ; sys_platform == 'win32' \\\n")
    assert "| numpy | 1 |" in text
    assert "no-such-package-of-anyone 2 (sys_platform == 'win32')" in text
