"""Examples in docstrings run, and the pages show what the code makes."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import menura.captions

DOCS = Path(__file__).resolve().parents[2] / "docs"
MODULES = [module.name for module in pkgutil.iter_modules(menura.captions.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"menura.captions.{name}"))
    assert result.failed == 0


@pytest.mark.parametrize("page", ["prompts.md", "captions.md"])
def test_the_pages_show_what_the_code_makes(page: str, offline: Any) -> None:
    result = doctest.testfile(str(DOCS / page), module_relative=False, globs={"grammar": offline}, encoding="utf-8")
    assert result.attempted > 5
    assert result.failed == 0
