"""The text judge in a whole run, with a CLAP that the settings name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from menura.audio import encode
from menura.config import AmountSettings, JudgeSettings, RunSettings
from menura.datasets import load
from menura.datasets.sounds import render_sound
from menura.recipes.augment import augment
from menura.seeding import item_generator
from menura.types import Recording


def test_a_run_asks_the_clap_that_its_settings_name(clap_folder: Path, tmp_path: Path) -> None:
    for label in ("siren", "rain"):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for take in range(3):
            waveform = render_sound(label, item_generator(7, label, take), duration_s=0.4, sample_rate=8000)
            recording = Recording(0.3 * np.asarray(waveform, dtype=np.float32)[None], 8000)
            encode(recording, tmp_path / "sounds" / label / f"{take}.wav", container="WAV")
    training = load(tmp_path / "sounds").train
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
