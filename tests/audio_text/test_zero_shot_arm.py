"""The arm of ``menura evaluate`` that learns from no clip, with a tiny CLAP."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.audio_text.copies import Copies
from typer.testing import CliRunner

from menura.audio import clip_id, decode, encode
from menura.backends.clap import ClapScorer
from menura.classify.results import EvaluationResult
from menura.classify.zero_shot import zero_shot
from menura.cli.main import app
from menura.config import JudgeSettings, PromptSettings, RunSettings
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.evaluate import evaluate
from menura.types import Clip

RATE = 8000
PITCH_HZ = {"hum": 200.0, "whistle": 2500.0}
TEXTS = {"hum": "Sound of hum", "whistle": "Sound of a whistle"}
RUNS = RunSettings(judge=JudgeSettings(encoder="acoustic"))


@pytest.fixture(scope="module")
def dataset(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two labels, three folds, two clips of each label in each fold."""
    folder, clips = tmp_path_factory.mktemp("tones"), []
    for fold in "123":
        for label, pitch in PITCH_HZ.items():
            for take in range(2):
                path = folder / label / f"{fold}-{take}.wav"
                path.parent.mkdir(exist_ok=True)
                encode(tiny.tone(pitch * (1 + 0.05 * take + 0.1 * int(fold)), rate=RATE), path, container="WAV")
                known = decode(path)
                clips.append(Clip(clip_id(known), str(path), (label,), known.duration_s, RATE, fold=fold))
    return Dataset("tones", tuple(clips), root=str(folder))


def proof(dataset: Dataset, out: Path, model: Path | None, **options: Any) -> EvaluationResult:
    asked = {"seeds": 2, "arms": ("real", "synthetic"), "settings": RUNS, "workers": 1, "make_run": Copies} | options
    return evaluate(dataset, out=out, text_model=None if model is None else str(model), **asked)


