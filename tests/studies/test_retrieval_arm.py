"""The arm ``retrieval`` from end to end, on tones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.studies.conftest import PITCH_HZ, stored, tone
from typer.testing import CliRunner

from menura.classify.results import EvaluationResult
from menura.cli.main import app
from menura.config import AmountSettings, JudgeSettings, RunSettings
from menura.datasets.dataset import Dataset, TrainingPart
from menura.errors import ConfigError, DatasetError
from menura.recipes.augment import augment
from menura.seeding import item_generator
from menura.studies.evaluate import evaluate
from menura.studies.job import MakeRun
from menura.studies.settings import EvaluationSettings

RUNS = RunSettings(judge=JudgeSettings(encoder="acoustic"))


@pytest.fixture(scope="module")
def pool(tones: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty unlabelled tones of each pitch, and two clips of the dataset under other names."""
    folder = tmp_path_factory.mktemp("pool")
    for label in PITCH_HZ:
        for number in range(20):
            recording = tone(label, item_generator(9, "pool", label, number))
            stored(recording, folder / f"{label}-{number}.flac", [label])
    for number in range(2):
        (folder / f"leak-{number}.flac").write_bytes(Path(tones.clips[7 * number].path).read_bytes())
    return folder


def proof(tones: Dataset, out: Path, make_run: MakeRun, **options: Any) -> EvaluationResult:
    asked = {"real_per_label": 2, "seeds": 1, "arms": ("real", "synthetic"), "settings": RUNS, "workers": 1} | options
    return evaluate(tones, out=out, make_run=make_run, **asked)


