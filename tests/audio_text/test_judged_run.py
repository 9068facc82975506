"""The text judge in a whole run, with a CLAP that the settings name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from menura.audio import encode
from menura.cli.main import app
from menura.config import AmountSettings, JudgeSettings, PromptSettings, RunSettings
from menura.datasets import load
from menura.datasets.sounds import render_sound
from menura.recipes.augment import augment
from menura.recipes.prompts import Prompter
from menura.seeding import item_generator
from menura.types import Recording


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for label in ("siren", "rain"):
        (folder / label).mkdir()
        for take in range(3):
            waveform = render_sound(label, item_generator(7, label, take), duration_s=0.4, sample_rate=8000)
            recording = Recording(0.3 * np.asarray(waveform, dtype=np.float32)[None], 8000)
            encode(recording, folder / label / f"{take}.wav", container="WAV")
    return folder


def test_a_run_asks_the_clap_that_its_settings_name(clap_folder: Path, sounds: Path, tmp_path: Path) -> None:
    training = load(sounds).train
    judge = JudgeSettings(encoder="acoustic", text_model=str(clap_folder))
    settings = RunSettings(amount=AmountSettings(per_label=1), judge=judge, rounds=0)
    run = augment(training, settings=settings, out=tmp_path / "run", workers=1)
    stored = json.loads((run.path / "judge" / "panel.json").read_text())
    assert [row["text"] for row in stored["texts"]["thresholds"]] == ["Sound of rain", "Sound of a siren"]
    asked = [record.judgement.scores for record in run.records() if "text_cosine" in record.judgement.scores]
    assert asked
    assert all(-1 <= scores["text_cosine"] <= 1 and scores["text_rank"] in (1, 2) for scores in asked)
    again = augment(training, settings=settings, out=tmp_path / "again", workers=1)
    assert [record.judgement for record in again.records()] == [record.judgement for record in run.records()]
    without = settings.model_copy(update={"judge": JudgeSettings(encoder="acoustic")})
    other = augment(training, settings=without, out=tmp_path / "plain", workers=1)
    assert not any("text_cosine" in record.judgement.scores for record in other.records())


def texts_of(run: Path) -> list[str]:
    stored = json.loads((run / "judge" / "panel.json").read_text())
    return [row["text"] for row in stored["texts"]["thresholds"]]


@pytest.mark.parametrize("recipe", ["resynth", "label_guided"])
def test_the_texts_are_those_of_the_label_cards(clap_folder: Path, sounds: Path, tmp_path: Path, recipe: str) -> None:
    cards = tmp_path / "cards.toml"
    cards.write_text('[siren]\nphrase = "an ambulance siren"\n')
    settings = RunSettings(
        recipe=recipe, amount=AmountSettings(per_label=1), prompts=PromptSettings(cards=str(cards)), rounds=0,
        judge=JudgeSettings(encoder="acoustic", text_model=str(clap_folder)),
    )  # fmt: skip
    run = augment(load(sounds).train, settings=settings, out=tmp_path / "run", workers=1)
    assert texts_of(run.path) == ["Sound of rain", "Sound of an ambulance siren"]


def test_the_texts_of_a_recipe_with_prompts_are_those_of_its_own_cards(
    clap_folder: Path, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Prompter, "text_of", lambda self, label: f"Noise of {label}")
    judge = JudgeSettings(encoder="acoustic", text_model=str(clap_folder))
    settings = RunSettings(recipe="label_guided", amount=AmountSettings(per_label=1), rounds=0, judge=judge)
    run = augment(load(sounds).train, settings=settings, out=tmp_path / "run", workers=1)
    assert texts_of(run.path) == ["Noise of rain", "Noise of siren"]


def test_the_command_line_names_the_model_and_a_run_goes_on_from_another_folder(
    clap_folder: Path, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [str(sounds), "--per-label", "1", "--rounds", "0", "--encoder", "acoustic", "--workers", "1", "--json"]
    monkeypatch.chdir(clap_folder.parent)
    told = ["augment", *asked, "-o", str(tmp_path / "run"), "--text-model"]
    made = CliRunner().invoke(app, [*told, f"clap:{clap_folder.name}"])
    assert made.exit_code == 0, made.output
    assert texts_of(tmp_path / "run") == ["Sound of rain", "Sound of a siren"]
    monkeypatch.chdir(tmp_path)
    again = CliRunner().invoke(app, [*told, f"clap:{clap_folder}"])
    assert json.loads(again.stdout) == json.loads(made.stdout)
    planned = CliRunner().invoke(app, ["plan", *asked, "--text-model", str(clap_folder)])
    assert json.loads(planned.stdout)["wall_s"] > 0
