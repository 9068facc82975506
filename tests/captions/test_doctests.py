"""Examples in docstrings run, and the pages show what the code makes."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import menura.captions

MODULES = [module.name for module in pkgutil.iter_modules(menura.captions.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"menura.captions.{name}"))
    assert result.failed == 0
