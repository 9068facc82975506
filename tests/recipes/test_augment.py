"""``menura.augment``: settings, identity, and the folder of the run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from menura.audio import encode
from menura.cli.main import app
from menura.config import AmountSettings, GeneratorSettings, JudgeSettings, RunSettings
from menura.datasets import load
from menura.datasets.dataset import Dataset
from menura.datasets.sounds import render_sound
from menura.errors import ConfigError, DatasetError, RunError
from menura.pipeline.formats import export_run
from menura.pipeline.run import Run
from menura.recipes.augment import augment, resolve_settings
from menura.seeding import item_generator
from menura.types import Recording

RATE = 8000


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two labels of three clips in three folds."""
    folder = tmp_path_factory.mktemp("sounds")
    rows = ["file_name,label,fold"]
    for label in ("rain", "siren"):
        for take in range(3):
            waveform = render_sound(label, item_generator(3, label, take), duration_s=0.4, sample_rate=RATE)
            recording = Recording(0.3 * np.asarray(waveform, dtype=np.float32)[None], RATE)
            encode(recording, folder / f"{label}{take}.wav", container="WAV")
            rows.append(f"{label}{take}.wav,{label},{take + 1}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return load(folder, test_fold=3)


@pytest.fixture(scope="module")
def finished(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of it."""
    out = tmp_path_factory.mktemp("runs") / "first"
    augment(dataset.train, times=2, out=out, workers=1)
    return out


def test_no_test_clip_reaches_the_run(dataset: Dataset, finished: Path) -> None:
    run = Run.open(finished)
    held_out = {clip.id for clip in dataset.test}
    assert held_out
    assert not held_out & {clip.id for clip in run.training.clips}
    assert not held_out & {parent for record in run.records() for parent in record.request.parents}
    words = "".join(path.read_text(errors="replace") for path in finished.rglob("*") if path.is_file())
    assert not any(clip_id in words for clip_id in held_out)


def test_the_run_remembers_where_the_held_out_clips_are(dataset: Dataset, finished: Path) -> None:
    training = Run.open(finished).training
    assert training.root == dataset.root
    assert training.test_fold == "3"
    assert load(training.root, test_fold=training.test_fold).train.fingerprint == training.fingerprint


def test_every_request_ends_kept_or_rejected_with_a_reason(finished: Path) -> None:
    run = Run.open(finished)
    records = list(run.records())
    assert len(records) == sum(rate.planned for rate in run.keep_rates().values())
    assert all(record.judgement.accepted != bool(record.judgement.reason) for record in records)
    assert [record.judgement.request_id for record in records] == [record.request.id for record in records]
    assert {record.request.id for record in records} >= {request.id for request in run.requests()}


def test_kept_clips_are_in_the_dataset_with_their_provenance(finished: Path) -> None:
    run = Run.open(finished)
    kept = run.kept()
    assert len(kept) == sum(rate.kept for rate in run.keep_rates().values()) > 0
    for clip in kept:
        assert Path(clip.path).is_file()
        assert Path(clip.path).parent.parent == finished / "dataset"
        assert clip.origin == "synthetic"
        assert clip.provenance is not None
        assert clip.provenance.generator == "resynth"
        assert clip.group == run.training.by_id[clip.provenance.request.parents[0]].group


def test_a_whole_dataset_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected its training part: pass dataset\.train"):
        augment(dataset, out=tmp_path / "run")  # type: ignore[arg-type]


def test_other_settings_are_refused_with_the_difference(dataset: Dataset, finished: Path) -> None:
    generator = GeneratorSettings(delta=0.25)
    with pytest.raises(RunError) as caught:
        augment(dataset.train, times=3, seed=4, generator=generator, out=finished)
    message = str(caught.value)
    assert "amount.times: 2.0 → 3.0" in message
    assert "generator.delta: unset → 0.25" in message
    assert "seed: 0 → 4" in message
    assert "Choose another folder, or --fresh" in message
    assert "fingerprint" not in message


def test_other_training_clips_are_refused(dataset: Dataset, finished: Path) -> None:
    with pytest.raises(RunError, match=r"training clips: 4 clips → 4 clips, of other content"):
        augment(dataset.with_test_fold(1).train, times=2, out=finished)


def test_a_run_that_moved_with_its_sounds_is_still_the_same(dataset: Dataset, finished: Path) -> None:
    training = dataset.train
    moved = replace(training, root="/elsewhere", clips=tuple(replace(clip, fold="9") for clip in training.clips))
    assert augment(moved, times=2, out=finished).is_finished


def _files(run: Path) -> dict[str, bytes]:
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_a_run_follows_sounds_that_moved_and_makes_nothing_twice(dataset: Dataset, tmp_path: Path) -> None:
    sounds = shutil.copytree(dataset.root, tmp_path / "old")
    run = augment(load(sounds, test_fold=3).train, per_label=1, out=tmp_path / "run", workers=1)
    before = _files(run.path)
    moved = sounds.rename(tmp_path / "new")
    assert "gone; if it has moved" in str(CliRunner().invoke(app, ["evaluate", str(run.path)]).exception)
    again = augment(load(moved, test_fold=3).train, per_label=1, out=run.path, workers=1)
    assert Run.open(run.path).training.root == again.training.root == str(moved)
    assert all(Path(clip.path).is_file() for clip in again.training.clips)
    export_run(again, to="csv", out=tmp_path / "clips.csv", include_real=True)
    changed = {name for name, data in _files(run.path).items() if before.get(name) != data}
    assert changed == {"run.json", "training.jsonl"}


def test_a_licence_that_is_filled_in_later_reaches_the_clips(dataset: Dataset, tmp_path: Path) -> None:
    bare = augment(dataset.train, per_label=1, out=tmp_path / "run", workers=1)
    assert {clip.licence for clip in bare.kept()} == {None}
    audio = {name: data for name, data in _files(bare.path).items() if name.endswith(".flac")}
    clips = [replace(clip, licence="CC BY-NC 4.0", caption="it rains") for clip in dataset.train.clips]
    told = augment(replace(dataset.train, clips=tuple(clips)), per_label=1, out=bare.path, workers=1)
    assert {clip.licence for clip in told.kept()} == {"CC BY-NC 4.0"}
    rows = [json.loads(line) for line in (told.path / "dataset" / "manifest.jsonl").read_text().splitlines()]
    assert {row["licence"] for row in rows} == {"CC BY-NC 4.0"}
    assert {tuple(row["provenance"]["parent_licences"]) for row in rows} <= {("CC BY-NC 4.0",) * n for n in (1, 2, 3)}
    assert "non-commercial" in (told.path / "dataset" / "README.md").read_text()
    assert {name: data for name, data in _files(told.path).items() if name.endswith(".flac")} == audio


def test_fresh_replaces_a_run(dataset: Dataset, tmp_path: Path) -> None:
    augment(dataset.train, per_label=1, out=tmp_path / "run", workers=1)
    (tmp_path / "run" / "report.html").write_text("old")
    (tmp_path / "run" / "mine.txt").write_text("notes")
    run = augment(dataset.train, per_label=2, out=tmp_path / "run", workers=1, fresh=True)
    assert run.settings.amount.per_label == 2
    assert not (tmp_path / "run" / "report.html").exists()
    assert (tmp_path / "run" / "mine.txt").exists()


def test_a_folder_with_other_files_is_not_touched(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("...")
    for fresh in (False, True):
        with pytest.raises(RunError, match=r"is not a run and holds other files \(thesis\.tex\)"):
            augment(dataset.train, out=tmp_path, fresh=fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_place_of_the_folder_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="is a file, expected a folder"):
        augment(dataset.train, out=tmp_path / "run")


def test_settings_may_not_be_given_twice() -> None:
    settings = RunSettings(amount=AmountSettings(per_label=5), seed=3)
    assert resolve_settings(settings, per_label=5) == settings
    with pytest.raises(ConfigError, match=r"amount, seed given as an argument and, otherwise, in settings"):
        resolve_settings(settings, times=2, seed=1)


def test_two_amounts_are_refused() -> None:
    with pytest.raises(ConfigError, match="give one of times, per_label and balance"):
        resolve_settings(times=2, per_label=5)


def test_a_label_that_keeps_nothing_is_a_loud_finding(dataset: Dataset, tmp_path: Path) -> None:
    settings = RunSettings(
        amount=AmountSettings(per_label=3),
        generator=GeneratorSettings(delta=0.0),  # children that equal their parents are copies, and all are rejected
        judge=JudgeSettings(surplus=1),
        rounds=1,
    )
    run = augment(dataset.train, settings=settings, out=tmp_path / "run", workers=1)
    rates = run.keep_rates()
    empty = [label for label, rate in rates.items() if rate.kept == 0]
    assert empty
    found = {finding.details["label"]: finding for finding in run.findings if finding.kind == "label_kept_nothing"}
    assert sorted(found) == empty
    assert all(finding.severity == "error" and finding.remedy for finding in found.values())
    assert "was kept: 0 of" in (run.path / "dataset" / "README.md").read_text()
