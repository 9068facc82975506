"""``menura doctor``: fit to be pasted into a bug report."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import menura
import menura.doctor.examination as examine_module
from menura.cli.main import app
from menura.doctor.section import Section

FROZEN = Path(__file__).parents[1] / "data" / "frozen-runs"


def examined(*words: str, exit_code: int = 0) -> dict[str, Any]:
    shown = CliRunner().invoke(app, ["doctor", "--json", *words])
    assert shown.exit_code == exit_code, shown.output
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def test_the_doctor_looks_at_everything_that_a_bug_report_needs(tmp_path: Path) -> None:
    shutil.copytree(FROZEN / "format-1", tmp_path / "first")
    found = examined("--run", str(tmp_path / "first"))
    assert found["menura"]["version"] == menura.__version__
    assert set(found) >= {
        "machine", "torch", "packages", "backends", "plug_ins", "sound", "programs", "weights", "cache", "environment",
        "self_test", "run",
    }  # fmt: skip
    assert "missing" not in found["packages"]["needed"].values()
    assert found["backends"]["generators"]["resynth"] == "available"
    assert found["run"]["finished"] == "1 clips kept of 6"
    assert found["problems"] == []


def test_something_broken_stands_first_and_gives_a_status_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("MENURA_CACHE", str(tmp_path / "file" / "cache"))
    shown = CliRunner().invoke(app, ["doctor", "--quick"])
    assert shown.exit_code == 1
    assert re.search(r"1 of what was looked at is broken:\*\*\n\n- the cache cannot be written", shown.output)
    assert "### Self-test" not in shown.output


def test_a_part_that_cannot_be_examined_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Section:
        raise RuntimeError("the stethoscope broke")

    monkeypatch.setattr(examine_module, "machine", broken)
    found = examined("--quick", exit_code=1)
    assert found["problems"] == ["machine could not be examined (RuntimeError: the stethoscope broke)"]
    assert "cache" in found


def test_the_report_is_markdown_without_keys_home_or_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key, home = "sk-0123456789abcdef", tmp_path / "home" / "grace"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LOGNAME", "grace")
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("HF_HOME", f"{home}/hub")
    monkeypatch.delenv("MENURA_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(
        examine_module, "weights", lambda: Section("weights", "Weights", {"said": f"{key} <b>by grace</b>"})
    )
    shown = CliRunner().invoke(app, ["doctor", "--quick"])
    assert shown.output.startswith("## menura doctor\n\nNothing is broken.\n")
    assert "- HF_HOME: ~/hub\n" in shown.output
    assert "- folder: ~/.cache/menura\n" in shown.output
    assert "- said: (hidden) &lt;b>by ~&lt;/b>\n" in shown.output
    assert not re.search(f"{key}|grace", shown.output)
