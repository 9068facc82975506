"""What the commands say before they download anything; no network is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from menura.cli.main import app
from menura.config import GeneratorSettings, JudgeSettings, ModelSettings, PromptSettings, RunSettings
from menura.errors import DatasetError
from menura.recipes.downloads import pending_downloads


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the Hub; downloads are allowed."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return tmp_path / "hub"


@pytest.mark.parametrize("command", ["augment", "plan", "evaluate"])
def test_a_download_is_stated_before_anything_is_read_or_made(command: str, empty_cache: Path, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    out = [] if command == "plan" else ["-o", str(tmp_path / "out")]
    named = ["--generator", "audioldm2", "--encoder", "acoustic+clap:laion/some-clap@v1", "--text-model", "some/clap"]
    shown = CliRunner().invoke(app, [command, str(tmp_path / "nowhere"), *out, *named])
    assert isinstance(shown.exception, DatasetError)
    forbids = f"will be downloaded to {empty_cache}; HF_HUB_OFFLINE=1 forbids it"
    assert shown.stderr.strip().splitlines() == [
        f"weights cvssp/audioldm2 (about 4.3 GB in float32) {forbids}",
        f"weights laion/some-clap@v1 (of a size that is not known here) {forbids}",
        f"weights some/clap (of a size that is not known here) {forbids}",
    ]
    assert not (tmp_path / "out").exists()


def test_every_place_that_may_name_weights_is_asked(empty_cache: Path) -> None:
    pytest.importorskip("diffusers")
    settings = RunSettings(
        recipe="rare_labels",
        generator=GeneratorSettings(
            name="musicgen+mix:stable-audio:own/model+spectrogram-diffusion", model=ModelSettings()
        ),
        judge=JudgeSettings(encoder="transformers:some/encoder+acoustic", text_model="some/clap"),
        prompts=PromptSettings(captioner="transformers:some/captioner"),
    )
    assert [download.name for download in pending_downloads(settings)] == [
        "facebook/musicgen-small", "own/model", "teticio/audio-diffusion-ddim-256", "some/encoder", "some/captioner",
        "some/clap",
    ]  # fmt: skip
    assert pending_downloads(RunSettings()) == []


def test_offline_costs_one_clear_line_and_status_2(tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    asked = ["augment", str(tmp_path), "-o", str(tmp_path / "run"), "--generator", "musicgen"]
    command = [sys.executable, "-m", "menura", *asked]
    forbidden = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "hub")}
    shown = subprocess.run(command, capture_output=True, text=True, check=False, env=forbidden)
    assert shown.returncode == 2
    assert shown.stderr.count("\n") == 1
    assert "BackendError: facebook/musicgen-small is no folder here and cannot be fetched" in shown.stderr
    assert "HF_HUB_OFFLINE=1 forbids it" in shown.stderr
    assert not (tmp_path / "run").exists()
