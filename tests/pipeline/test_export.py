"""Exports that other tools open."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from menura.config import AmountSettings, RunSettings
from menura.datasets import load
from menura.errors import ConfigError, RunError
from menura.files import temporary_beside
from menura.manifest import provenance_from_dict, read_manifest
from menura.pipeline.formats import ExportFormat, export_run
from menura.pipeline.run import Run
from menura.recipes.augment import augment


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, write_dataset: object) -> Run:
    """A finished run."""
    folder = tmp_path_factory.mktemp("export")
    training = load(write_dataset(folder / "sounds")).train  # type: ignore[operator]
    return augment(training, out=folder / "run", settings=RunSettings(amount=AmountSettings(times=2)), workers=1)


def metadata(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as source:
        return list(csv.DictReader(source))


def test_the_dataset_is_an_audiofolder(run: Run) -> None:
    folder = run.path / "dataset"
    rows = metadata(folder)
    assert len(rows) == len(run.kept())
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.flac")}
    assert {row["file_name"] for row in rows} == files
    assert {row["origin"] for row in rows} == {"synthetic"}
    for row in rows:
        assert row["file_name"].startswith(row["label"] + "/")
        info = soundfile.info(folder / row["file_name"])
        assert info.duration == pytest.approx(float(row["duration_s"]), abs=1e-6)


def test_menura_reads_its_own_export(run: Run) -> None:
    dataset = load(run.path / "dataset")
    assert {clip.id for clip in dataset.clips} == {clip.id for clip in run.kept()}
    assert Counter(clip.labels for clip in dataset.clips) == Counter(clip.labels for clip in run.kept())


def test_the_manifest_tells_all_about_each_clip(run: Run) -> None:
    folder = run.path / "dataset"
    kept = {clip.path: clip for clip in run.kept()}
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert len(lines) == len(kept)
    for line in lines:
        file = folder / line["path"]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == line["sha256"]
        assert provenance_from_dict(line["provenance"]) == kept[str(file)].provenance
        assert line["origin"] == "synthetic"


def test_the_card_says_synthetic_and_how_many(run: Run) -> None:
    card = (run.path / "dataset" / "README.md").read_text()
    assert card.startswith("---\npretty_name:")
    assert "- synthetic\n" in card
    assert f"**Every clip here is synthetic.** {len(run.kept())} clips" in card
    assert run.identity.fingerprint in card
    for label, rate in run.keep_rates().items():
        assert f"| {label} | 4 | {rate.target} | {rate.planned} |" in card


def test_an_audiofolder_can_hold_the_real_clips_too(run: Run, tmp_path: Path) -> None:
    out = export_run(run, to="audiofolder", out=tmp_path / "both", include_real=True)
    counts = Counter(row["origin"] for row in metadata(out))
    assert counts == {"synthetic": len(run.kept()), "real": 8}
    assert all((out / row["file_name"]).is_file() for row in metadata(out))
    assert "synthetic" in (out / "README.md").read_text()
    assert len(load(out).clips) == len(run.kept()) + 8
    clips = {clip.id: clip for clip in read_manifest(out / "manifest.jsonl")}
    assert clips.keys() == {clip.id for clip in (*run.kept(), *run.training.clips)}
    for real in run.training.clips:
        written = clips[real.id]
        assert Path(written.path).read_bytes() == Path(real.path).read_bytes()
        assert replace(written, path=real.path) == replace(real, split="train")
    assert "size_categories:\n- n<1K" in (out / "README.md").read_text()


def test_the_same_samples_under_two_labels_are_exported_under_both(
    tmp_path: Path, write_dataset: Callable[[Path], Path]
) -> None:
    sounds = write_dataset(tmp_path / "sounds")
    first = load(sounds)
    source, other = first.clips[0], next(label for label in first.labels if label not in first.clips[0].labels)
    shutil.copy(source.path, sounds / other / "copy.wav")
    shutil.copy(source.path, Path(source.path).with_name("again.wav"))
    run = augment(load(sounds).train, per_label=1, out=tmp_path / "run", workers=1)
    out = export_run(run, to="audiofolder", out=tmp_path / "both", include_real=True)
    rows = [row for row in metadata(out) if row["clip_id"] == source.id]
    assert sorted(row["label"] for row in rows) == sorted([*source.labels, other])
    assert len({row["file_name"] for row in rows}) == 2
    assert f"beside the {len(first.clips) + 1} real clips" in (out / "README.md").read_text()


def test_webdataset_tars_are_the_same_every_time(run: Run, tmp_path: Path) -> None:
    first = export_run(run, to="webdataset", out=tmp_path / "a")
    second = export_run(run, to="webdataset", out=tmp_path / "b")
    assert (first / "train-000000.tar").read_bytes() == (second / "train-000000.tar").read_bytes()
    with tarfile.open(first / "train-000000.tar") as tar:
        names = tar.getnames()
        assert names[:3] == ["00000000.flac", "00000000.cls.txt", "00000000.json"]
        assert len(names) == 3 * len(run.kept())
        record = json.loads(tar.extractfile("00000000.json").read())  # type: ignore[union-attr]
        label = tar.extractfile("00000000.cls.txt").read().decode()  # type: ignore[union-attr]
        audio = tar.extractfile("00000000.flac").read()  # type: ignore[union-attr]
    assert record["label"] == label
    assert provenance_from_dict(json.loads(record["provenance"])) in [clip.provenance for clip in run.kept()]
    assert not [name for name, value in record.items() if isinstance(value, list | dict)]  # columns of plain values
    assert hashlib.sha256(audio).hexdigest() == record["sha256"]


def test_a_csv_points_to_the_audio_where_it_lies(run: Run, tmp_path: Path) -> None:
    out = export_run(run, to="csv", out=tmp_path / "clips.csv", include_real=True)
    with out.open(newline="", encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    assert len(rows) == len(run.kept()) + 8
    assert all(Path(row["path"]).is_file() for row in rows)


@pytest.mark.parametrize("form", ["audiofolder", "webdataset", "csv"])
def test_an_export_takes_away_what_a_killed_one_left(run: Run, tmp_path: Path, form: ExportFormat) -> None:
    mine = temporary_beside(tmp_path / "x").name
    dead = mine.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-")
    (tmp_path / dead).write_text("half")
    (tmp_path / dead.replace("-x-", "-y-")).write_text("half of another")
    export_run(run, to=form, out=tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == [dead.replace("-x-", "-y-"), "x"]


def test_nothing_is_overwritten(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="exists already; choose another name"):
        export_run(run, to="csv", out=tmp_path)


def test_an_unknown_form_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no export format 'zip'. Known: audiofolder, webdataset, csv"):
        export_run(run, to="zip", out=tmp_path / "x")  # type: ignore[arg-type]


def test_a_label_that_csv_would_split_is_not_exported_to_it(
    tmp_path: Path, write_dataset: Callable[[Path], Path]
) -> None:
    sounds = write_dataset(tmp_path / "sounds")
    next(path for path in sorted(sounds.iterdir()) if path.is_dir()).rename(sounds / "dog;cat")
    run = augment(load(sounds).train, per_label=1, out=tmp_path / "run", workers=1)
    with pytest.raises(ConfigError, match=r"label 'dog;cat' holds ';' or '\|', which separate labels in csv"):
        export_run(run, to="csv", out=tmp_path / "clips.csv")
    out = export_run(run, to="audiofolder", out=tmp_path / "folder")
    assert "dog;cat" in load(out).labels


def test_a_real_clip_that_has_changed_since_the_run_is_not_exported_under_its_old_name(
    tmp_path: Path, write_dataset: Callable[[Path], Path]
) -> None:
    training = load(write_dataset(tmp_path / "sounds")).train
    run = augment(training, per_label=1, out=tmp_path / "run", workers=1)
    shutil.copy(training.clips[1].path, training.clips[0].path)
    with pytest.raises(RunError, match="holds other samples than when the run was made"):
        export_run(run, to="webdataset", out=tmp_path / "both", include_real=True)


def test_a_real_clip_that_is_gone_is_named(tmp_path: Path, run: Run) -> None:
    clip = Path(run.training.clips[0].path)
    aside = clip.rename(clip.with_suffix(".aside"))
    try:
        with pytest.raises(RunError, match=f"{clip.name} is gone; put it back, or export without the real clips"):
            export_run(run, to="audiofolder", out=tmp_path / "both", include_real=True)
        assert not list(tmp_path.iterdir())
    finally:
        aside.rename(clip)
