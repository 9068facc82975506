"""The command of a study, run as a person would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from menura.cli.main import app
from menura.datasets.dataset import Dataset


@pytest.fixture
def study(tones: Dataset, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Runs ``menura study NAME`` on tones, one fold and one seed, and returns its numbers; ``files`` are names."""

    def run(name: str, *options: str) -> dict[str, Any]:
        out = tmp_path / name
        command = [
            "study", name, str(tones.root), "-o", str(out), "--seeds", "1", "--folds", "4", "--test-folds", "1",
            "--encoder", "acoustic", "--workers", "1", "--json", *options,
        ]  # fmt: skip
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, f"{done.output}{done.exception!r}"
        found: dict[str, Any] = json.loads(done.stdout)
        return {**found, "files": {path.name for path in out.iterdir() if path.is_file()}}

    return run
