"""What ``import menura`` promises."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import menura


def test_no_folder_hides_a_function_of_the_package() -> None:
    """A folder becomes an attribute when anything imports it, and would then stand in the place of the function."""
    folders = {module.name for module in pkgutil.iter_modules(menura.__path__)}
    assert not folders & {"augment", "evaluate"}
    assert {"audio", "datasets"} <= folders


def test_the_functions_are_found_whatever_was_imported_before() -> None:
    code = (
        "import menura.studies.evaluate, menura.classify.cnn, menura.recipes.augment, menura; "
        "print(callable(menura.augment), callable(menura.evaluate))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "True True\n"


def test_the_map_for_contributors_names_every_folder() -> None:
    root = Path(__file__).resolve().parents[1]
    table = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = {path.parent.name for path in (root / "src" / "menura").glob("*/__init__.py")}
    assert {name for name in folders if f"`{name}`" not in table} == set()