def cells(folder: Path) -> dict[str, bytes]:
    found = (folder / "cells").rglob("*.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if path.name != "clips.json"}


def test_it_joins_a_finished_evaluation_with_as_many_clips_as_there_are_synthetic_ones(
    tones: Dataset, pool: Path, copying_runs: MakeRun, tmp_path: Path
) -> None:
    before = proof(tones, tmp_path, copying_runs)
    there = cells(tmp_path)
    found = proof(tones, tmp_path, copying_runs, pool=pool)
    assert there.items() <= cells(tmp_path).items()
    assert [arm.name for arm in found.arms] == ["real", "retrieval", "synthetic"]
    arms = {arm.name: arm for arm in found.arms}
    assert arms["retrieval"].clips == arms["synthetic"].clips == 6 + 6 * 6
    assert [arm for arm in found.arms if arm.name != "retrieval"] == list(before.arms)
    assert {cell["clips"].get("retrieved", 0) for cell in found.cells if cell["arm"] == "retrieval"} == {36}
    assert arms["retrieval"].accuracy > arms["real"].accuracy
    assert found.protocol["baseline"] == "retrieval"
    assert found.protocol["retrieval"] | {"key": ""} == {
        "source": str(pool), "key": "", "clips": 62, "searched_by": "embedding", "left_out": {"tested": 2},
    }  # fmt: skip
    told = {finding["kind"]: finding for finding in found.findings}
    assert told["pool_clips_left_out"]["message"].startswith("2 of the 62 clips of the pool are not retrieved: 2 hold")
    assert "retrieval_short" not in told
    assert proof(tones, tmp_path, copying_runs).arms == before.arms


def test_the_pool_is_heard_once_and_resumed_cells_are_the_same(
    tones: Dataset, pool: Path, copying_runs: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = proof(tones, tmp_path, copying_runs, pool=pool)
    there = cells(tmp_path)
    next((tmp_path / "cells").glob("fold-2-seed-0/retrieval-at-*.json")).unlink()

    def nobody_listens(*unused: object) -> None:
        raise AssertionError("a clip was heard again")

    monkeypatch.setattr("menura.studies.real._prepare_chunk", nobody_listens)
    monkeypatch.setattr("menura.studies.leaks._measure", nobody_listens)
    assert proof(tones, tmp_path, copying_runs, pool=pool).cells == whole.cells
    assert cells(tmp_path) == there


def test_another_pool_adds_cells_of_its_own(tones: Dataset, pool: Path, copying_runs: MakeRun, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for number in range(4):
        (few / f"{number}.flac").write_bytes((pool / f"low-{number}.flac").read_bytes())
    first = proof(tones, tmp_path / "proof", copying_runs, pool=pool)
    there = cells(tmp_path / "proof")
    found = proof(tones, tmp_path / "proof", copying_runs, pool=few)
    assert there.items() <= cells(tmp_path / "proof").items()
    short = next(finding for finding in found.findings if finding["kind"] == "retrieval_short")
    assert short["message"].startswith("the pool is too small: retrieval has 16 of 144 clips, over 4 folds and seeds")
    assert {cell["clips"]["retrieved"] for cell in found.cells if cell["arm"] == "retrieval"} == {4}
    assert proof(tones, tmp_path / "proof", copying_runs, pool=pool).cells == first.cells


def test_a_pool_of_nothing_but_tested_recordings_leaves_the_real_clips(
    tones: Dataset, copying_runs: MakeRun, tmp_path: Path
) -> None:
    found = proof(tones, tmp_path, copying_runs, pool=tones.root, arms=("oversample", "synthetic"))
    arms = {arm.name: arm for arm in found.arms}
    assert arms["retrieval"].clips == arms["oversample"].clips
    assert arms["retrieval"].accuracy == arms["oversample"].accuracy
    assert found.protocol["retrieval"]["left_out"] == {"tested": 72}


def test_the_network_gets_the_same_clips_and_its_own_features(
    tones: Dataset, pool: Path, copying_runs: MakeRun, tmp_path: Path
) -> None:
    runs = proof(tones, tmp_path, copying_runs, pool=pool, classifier="cnn", steps=2)
    assert {cell["clips"].get("retrieved", 0) for cell in runs.cells if cell["arm"] == "retrieval"} == {36}
    assert {path.name.rpartition("-")[2] for path in (tmp_path / "features").glob("pool-*")} == {
        "cnn.safetensors", "linear.safetensors",
    }  # fmt: skip


def test_a_retrieved_clip_shares_the_source_of_the_clip_that_it_is_like(
    tones: Dataset, pool: Path, copying_runs: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is not learned from while that one is validated."""
    from menura.studies import unit
    from menura.studies.arms import Example

    seen: list[Example] = []
    members = unit._members

    def watched(arm: str, material: Any) -> list[Example]:
        found = members(arm, material)
        seen.extend(example for example in found if example.origin == "retrieved")
        return found

    monkeypatch.setattr(unit, "_members", watched)
    proof(tones, tmp_path, copying_runs, pool=pool)
    groups = {f"group {clip.group}": clip.labels for clip in tones.clips}
    assert seen
    for example in seen:
        near, own = example.sources
        assert groups[near] == example.labels
        assert own.startswith("retrieved clip ")


def test_the_arm_and_the_pool_come_together(tones: Dataset, copying_runs: MakeRun, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs recordings to retrieve from, and only it: --pool DATA"):
        EvaluationSettings(arms=("real", "retrieval", "synthetic"))
    with pytest.raises(ConfigError, match="--pool DATA"):
        proof(tones, tmp_path, copying_runs, arms=("real", "retrieval", "synthetic"))
    with pytest.raises(DatasetError, match="does not exist"):
        proof(tones, tmp_path, copying_runs, pool=tmp_path / "nowhere")


def test_a_finished_run_is_compared_with_a_pool_and_a_probe(tones: Dataset, pool: Path, tmp_path: Path) -> None:
    dataset = tones.with_test_fold("1")
    settings = RUNS.model_copy(update={"amount": AmountSettings(times=1)})
    run = augment(TrainingPart("tones", dataset.train.clips[:12]), settings=settings, out=tmp_path, workers=1)
    before = evaluate(dataset, run, seeds=1, arms=("real", "synthetic"), workers=1)
    found = evaluate(dataset, run, seeds=1, arms=("real", "synthetic", "probe"), workers=1, pool=pool)
    arms = {arm.name: arm for arm in found.arms}
    assert list(arms) == ["real", "retrieval", "synthetic", "probe"]
    assert [arms["real"], arms["synthetic"]] == list(before.arms)
    assert arms["retrieval"].clips == arms["synthetic"].clips > arms["probe"].clips == 12
    assert found.protocol["retrieval"]["left_out"] == {"tested": 2}


def test_the_command_line_names_the_pool(tones: Dataset, pool: Path, tmp_path: Path) -> None:
    asked = [
        "evaluate", tones.root, "-o", str(tmp_path / "proof"), "--seeds", "1", "--folds", "2", "--times", "1",
        "--arms", "real,synthetic", "--encoder", "acoustic", "--workers", "1", "--pool", str(pool), "--json",
        "--real-per-label", "3",
    ]  # fmt: skip
    answer = CliRunner().invoke(app, asked)
    assert answer.exit_code == 0, answer.output
    assert [arm["name"] for arm in json.loads(answer.stdout)["arms"]] == ["real", "retrieval", "synthetic"]
