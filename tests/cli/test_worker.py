from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from menura.backends.worker.skeleton import TEMPLATES
from menura.cli.main import app
from menura.cli.worker import Template


def run(*arguments: object) -> str:
    shown = CliRunner().invoke(app, ["worker", *map(str, arguments)])
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_a_new_worker_can_be_checked_at_once(tmp_path: Path) -> None:
    assert "next: read" in run("new", tmp_path / "mine")
    shown = run("check", tmp_path / "mine", "--duration-s", "0.5", "--twice", "-o", tmp_path / "clip.wav")
    assert "blank 1: revision not stated, licence CC0-1.0" in shown
    assert "the same request again: the same samples" in shown
    assert shown.endswith("this worker works\n")
    assert soundfile.info(tmp_path / "clip.wav").duration == pytest.approx(0.5)


def test_programs_read_one_object(tmp_path: Path) -> None:
    written = json.loads(run("new", tmp_path / "mine", "--template", "audiogen", "--json"))
    assert len(written["files"]) == 5
    run("new", tmp_path / "blank")
    found = json.loads(run("check", tmp_path / "blank", "--duration-s", "0.5", "--json"))
    assert found["ready"]["sample_rate"] == 16_000
    assert found["clip"] == {"channels": 1, "samples": 8000, "sample_rate": 16_000}
    assert found["repeatable"] is None


def test_the_command_knows_every_template() -> None:
    assert tuple(template.value for template in Template) == TEMPLATES


def test_a_fault_costs_one_clear_line_and_status_2(tmp_path: Path) -> None:
    run("new", tmp_path / "mine", "--template", "tangoflux")
    command = [sys.executable, "-m", "menura", "worker", "check", str(tmp_path / "mine")]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 2
    assert shown.stderr.count("\n") == 1
    assert "BackendLostError: worker 'tangoflux' has no program" in shown.stderr
    assert "python3.10 -m venv .venv" in shown.stderr
