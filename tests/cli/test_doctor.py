from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from menura.cli.main import app


def examined() -> dict[str, object]:
    shown = CliRunner().invoke(app, ["doctor", "--json"])
    assert shown.exit_code == 0, shown.output
    found: dict[str, object] = json.loads(shown.stdout)
    return found


def test_the_doctor_names_versions_machine_extras_programs_and_cache() -> None:
    found = examined()
    assert found["menura"] == "0.1.0"
    assert found["cores"] >= 1  # type: ignore[operator]
    assert all(found["packages"].values())  # type: ignore[attr-defined]
    assert set(found["extras"]) == {"classic", "ray", "hub"}  # type: ignore[call-overload]
    assert set(found["programs"]) >= {"ffmpeg", "chromium"}  # type: ignore[call-overload]
    assert found["cache"]["writable"] is True  # type: ignore[index]
    assert found["problems"] == []


def test_a_cache_that_cannot_be_written_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("MENURA_CACHE", str(blocked / "cache"))
    found = examined()
    assert found["cache"]["writable"] is False  # type: ignore[index]
    assert "the cache cannot be written" in found["problems"][0]  # type: ignore[index]


def test_people_read_it_in_lines() -> None:
    shown = CliRunner().invoke(app, ["doctor"])
    assert shown.exit_code == 0
    assert shown.output.startswith("menura 0.1.0 on Python")
    assert "extra classic" in shown.output
