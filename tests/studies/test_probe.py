"""Probes of encoders over folds and seeds."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from menura.backends.registry import load_encoder
from menura.classify.linear import LinearClassifier
from menura.classify.probes import ARCH_HEAD, LinearProbe
from menura.datasets.dataset import Dataset
from menura.errors import BackendError, ConfigError, DatasetError, RunError
from menura.lock import locked
from menura.studies import embeddings, probe_cells
from menura.studies import probe as study
from menura.studies.arms import Example, training_examples
from menura.studies.downstream import TASKS
from menura.studies.probe import probe_encoders
from menura.studies.probe_cells import score_cell
from menura.studies.real_amount import RealAmount
from menura.studies.splits import dataset_splits, draw_training, source_of


@pytest.fixture(scope="module")
def few(tones: Dataset) -> Dataset:
    """Three folds of three clips of each label."""
    return tones.with_clips([clip for clip in tones.clips if clip.path[-8] in "123" and clip.path[-6] in "012"])


@pytest.fixture(scope="module")
def cache(few: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tones have their embeddings."""
    folder = tmp_path_factory.mktemp("probe")
    probe_encoders(few, ["acoustic"], out=folder, workers=1)
    return folder


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was computed: ids of clips, and names of cells."""
    seen: list[str] = []
    embed, fit = embeddings._embed, study.run_probe_jobs
    monkeypatch.setattr(embeddings, "_embed", lambda job: seen.extend(clip.id for clip in job.clips) or embed(job))
    monkeypatch.setattr(study, "run_probe_jobs", lambda jobs: seen.extend(job.file.name for job in jobs) or fit(jobs))
    return seen


def test_the_logistic_probe_gives_what_the_linear_classifier_gives(few: Dataset, cache: Path) -> None:
    """The same clips, the same fit and the same accuracy as a loop by hand."""
    result = probe_encoders(few, ["acoustic"], out=cache, per_label=(3,), seeds=2, workers=1)
    encoder = load_encoder("acoustic")
    classifier = LinearClassifier(encoder)
    from menura.audio import decode

    known = {clip.id: encoder.embed([decode(clip.path)])[0] for clip in few.clips}
    for split, row in zip(dataset_splits(few)[0], result.rows[0].values, strict=True):
        for seed, value in enumerate(row):
            part = draw_training(split, RealAmount(3), name=few.name, seed=seed)
            members = [Example(clip.id, clip.labels, (source_of(clip),), "real") for clip in part.clips]
            examples = training_examples(members, known, few.labels, balanced=False, augment=False, multilabel=False)
            fitted = classifier.fit(examples, validation=None, steps=1, seed=seed)
            found = fitted.predict([known[clip.id] for clip in split.test]).argmax(axis=1)
            truth = [few.labels.index(clip.labels[0]) for clip in split.test]
            assert value == np.mean(found == truth)


def test_rows_tell_probe_amount_encoder_and_the_paired_gain(few: Dataset, cache: Path, weights: str) -> None:
    result = probe_encoders(
        few, ["acoustic", weights], out=cache, probes=("logistic", "knn"), per_label=(2, None), seeds=2,
        random_weights=True, workers=1,
    )  # fmt: skip
    expected = [
        (probe, amount, encoder)
        for probe in ("logistic", "knn")
        for amount in (2, None)
        for encoder in ("acoustic", weights, f"{weights} (random weights)")
    ]
    assert [(row.probe, row.per_label, row.encoder) for row in result.rows] == expected
    for first in range(0, len(result.rows), 3):
        base, *others = result.rows[first : first + 3]
        assert base.gain == 0
        assert base.gain_interval == (0, 0)
        for row in others:
            difference = np.array(row.values) - np.array(base.values)
            assert row.gain == pytest.approx(difference.mean())
            assert row.gain_interval[0] <= row.gain <= row.gain_interval[1]
            assert (row.clips, row.validation_clips) == (base.clips, base.validation_clips)
    few, every, few_knn, every_knn = result.rows[::3]
    assert [len(row.values[0]) for row in (few, every, few_knn, every_knn)] == [2, 1, 2, 1]
    assert (few.clips, few.validation_clips, few_knn.clips, few_knn.validation_clips) == (6, 0, 6, 6)
    assert (every.clips, every.validation_clips, every_knn.clips, every_knn.validation_clips) == (18, 0, 9, 9)
    assert every.interval[0] <= every.value <= every.interval[1]
    assert result.metric == "accuracy"
    stored = json.loads((cache / "probe.json").read_text())
    assert stored == result.to_json()
    table = list(csv.DictReader((cache / "probe.csv").open()))
    assert [float(line["value"]) for line in table] == pytest.approx([row.value for row in result.rows], abs=1e-6)
    assert {line["per_label"] for line in table} == {"2", "all"}


def test_a_second_run_computes_nothing_and_a_wider_one_only_what_is_new(
    few: Dataset, tmp_path: Path, worked: list[str]
) -> None:
    first = probe_encoders(few, ["acoustic"], out=tmp_path, per_label=(2,), seeds=1, workers=1)
    assert len(worked) == len(few.clips) + 3
    worked.clear()
    again = probe_encoders(few, ["acoustic"], out=tmp_path, per_label=(2,), seeds=1, workers=1)
    assert worked == []
    assert again.rows == first.rows
    probe_encoders(few, ["acoustic"], out=tmp_path, per_label=(2,), seeds=2, workers=1)
    assert len(worked) == 3
    worked.clear()
    probe_encoders(few, ["acoustic"], out=tmp_path, probes=("knn",), per_label=(2,), seeds=2, workers=1)
    assert len(worked) == 6


def test_an_interrupted_run_goes_on_and_damage_costs_a_recomputation_only(
    few: Dataset, tmp_path: Path, worked: list[str]
) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "probing" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe_encoders(few, ["acoustic"], out=tmp_path, workers=1, progress=stop)
    assert not (tmp_path / "probe.json").exists()
    worked.clear()
    first = probe_encoders(few, ["acoustic"], out=tmp_path, workers=1)
    assert len(worked) == 1
    cells = sorted((tmp_path / "cells").iterdir())
    expected = [path.read_bytes() for path in cells]
    cells[0].write_bytes(b"torn")
    cells[1].unlink()
    (tmp_path / "cells" / ".tmp-left").write_bytes(b"half")
    damaged = next((tmp_path / "embeddings").rglob("*.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    worked.clear()
    again = probe_encoders(few, ["acoustic"], out=tmp_path, workers=1)
    assert {name for name in worked if name.endswith(".safetensors")} == {cells[0].name, cells[1].name}
    assert again.rows == first.rows
    assert [path.read_bytes() for path in sorted((tmp_path / "cells").iterdir())] == expected


def test_two_commands_do_not_work_in_one_folder(few: Dataset, tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(RunError, match="in use by process"):
        probe_encoders(few, ["acoustic"], out=tmp_path, workers=1)


def test_no_test_clip_reaches_a_probe_before_it_predicts(
    few: Dataset, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[set[str], set[str], set[str]]] = []
    original = probe_cells.run_probe_jobs

    def watch(jobs):
        for job in jobs:
            seen.append(tuple({clip.id for clip in part} for part in (job.train, job.validation, job.test)))
        return original(jobs)

    monkeypatch.setattr(study, "run_probe_jobs", watch)
    (tmp_path / "embeddings").symlink_to(cache / "embeddings")
    probe_encoders(few, ["acoustic"], out=tmp_path, probes=("logistic", "knn"), workers=1)
    assert len(seen) == 6
    for train, validation, test in seen:
        assert not test & (train | validation)
        assert not train & validation


def test_a_task_brings_its_folds_its_metric_and_what_differs_from_it(
    few: Dataset, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = replace(TASKS["donateacry"], num_folds=3, num_labels=3)
    monkeypatch.setitem(TASKS, "donateacry", task)
    result = probe_encoders(few, ["acoustic"], out=cache, task="donateacry", workers=1)
    assert (result.task, result.metric) == ("donateacry", "uar")
    assert result.rows[0].probe == "logistic"
    assert result.rows[0].value == pytest.approx(result.rows[0].scores["uar"])
    assert "27 clips instead of 457" in result.findings[-1]["message"]
    with pytest.raises(DatasetError, match="no MIDI note number"):
        probe_encoders(few, ["acoustic"], out=cache, task="nsynth_pitch", workers=1)


def test_with_one_fold_the_interval_comes_from_the_test_sources(few: Dataset, cache: Path, weights: str) -> None:
    clips = [replace(clip, fold=None, split="test" if clip.fold == "1" else "train") for clip in few.clips]
    dataset = few.with_clips(clips)
    result = probe_encoders(dataset, ["acoustic", weights], out=cache, workers=1)
    one, other = result.rows
    assert result.protocol["folds"] == ["test"]
    assert "test sources" in result.protocol["interval"]
    assert one.interval[0] < one.value < one.interval[1]
    assert other.gain_interval[0] <= other.gain <= other.gain_interval[1]
    assert other.gain_interval[0] < other.gain_interval[1]


def test_clips_with_several_labels_are_scored_by_average_precision(few: Dataset, cache: Path) -> None:
    clips = [replace(clip, labels=(*clip.labels, "loud")) if i % 2 else clip for i, clip in enumerate(few.clips)]
    result = probe_encoders(few.with_clips(clips), ["acoustic"], out=cache, probes=("logistic", "knn"), workers=1)
    assert result.metric == "mean_average_precision"
    for row in result.rows:
        assert row.value == pytest.approx(row.scores["mean_average_precision"])
        assert 0.3 < row.value <= 1


def test_scores_of_a_cell_are_known_answers() -> None:
    truth = np.eye(3, dtype=bool)[[0, 1, 2, 2]]
    found = np.eye(3, dtype=np.float32)[[0, 1, 1, 2]]
    scores = score_cell(truth, found, multilabel=False, pitches=(60, 61, 73))
    assert scores["accuracy"] == 0.75
    assert scores["uar"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert scores["chroma_accuracy"] == 1.0
    assert scores["mean_average_precision"] == pytest.approx((1 + 0.5 + (0.5 * 1 + 0.5 * 0.5)) / 3)
    assert "chroma_accuracy" not in score_cell(truth, found, multilabel=False)


def test_what_is_impossible_is_refused_before_anything_is_computed(few: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "new"
    for named, message in (
        ({"encoders": []}, "no encoder is named"),
        ({"encoders": ["acoustic"], "per_label": (0,)}, "expected numbers from 1"),
        ({"encoders": ["acoustic"], "seeds": 0}, "expected 1 or more"),
        ({"encoders": ["acoustic"], "probes": ("svm",)}, "known probes: logistic"),
        ({"encoders": ["acoustic"], "random_weights": True}, "need a trained encoder"),
    ):
        with pytest.raises(ConfigError, match=message):
            probe_encoders(few, out=out, **named)
    with pytest.raises(DatasetError, match="known tasks"):
        probe_encoders(few, ["acoustic"], out=out, task="esc51")
    with pytest.raises(DatasetError):
        probe_encoders(few, ["acoustic"], out=out, per_label=(500,))
    with pytest.raises(BackendError, match="Did you mean 'acoustic'"):
        probe_encoders(few, ["acustic"], out=out)
    assert not out.exists()


def test_seeds_trained_side_by_side_answer_as_those_trained_one_by_one(
    few: Dataset, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = LinearProbe(replace(ARCH_HEAD, epochs=5))
    monkeypatch.setattr(study, "get_probe", lambda name, **_: probe)
    sizes: list[list[int]] = []
    original = probe_cells.run_probe_jobs
    results = []
    for name, workers in (("together", 1), ("one by one", 99)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "embeddings").symlink_to(cache / "embeddings")
        monkeypatch.setattr(study, "run_jobs", lambda work, jobs, *, workers: map(work, jobs))
        monkeypatch.setattr(study, "run_probe_jobs", lambda jobs: sizes[-1].append(len(jobs)) or original(jobs))
        sizes.append([])
        out = tmp_path / name
        results.append(probe_encoders(few, ["acoustic"], out=out, probes=("linear",), seeds=3, workers=workers))
    assert sizes == [[3, 3, 3], [1] * 9]
    one, other = (sorted((tmp_path / name / "cells").iterdir()) for name in ("together", "one by one"))
    assert [file.name for file in one] == [file.name for file in other]
    for file, twin in zip(one, other, strict=True):
        np.testing.assert_allclose(
            probe_cells.ProbeCell.read(file).probabilities, probe_cells.ProbeCell.read(twin).probabilities, atol=1e-3
        )