def files(folder: Path) -> dict[str, bytes]:
    kept = [path for path in folder.rglob("*.json") if path.name != "evaluation.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(kept)}


def test_it_joins_a_finished_evaluation_and_changes_nothing_else(
    dataset: Dataset, clap_folder: Path, tmp_path: Path
) -> None:
    without = proof(dataset, tmp_path, None)
    before = files(tmp_path)
    found = proof(dataset, tmp_path, clap_folder)
    after = files(tmp_path)
    assert before.items() <= after.items()
    assert {name.partition("@")[0].rpartition("/")[2][:13] for name in after.keys() - before.keys()} == {
        "zero-shot-at-"
    }
    assert (found.differences, found.outcome, found.labels_gained) == (
        without.differences, without.outcome, without.labels_gained,
    )  # fmt: skip
    assert found.verdict == without.verdict
    assert [arm.name for arm in found.arms] == ["real", "synthetic", "zero-shot"]
    assert found.arms[:2] == without.arms
    arm = found.arms[2]
    assert (arm.clips, arm.chosen) == (0, {"clap": 6})
    assert arm.interval[0] <= arm.accuracy <= arm.interval[1]
    assert found.protocol["zero_shot"] == {
        "model": str(clap_folder), "fingerprint": ClapScorer(str(clap_folder)).fingerprint, "fine_tuned_on": 0,
        "texts": TEXTS,
    }  # fmt: skip
    assert "zero_shot" not in without.protocol
    assert EvaluationResult.read(tmp_path / "evaluation.json").to_json() == found.to_json()
    assert proof(dataset, tmp_path, None).arms == without.arms


def test_its_answers_are_those_of_the_model_for_every_seed(dataset: Dataset, clap_folder: Path, tmp_path: Path) -> None:
    proof(dataset, tmp_path, clap_folder)
    test = [clip for clip in dataset.clips if clip.fold == "2"]
    expected = zero_shot(
        ClapScorer(str(clap_folder)), [decode(clip.path) for clip in test], dataset.labels, text_of=TEXTS.__getitem__
    )
    for seed in range(2):
        (path,) = (tmp_path / "cells" / f"fold-2-seed-{seed}").glob("zero-shot*.json")
        np.testing.assert_allclose(json.loads(path.read_text())["predictions"], expected, atol=5.1e-5)


def test_a_fold_is_heard_once_and_only_what_is_missing_is_heard_again(
    dataset: Dataset, clap_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    similarity = ClapScorer.similarity

    def counted(self: ClapScorer, recordings: Any, texts: Any) -> Any:
        heard.append(len(recordings))
        return similarity(self, recordings, texts)

    monkeypatch.setattr(ClapScorer, "similarity", counted)
    proof(dataset, tmp_path, clap_folder)
    assert sum(heard) == len(dataset.clips)
    whole = files(tmp_path)
    heard.clear()
    proof(dataset, tmp_path, clap_folder)
    assert heard == []
    for path in (tmp_path / "cells").glob("fold-3-seed-1/zero-shot*.json"):
        path.write_text(path.read_text()[:40])
    proof(dataset, tmp_path, clap_folder)
    assert sum(heard) == 4
    assert files(tmp_path) == whole


def test_another_model_or_other_cards_add_cells_of_their_own(
    dataset: Dataset, clap_folder: Path, tiny: ModuleType, tmp_path: Path
) -> None:
    out, other = tmp_path / "proof", tiny.save_clap(tmp_path / "other", seed=1)
    first = proof(dataset, out, clap_folder)
    before = files(out)
    proof(dataset, out, other)
    both = files(out)
    assert before.items() <= both.items()
    assert len(both) == len(before) + 6
    assert proof(dataset, out, clap_folder).cells == first.cells
    assert files(out) == both
    (tmp_path / "cards.toml").write_text('[hum]\nphrase = "a humming fridge"\n')
    carded = RUNS.model_copy(update={"prompts": PromptSettings(cards=str(tmp_path / "cards.toml"))})
    found = proof(dataset, tmp_path / "carded", clap_folder, settings=carded)
    assert found.protocol["zero_shot"]["texts"]["hum"] == "Sound of a humming fridge"


def test_where_clips_have_several_labels_it_ranks_them_and_decides_nothing(
    dataset: Dataset, clap_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from menura.cli.evaluate import show

    both = replace(dataset.clips[0], labels=("hum", "whistle"))
    several = replace(dataset, clips=(both, *dataset.clips[1:]))
    with pytest.raises(ConfigError, match="zero-shot can rank clips, but not say which labels"):
        proof(several, tmp_path / "refused", clap_folder, metric="macro_f1")
    assert not (tmp_path / "refused").exists()
    found = proof(several, tmp_path / "ranked", clap_folder)
    assert found.metric == "mean_average_precision"
    assert 0 < (found.arms[-1].mean_average_precision or 0) <= 1
    assert any(finding["kind"] == "zero_shot_only_ranks" for finding in found.findings)
    show(found)
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("zero-shot "))
    assert line.split()[1:5] == ["0", "–", "–", "–"]


def test_a_choice_of_classifiers_leaves_it_out(dataset: Dataset, clap_folder: Path, tmp_path: Path) -> None:
    from menura.cli.evaluate import show

    found = proof(dataset, tmp_path, clap_folder, classifier="best", steps=2, seeds=1)
    assert all(set(item["means"]) == {"real", "synthetic"} for item in found.by_classifier)
    show(found)


def test_the_command_line_names_the_model(dataset: Dataset, clap_folder: Path, tmp_path: Path) -> None:
    asked = [
        "evaluate", dataset.root, "-o", str(tmp_path / "proof"), "--seeds", "1", "--folds", "2", "--times", "1",
        "--arms", "real,synthetic", "--encoder", "acoustic", "--workers", "1", "--json",
    ]  # fmt: skip
    answer = CliRunner().invoke(app, [*asked, "--text-model", str(clap_folder)])
    assert answer.exit_code == 0, answer.output
    assert [arm["name"] for arm in json.loads(answer.stdout)["arms"]] == ["real", "synthetic", "zero-shot"]
