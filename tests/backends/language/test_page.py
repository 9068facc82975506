from __future__ import annotations

import re
from pathlib import Path

from menura.config import LanguageModelSettings

HERE = Path(__file__).parent
PAGE = (HERE.parents[2] / "docs" / "language-model.md").read_text(encoding="utf-8")


def test_every_row_of_the_fault_table_names_a_test_that_exists() -> None:
    commands = re.findall(r"`(test_\w+\.py)(?: -k (\"[^\"]+\"|\w+))?`", PAGE)
    assert len(commands) > 25
    for file, words in commands:
        tests = re.findall(r"^def (test_\w+)", (HERE / file).read_text(encoding="utf-8"), re.MULTILINE)
        for word in words.strip('"').split(" or "):
            assert any(word in test for test in tests), f"{file} has no test with '{word}' in its name"


def test_every_setting_stands_on_the_page_with_its_default() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    for name, field in LanguageModelSettings.model_fields.items():
        row = next((row for row in rows if f"`{name}`" in row.split("|")[1]), "")
        assert row, f"{name} is not on the page"
        if field.default is not None:
            assert str(field.default).removesuffix(".0") in row
