"""Fine-tuning on the training part of a dataset, and what may not be done with the result."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from menura.audio import encode
from menura.backends.clap import LEARNED_NAME, ClapScorer
from menura.cli.main import app
from menura.config import AmountSettings, JudgeSettings, RunSettings
from menura.datasets import load
from menura.datasets.dataset import Dataset
from menura.errors import BackendError, ConfigError, RunError
from menura.recipes.augment import augment
from menura.recipes.clap_tuning import ClapTuningSettings, tune_clap
from menura.studies.evaluate import evaluate

RATE = 8000
PITCH_HZ = {"hum": 200.0, "whistle": 2500.0}


@pytest.fixture(scope="module")
def dataset(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two labels, three clips of each, the third one held out."""
    folder = tmp_path_factory.mktemp("tones")
    rows = ["file_name,label,fold"]
    for label, pitch in PITCH_HZ.items():
        for take in range(3):
            name = f"{label}-{take}.wav"
            encode(tiny.tone(pitch * (1 + 0.1 * take), rate=RATE), folder / name, container="WAV")
            rows.append(f"{name},{label},{1 + take // 2}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return load(str(folder), test_fold="2")


@pytest.fixture(scope="module")
def tuned(dataset: Dataset, clap_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = ClapTuningSettings(model=str(clap_folder), steps=2, batch=4, learning_rate=1e-3, device="cpu")
    return tune_clap(dataset.train, settings, out=tmp_path_factory.mktemp("models") / "mine").path


def test_the_folder_is_a_clap_that_names_the_clips_it_learned_from(
    dataset: Dataset, tuned: Path, clap_folder: Path
) -> None:
    facts = json.loads((tuned / LEARNED_NAME).read_text())
    assert facts["clips"] == sorted(clip.id for clip in dataset.train.clips)
    assert facts["texts"] == {"hum": "Sound of hum", "whistle": "Sound of a whistle"}
    assert facts["test_fold"] == "2"
    scorer = ClapScorer(str(tuned))
    assert scorer.learned_from == set(facts["clips"])
    assert scorer.fingerprint != ClapScorer(str(clap_folder)).fingerprint
    assert ClapScorer(str(clap_folder)).learned_from == frozenset()
    assert [path.name for path in tuned.parent.iterdir()] == ["mine"]


def test_a_damaged_list_of_clips_is_no_empty_list(tuned: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(tuned, tmp_path / "damaged")
    (tmp_path / "damaged" / LEARNED_NAME).write_text("[]")
    with pytest.raises(BackendError, match="fine-tune the model again"):
        _ = ClapScorer(str(tmp_path / "damaged")).learned_from


def test_a_judge_is_not_calibrated_on_clips_that_its_model_learned_from(
    dataset: Dataset, tuned: Path, tmp_path: Path
) -> None:
    def judged(out: str, **more: Any) -> Any:
        judge = JudgeSettings(encoder="acoustic", text_model=str(tuned), **more)
        settings = RunSettings(amount=AmountSettings(per_label=1), judge=judge, rounds=0)
        return augment(dataset.train, settings=settings, out=tmp_path / out, workers=1)

    with pytest.raises(ConfigError, match="fine-tuned on 4 of the 4 real clips"):
        judged("refused")
    assert judged("fixed", text_rule="synthio", text_least_score=0.01).records()


def test_it_is_tested_on_clips_that_it_has_not_learned_from_and_on_no_others(
    dataset: Dataset, tuned: Path, tmp_path: Path
) -> None:
    settings = RunSettings(amount=AmountSettings(per_label=1), judge=JudgeSettings(encoder="acoustic"), rounds=0)
    run = augment(dataset.train, settings=settings, out=tmp_path / "run", workers=1)
    asked = {"seeds": 1, "arms": ("real", "synthetic"), "workers": 1, "text_model": str(tuned)}
    found = evaluate(dataset, run, **asked)
    assert found.protocol["zero_shot"]["fine_tuned_on"] == 4
    folds = replace(dataset, test_fold=None)
    with pytest.raises(ConfigError, match="fine-tuned on 4 of the 6 test clips"):
        evaluate(folds, out=tmp_path / "proof", **asked)
    assert not (tmp_path / "proof").exists()


def test_what_cannot_be_tuned_is_refused(dataset: Dataset, clap_folder: Path, tuned: Path, tmp_path: Path) -> None:
    settings = ClapTuningSettings(model=str(clap_folder))
    with pytest.raises(RunError, match="is not empty"):
        tune_clap(dataset.train, settings, out=tuned)
    both = replace(dataset.train.clips[0], labels=("hum", "whistle"))
    several = replace(dataset.train, clips=(both, *dataset.train.clips[1:]))
    with pytest.raises(ConfigError, match="1 of 4 clips have several labels"):
        tune_clap(several, settings, out=tmp_path / "new")


def test_the_command_tunes_the_training_part(dataset: Dataset, clap_folder: Path, tmp_path: Path) -> None:
    asked = [
        "models",
        "finetune-clap",
        dataset.root,
        "-o",
        str(tmp_path / "mine"),
        "--model",
        str(clap_folder),
        "--test-fold",
        "2",
    ]
    answer = CliRunner().invoke(app, [*asked, "--steps", "2", "--device", "cpu", "--json"])
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert (told["clips"], len(told["losses"])) == (4, 2)
    assert len(ClapScorer(told["model"]).learned_from) == 4
