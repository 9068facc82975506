"""The proof from end to end, on tones with a planted gain, with none, and with harm."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from menura.classify.results import EvaluationResult
from menura.config import AmountSettings, GeneratorSettings, JudgeSettings, RunSettings
from menura.datasets.dataset import Dataset, TrainingPart
from menura.datasets.subsets import subset
from menura.errors import ConfigError, DatasetError, RunError
from menura.files import temporary_beside
from menura.recipes.augment import augment
from menura.studies import unit
from menura.studies.evaluate import evaluate
from menura.studies.job import MakeRun
from menura.types import Finding

ARMS = ("real", "oversample", "synthetic")


def test_a_planted_gain_is_found(tones: Dataset, helpful_runs: MakeRun, tmp_path: Path) -> None:
    result = evaluate(
        tones, out=tmp_path, real_per_label=3, seeds=3, arms=ARMS, workers=1, doses=(1, 3),
        make_run=helpful_runs, settings=RunSettings(
            amount=AmountSettings(times=6), judge=JudgeSettings(encoder="acoustic")
        ),
    )  # fmt: skip
    assert result.outcome == "helped"
    assert result.verdict.startswith("Helped: 'synthetic' reaches")
    first = result.differences[0]
    assert (first.arm, first.baseline) == ("synthetic", "real")
    assert first.interval[0] > 0.01
    assert first.p_corrected == first.p < 0.01
    assert {arm.name: arm.clips for arm in result.arms} == {"real": 9, "oversample": 9, "synthetic": 63}
    assert sum(sum(row) for row in result.arms[0].confusion) == 72 * 3
    assert [(record["times"], record["clips"]) for record in result.dose] == [(0, 9), (1, 18), (3, 36), (6, 63)]
    assert result.dose[3]["gain"] == pytest.approx(first.gain)
    assert {gain.label for gain in result.labels_gained} == set(tones.labels)
    assert all(gain.keep_rate == 0.5 for gain in result.labels_gained)
    assert EvaluationResult.read(tmp_path / "evaluation.json").to_json() == result.to_json()


def test_copies_of_the_real_clips_never_help(tones: Dataset, copying_runs: MakeRun, tmp_path: Path) -> None:
    result = evaluate(tones, out=tmp_path, real_per_label=4, seeds=2, arms=ARMS, workers=1, make_run=copying_runs)
    assert result.outcome == "undecided"
    assert result.differences[0].gain == pytest.approx(0, abs=0.02)
    assert result.verdict.startswith("Undecided")
    assert result.advice


def test_what_reading_the_dataset_left_out_stands_in_the_result(
    tones: Dataset, copying_runs: MakeRun, tmp_path: Path
) -> None:
    left_out = Finding("unreadable", "error", "2 of 74 files cannot be read and were left out")
    read = replace(tones, findings=(left_out, Finding("not_audio", "note", "a file is not audio")))
    result = evaluate(read, out=tmp_path, real_per_label=3, seeds=2, arms=ARMS, workers=1, make_run=copying_runs)
    assert left_out.message in [finding["message"] for finding in result.findings]
    assert "not_audio" not in [finding["kind"] for finding in result.findings]


def test_clips_that_sound_like_another_label_hurt(tones: Dataset, harmful_runs: MakeRun, tmp_path: Path) -> None:
    result = evaluate(tones, out=tmp_path, real_per_label=3, seeds=2, arms=ARMS, workers=1, make_run=harmful_runs)
    assert result.outcome == "hurt"
    assert result.differences[0].interval[1] < 0
    assert any("--delta" in sentence for sentence in result.advice)


class _StoppedError(Exception):
    pass


def test_an_interrupted_evaluation_goes_on_and_gives_the_same_cells(
    tones: Dataset, helpful_runs: MakeRun, tmp_path: Path
) -> None:
    made: list[str] = []

    def stops(training: TrainingPart, out: Path, settings: RunSettings) -> object:
        if len(made) == 3:
            raise _StoppedError
        made.append(out.name)
        return helpful_runs(training, out, settings)

    options = {"real_per_label": 2, "seeds": 1, "arms": ARMS, "workers": 1}
    with pytest.raises(_StoppedError):
        evaluate(tones, out=tmp_path / "a", make_run=stops, **options)
    assert not (tmp_path / "a" / "evaluation.json").exists()
    made.clear()
    resumed = evaluate(
        tones, out=tmp_path / "a", make_run=lambda *a: (made.append("x"), helpful_runs(*a))[1], **options
    )
    assert made == ["x"]  # one of four folds was missing
    whole = evaluate(tones, out=tmp_path / "b", make_run=helpful_runs, **options)
    assert resumed.cells == whole.cells
    assert _cell_files(tmp_path / "a") == _cell_files(tmp_path / "b")


def test_more_seeds_and_arms_add_cells_and_change_none(tones: Dataset, helpful_runs: MakeRun, tmp_path: Path) -> None:
    few = evaluate(
        tones, out=tmp_path, real_per_label=2, seeds=1, arms=("real", "synthetic"), workers=1, make_run=helpful_runs
    )
    before = _cell_files(tmp_path)
    torn = tmp_path / ".tmp-evaluation.json-1-killed"
    torn.write_text("{")
    cells = next((tmp_path / "cells").iterdir())
    at_work = temporary_beside(cells / "x.json")
    dead = cells / at_work.name.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-")
    for path in (at_work, dead):
        path.write_text("{")
    more = evaluate(tones, out=tmp_path, real_per_label=2, seeds=2, arms=ARMS, workers=1, make_run=helpful_runs)
    after = _cell_files(tmp_path)
    assert before.items() <= after.items()
    assert len(few.cells) == 4 * 2
    assert len(more.cells) == 4 * 2 * 3
    assert not torn.exists()
    assert (at_work.exists(), dead.exists()) == (True, False)


def test_other_settings_are_not_mixed_into_a_folder(tones: Dataset, copying_runs: MakeRun, tmp_path: Path) -> None:
    options = {"out": tmp_path, "seeds": 1, "arms": ARMS, "workers": 1, "make_run": copying_runs}
    evaluate(tones, real_per_label=2, **options)
    with pytest.raises(RunError, match="real_per_label: 2 → 3"):
        evaluate(tones, real_per_label=3, **options)
    with pytest.raises(RunError, match=r"generator\.delta: unset → 0\.1"):
        evaluate(tones, real_per_label=2, generator=GeneratorSettings(delta=0.1), **options)


def test_every_arm_learns_from_the_same_real_clips_and_none_from_the_fold(
    tones: Dataset, tmp_path: Path, copying_runs: MakeRun
) -> None:
    seen: dict[str, tuple[str, ...]] = {}

    def watched(training: TrainingPart, out: Path, settings: RunSettings) -> object:
        seen[out.name] = tuple(clip.fold or "" for clip in training.clips)
        assert training.counts() == dict.fromkeys(tones.labels, 2)
        return copying_runs(training, out, settings)

    evaluate(tones, out=tmp_path, real_per_label=2, seeds=1, arms=ARMS, workers=1, make_run=watched)
    assert {name: name.split("-")[1] in folds for name, folds in seen.items()} == {
        f"fold-{fold}-seed-0": False for fold in "1234"
    }


def test_the_json_holds_what_the_design_promises(tones: Dataset, copying_runs: MakeRun, tmp_path: Path) -> None:
    result = evaluate(tones, out=tmp_path, real_per_label=2, seeds=1, arms=ARMS, workers=1, make_run=copying_runs)
    values = json.loads((tmp_path / "evaluation.json").read_text())
    assert {"name", "accuracy", "interval", "macro_f1", "uar", "per_label"} <= values["arms"][0].keys()
    assert {"arm", "baseline", "gain", "interval", "p"} <= values["differences"][0].keys()
    assert values["verdict"] == result.verdict
    assert any(finding["kind"] == "near_test_clips" for finding in values["findings"])


def test_one_label_cannot_be_told_apart_and_is_refused(tones: Dataset, tmp_path: Path) -> None:
    alone = replace(tones, clips=tuple(clip for clip in tones.clips if clip.labels == tones.clips[0].labels))
    with pytest.raises(DatasetError, match=r"has one label \('.*'\), expected at least two to tell apart"):
        evaluate(alone, out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_evaluation_is_not_written_beside_the_recordings(tones: Dataset, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is the folder of the recordings; choose another one"):
        evaluate(replace(tones, root=str(tmp_path)), out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_asked_is_refused(tones: Dataset, copying_runs: MakeRun, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give a folder"):
        evaluate(tones)
    with pytest.raises(ConfigError, match="unknown arms sythetic"):
        evaluate(tones, out=tmp_path, arms=("real", "sythetic"))
    with pytest.raises(ConfigError, match="a comparison needs one of real"):
        evaluate(tones, out=tmp_path, arms=("real", "classic"))
    with pytest.raises(ConfigError, match="zero-shot needs a model of sounds and texts, and only it: --text-model"):
        evaluate(tones, out=tmp_path, arms=("real", "synthetic", "zero-shot"))
    with pytest.raises(ConfigError, match="largest dose is 8"):
        evaluate(tones, out=tmp_path, doses=(1, 8), times=3)
    with pytest.raises(ConfigError, match="workers is 0"):
        evaluate(tones, out=tmp_path, workers=0)
    run = augment(TrainingPart(tones.name, tones.clips[:8]), per_label=1, out=tmp_path / "run", workers=1)
    with pytest.raises(ConfigError, match="a run has its own clips, amount and generator"):
        evaluate(tones, run, recipe="mix")


def _cell_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("cells/*/*[a-z].json"))}


def test_a_grown_dataset_is_tested_on_its_recordings_alone(
    tones: Dataset, copying_runs: MakeRun, tmp_path: Path
) -> None:
    grown = tones.with_clips([replace(c, origin="synthetic") if i % 2 else c for i, c in enumerate(tones.clips)])
    result = evaluate(grown, out=tmp_path, seeds=1, arms=ARMS, workers=1, make_run=copying_runs)
    recordings = sum(clip.origin == "real" for clip in grown.clips)
    assert result.protocol["test_clips"] == recordings < len(tones.clips)
    assert [f["details"]["clips"] for f in result.findings if f["kind"] == "made_clips"] == [
        len(grown.clips) - recordings
    ]


def test_clips_with_one_label_each_are_not_ranked(tones: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="have one label each, and mean_average_precision"):
        evaluate(tones, out=tmp_path / "proof", metric="mean_average_precision")
    assert not (tmp_path / "proof").exists()


def test_clips_with_several_labels_are_judged_by_mean_average_precision(
    tones: Dataset, copying_runs: MakeRun, tmp_path: Path
) -> None:
    """Every third clip also carries the label of its neighbour; the sounds say nothing of it, and need not."""
    clips = tuple(
        replace(clip, labels=(clip.labels[0], "also") if i % 3 == 0 else clip.labels)
        for i, clip in enumerate(tones.clips)
    )
    result = evaluate(replace(tones, clips=clips), out=tmp_path, seeds=1, arms=ARMS, workers=1, make_run=copying_runs)
    assert result.metric == "mean_average_precision"
    assert all(arm.mean_average_precision is not None and arm.confusion == () for arm in result.arms)
    assert 0.2 < result.arms[0].interval[0] < result.arms[0].interval[1] < 1


def test_a_run_is_evaluated_on_what_its_dataset_holds_out(tones: Dataset, tmp_path: Path) -> None:
    held_out = tones.with_test_fold("2")
    training = subset(held_out.train.clips, n_per_label=3, seed=0)
    run = augment(replace(held_out.train, clips=training), times=1, out=tmp_path / "run", workers=1)
    result = evaluate(held_out, run, seeds=2, arms=ARMS, workers=1)
    assert result.protocol["folds"] == ["2"]
    assert result.protocol["training_clips"] == 9
    assert (run.path / "evaluation.json").is_file()
    assert {cell["fold"] for cell in result.cells} == {"2"}
    with pytest.raises(ConfigError, match="a run has its own clips"):
        evaluate(held_out, run, real_per_label=2)
    with pytest.raises(DatasetError, match="holds out no clips"):
        evaluate(tones, run)


def test_a_label_that_is_tested_but_learned_nowhere_is_said(
    tones: Dataset, copying_runs: MakeRun, tmp_path: Path
) -> None:
    lost = tones.labels[0]
    clips = [c for c in tones.clips if lost not in c.labels or c.fold == tones.folds[0]]
    result = evaluate(tones.with_clips(clips), out=tmp_path, seeds=1, arms=ARMS, workers=1, make_run=copying_runs)
    (found,) = [finding for finding in result.findings if finding["kind"] == "label_not_learned"]
    assert found["severity"] == "warning"
    assert found["details"] == {"label": lost, "folds": [tones.folds[0]]}


def test_synthetic_clips_alone_can_be_tested_on_real_ones(
    tones: Dataset, helpful_runs: Callable[..., object], tmp_path: Path
) -> None:
    """Train on synthetic, test on real: the arm has no real clip, and stands beside the others."""
    arms = ("real", "synthetic", "synthetic-only")
    result = evaluate(
        tones, out=tmp_path, real_per_label=2, seeds=1, arms=arms, workers=1, folds=2, make_run=helpful_runs
    )
    found = {arm.name: arm for arm in result.arms}
    assert found["synthetic-only"].clips == found["synthetic"].clips - found["real"].clips
    assert found["synthetic-only"].accuracy > 0.5


MLP = {"classifier": "mlp", "steps": 20, "arms": ARMS, "workers": 1}


def test_arms_trained_side_by_side_resume(tones: Dataset, helpful_runs: MakeRun, tmp_path: Path) -> None:
    options = {**MLP, "real_per_label": 2, "seeds": 1, "make_run": helpful_runs}
    first = evaluate(tones, out=tmp_path / "a", **options)
    assert first.protocol["classifier"] == "mlp"
    assert first.protocol["threshold"] is None
    assert {arm.name: arm.clips for arm in first.arms} == {"real": 6, "oversample": 6, "synthetic": 42}
    removed = sorted((tmp_path / "a" / "cells").rglob("synthetic.json"))[0]
    expected = json.loads(removed.read_text())
    removed.unlink()
    evaluate(tones, out=tmp_path / "a", **options)
    again = json.loads(removed.read_text())
    np.testing.assert_allclose(again["predictions"], expected["predictions"], atol=1e-3)
    assert again["clips"] == expected["clips"]


def test_all_seeds_of_a_run_are_trained_side_by_side(
    tones: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = replace(tones, clips=tuple(replace(c, split="test" if c.fold == "4" else "train") for c in tones.clips))
    run = augment(held.train, out=tmp_path / "run", per_label=2, seed=0)
    together: list[tuple[int, int]] = []
    original = unit.fit_many

    def watched(classifier, tasks, *, steps):
        together.append((len(tasks), len({task.seed for task in tasks})))
        return original(classifier, tasks, steps=steps)

    monkeypatch.setattr(unit, "fit_many", watched)
    result = evaluate(held, run, seeds=3, **MLP)
    assert together == [(6, 3)]  # `real` and `oversample` are equal here, and trained once
    assert len(result.cells) == 9


@pytest.mark.parametrize("classifier", ["mlp", "adapter"])
def test_classifiers_on_embeddings_judge_clips_with_several_labels(
    tones: Dataset, copying_runs: MakeRun, tmp_path: Path, classifier: str
) -> None:
    clips = [replace(clip, labels=(*clip.labels, "sound")) if clip.path[-6] == "1" else clip for clip in tones.clips]
    result = evaluate(
        tones.with_clips(clips), out=tmp_path, real_per_label=2, seeds=1, make_run=copying_runs,
        **{**MLP, "classifier": classifier, "arms": ("real", "synthetic")},
    )  # fmt: skip
    assert result.metric == "mean_average_precision"
    assert result.protocol["threshold"] == 0.5
    assert all(cell["chosen"] == classifier for cell in result.cells)
    assert all(0 <= cell["macro_f1"] <= 1 for cell in result.cells)
