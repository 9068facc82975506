"""Layouts and robustness of ``load``: what is understood, and what is said about what is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from menura.audio import clip_id, decode
from menura.datasets import Dataset, load
from menura.datasets.reading import load_unlabelled
from menura.errors import DatasetError
from menura.manifest import write_manifest
from menura.types import Finding

WriteClip = Callable[..., Path]


def _finding(dataset: Dataset, kind: str) -> Finding:
    return next(finding for finding in dataset.findings if finding.kind == kind)


def test_one_folder_for_each_label_is_read_in_a_stable_order(tmp_path: Path, write_clip: WriteClip) -> None:
    for name in ("rain/b.wav", "dog/z.flac", "dog/deep/er/a.ogg", "rain/a.WAV"):
        write_clip(name)
    dataset = load(tmp_path)
    assert [(Path(clip.path).name, clip.labels) for clip in dataset.clips] == [
        ("z.flac", ("dog",)), ("a.ogg", ("dog",)), ("a.WAV", ("rain",)), ("b.wav", ("rain",)),
    ]  # fmt: skip
    assert dataset.layout == "one folder for each label (LABEL/…): 4 clips"
    assert dataset.findings == ()
    clip = dataset.clips[0]
    assert clip.id == clip_id(decode(clip.path))
    assert (clip.duration_s, clip.sample_rate, clip.channels) == (0.3, 8000, 1)


def test_split_folders_above_the_labels_become_splits(tmp_path: Path, write_clip: WriteClip) -> None:
    for name in ("Train/dog/a.wav", "Train/rain/b.wav", "test/dog/c.wav", "valid/rain/d.wav"):
        write_clip(name)
    dataset = load(tmp_path)
    assert [dataset.role(clip) for clip in dataset.clips] == ["train", "train", "test", "validation"]
    assert dataset.labels == ("dog", "rain")
    assert [Path(clip.path).name for clip in dataset.train.clips] == ["a.wav", "b.wav"]


def test_fold_folders_above_the_labels_become_folds(tmp_path: Path, write_clip: WriteClip) -> None:
    for name in ("fold1/dog/a.wav", "fold2/dog/b.wav", "fold10/rain/c.wav"):
        write_clip(name)
    dataset = load(tmp_path, test_fold=2)
    assert dataset.folds == ("1", "2", "10")
    assert [Path(clip.path).name for clip in dataset.test] == ["b.wav"]


def test_a_folder_that_only_wraps_the_label_folders_is_passed(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("audio/dog/a.wav")
    write_clip("audio/rain/b.wav")
    assert load(tmp_path).labels == ("dog", "rain")


def test_a_manifest_beats_the_folders_unless_told_otherwise(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("x/a.wav")
    write_clip("y/b.wav")
    (tmp_path / "manifest.csv").write_text("path,label,fold\nx/a.wav,dog,1\ny/b.wav,rain,2\n")
    assert load(tmp_path).labels == load(tmp_path / "manifest.csv").labels == ("dog", "rain")
    assert load(tmp_path, layout="folders").labels == ("x", "y")
    assert load(tmp_path).layout == "manifest manifest.csv: 2 clips, labels from the manifest; 2 folds"


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_an_audiofolder_with_metadata_in_its_split_folders_is_read(
    tmp_path: Path, write_clip: WriteClip, suffix: str
) -> None:
    for part, label in (("train", "dog"), ("test", "rain")):
        write_clip(f"{part}/{label}.wav")
        line = f'{{"file_name":"{label}.wav","label":"{label}"}}' if suffix == "jsonl" else f"{label}.wav,{label}"
        head = "" if suffix == "jsonl" else "file_name,label\n"
        (tmp_path / part / f"metadata.{suffix}").write_text(f"{head}{line}\n")
    dataset = load(tmp_path)
    assert [(clip.labels, clip.split) for clip in dataset.clips] == [(("rain",), "test"), (("dog",), "train")]


def test_an_audiofolder_without_labels_takes_them_from_its_folders(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("train/dog/a.wav")
    write_clip("test/rain/b.wav")
    (tmp_path / "metadata.csv").write_text("file_name,text\ntrain/dog/a.wav,x\ntest/rain/b.wav,y\n")
    dataset = load(tmp_path)
    assert [(clip.labels, clip.split) for clip in dataset.clips] == [(("dog",), "train"), (("rain",), "test")]
    assert "the folder of each clip names its label" in dataset.layout


def test_folds_that_only_say_train_and_test_are_splits(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("a.wav")
    write_clip("b.wav")
    (tmp_path / "manifest.csv").write_text("path,label,fold,split\na.wav,x,train,cv5\nb.wav,x,test,cv5\n")
    dataset = load(tmp_path)
    assert dataset.folds == ()
    assert [dataset.role(clip) for clip in dataset.clips] == ["train", "test"]


def test_a_split_that_is_not_known_is_said_and_not_taken_for_training_in_silence(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    rows = [("a", "train", ""), ("b", "Prüfung", ""), ("c", "holdout", ""), ("d", "holdout", ""), ("e", "", "")]
    for name, *_ in rows:
        write_clip(f"{name}.wav")
    text = "".join(f"{name}.wav,dog,{split},{fold}\n" for name, split, fold in rows)
    (tmp_path / "manifest.csv").write_text("path,label,split,fold\n" + text, encoding="utf-8")
    found = _finding(load(tmp_path), "unknown_split")
    assert "3 of 5 rows name a split that is not known, and are training clips: 'holdout' (2)" in found.message
    (tmp_path / "manifest.csv").write_text("path,label,split,fold\na.wav,dog,cv5,1\nb.wav,dog,cv5,2\n")
    assert [finding.kind for finding in load(tmp_path).findings] == ["unlisted"]


def test_rows_of_json_lines_need_not_all_have_the_same_fields(tmp_path: Path, write_clip: WriteClip) -> None:
    for name in "abc":
        write_clip(f"{name}.wav")
    rows = (
        '{"path":"a.wav","label":"dog"}',
        '{"path":"b.wav","label":"dog","split":"test","group":"g","licence":"CC0","caption":"it barks"}',
        '{"file_name":"c.wav","category":"dog","fold":2}',
    )
    (tmp_path / "manifest.jsonl").write_text("\n".join(rows))
    first, second, third = load(tmp_path).clips
    assert (first.split, first.group, first.licence) == (None, None, None)
    assert (second.split, second.group, second.licence, second.caption) == ("test", "g", "CC0", "it barks")
    assert (third.labels, third.fold) == (("dog",), "2")


def test_a_manifest_that_menura_wrote_is_loaded_with_all_that_its_clips_say(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    write_clip("dog/a.wav")
    write_clip("dog/b.wav")
    bare, told = load(tmp_path).clips
    told = replace(told, split="test", group="rex", licence="CC0", caption="it barks")
    write_manifest([bare, told], tmp_path / "manifest.jsonl")
    assert load(tmp_path).clips == (bare, told)


def test_audio_that_a_manifest_does_not_list_is_counted(tmp_path: Path, write_clip: WriteClip) -> None:
    for name in ("train/a.wav", "train/b.wav", "test/a.wav", ".git/c.wav"):
        write_clip(name)
    (tmp_path / "train" / "metadata.csv").write_text("file_name,label\na.wav,dog\nb.wav,rain\n")
    found = _finding(load(tmp_path), "unlisted")
    assert found.message == "1 audio files are not listed in train/metadata.csv and were left out"
    assert found.paths == (str(tmp_path / "test" / "a.wav"),)
    assert load(tmp_path / "train" / "metadata.csv").findings == ()  # who names a manifest means what it lists


def test_columns_that_name_parts_of_files_are_said_to_be_ignored(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("a.wav")
    (tmp_path / "manifest.csv").write_text("path,label,Onset,offset_s\na.wav,dog,0.1,0.2\n")
    message = "manifest.csv has the columns Onset and offset_s, which are not read: a clip is a whole file"
    assert _finding(load(tmp_path), "segments").message == message
    (tmp_path / "manifest.csv").write_text("path,label,start,end\na.wav,dog,0.1,0.2\na.wav,rain,0.2,0.3\n")
    with pytest.raises(DatasetError, match=r"line 3: lists .*a\.wav again .*cut the file where they name parts of it"):
        load(tmp_path)


@pytest.mark.parametrize("other", ["extra/dog/c.wav", "fold1/dog/c.wav"])
def test_split_folders_beside_others_do_not_become_labels(tmp_path: Path, write_clip: WriteClip, other: str) -> None:
    for name in ("train/dog/a.wav", "train/rain/a.wav", "test/dog/b.wav", other):
        write_clip(name)
    with pytest.raises(DatasetError, match=r"the folders .*test, train look like parts of the data.* add a manifest"):
        load(tmp_path)


def test_labels_that_are_called_like_splits_are_labels(tmp_path: Path, write_clip: WriteClip) -> None:
    for name in ("bus/monday/a.wav", "tram/monday/b.wav", "train/monday/c.wav", "train/sunday/d.wav"):
        write_clip(name)
    assert load(tmp_path).counts() == {"bus": 1, "train": 2, "tram": 1}


def test_split_folders_below_the_labels_are_said_not_to_be_read(tmp_path: Path, write_clip: WriteClip) -> None:
    for name in ("dog/train/a.wav", "dog/test/b.wav", "rain/Train/c.wav", "rain/d.wav"):
        write_clip(name)
    found = _finding(load(tmp_path), "parts_below_labels")
    assert found.message == "folders below the labels are named Train, test, train, and are not read as splits or folds"


def test_split_folders_are_no_labels_for_a_manifest_without_any(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("train/a.wav")
    write_clip("test/b.wav")
    (tmp_path / "metadata.csv").write_text("file_name,text\ntrain/a.wav,x\ntest/b.wav,y\n")
    with pytest.raises(DatasetError, match=r"gives no labels: .* the folders test, train are parts of the data"):
        load(tmp_path)


def test_a_fold_column_of_train_and_test_holds_out_although_some_rows_lack_it(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    for name in "abc":
        write_clip(f"{name}.wav")
    (tmp_path / "manifest.csv").write_text("path,label,fold\na.wav,dog,train\nb.wav,dog,test\nc.wav,dog,\n")
    dataset = load(tmp_path)
    assert [dataset.role(clip) for clip in dataset.clips] == ["train", "test", "train"]


def test_folds_that_some_clips_lack_are_said_not_to_be_used(tmp_path: Path, write_clip: WriteClip) -> None:
    for name in "abc":
        write_clip(f"{name}.wav")
    (tmp_path / "manifest.csv").write_text("path,label,fold\na.wav,dog,1\nb.wav,dog,2\nc.wav,dog,\n")
    assert _finding(load(tmp_path), "fold_gaps").paths == (str(tmp_path / "c.wav"),)
    with pytest.raises(DatasetError, match="its folds are: none, because 1 of 3 clips have no fold"):
        load(tmp_path, test_fold=1)


@pytest.mark.parametrize("header", ["path,label,label", "path,label,Label", "path,speaker,label,Speaker"])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, header: str) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"{header}\n{','.join('abcd'[: header.count(',') + 1])}\n")
    with pytest.raises(DatasetError, match=r"has more than one column '(label|speaker)'; rename or remove all but one"):
        load(tmp_path)


def test_a_folder_with_a_dot_in_its_name_keeps_it(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("v1.2/dog/a.wav")
    (tmp_path / "v1.2" / "some.csv").write_text("path,label\ndog/a.wav,dog\n")
    assert load(tmp_path / "v1.2").name == "v1.2"
    assert load(tmp_path / "v1.2" / "some.csv").name == "some"


def test_several_labels_survive_reading(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("a.wav")
    (tmp_path / "manifest.csv").write_text("path,labels\na.wav,dog;rain\n")
    dataset = load(tmp_path)
    assert dataset.clips[0].labels == ("dog", "rain")
    assert dataset.is_multilabel


def _broken_files(folder: Path) -> dict[str, str]:
    """File names to a part of the reason that each must get."""
    folder.mkdir()
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.mp3").write_bytes(b"this is not audio at all" * 50)
    soundfile.write(folder / "none.wav", np.zeros((0, 1)), 8000)
    soundfile.write(folder / "nan.wav", np.full((100, 1), np.nan, dtype=np.float32), 8000, subtype="FLOAT")
    (folder / "folder.wav").mkdir()
    (folder / "folder.wav" / "inner.flac").write_bytes(b"fLaC" + bytes(60))
    return {
        "empty.wav": "is empty (0 bytes)", "text.mp3": "not audio", "none.wav": "holds no samples",
        "nan.wav": "NaN or infinite", "inner.flac": "not audio",
    }  # fmt: skip


def test_every_unreadable_file_is_counted_with_its_reason(tmp_path: Path, write_clip: WriteClip) -> None:
    reasons = _broken_files(tmp_path / "dog")
    write_clip("dog/fine.wav")
    (tmp_path / "nothing").mkdir()
    dataset = load(tmp_path)
    assert [Path(clip.path).name for clip in dataset.clips] == ["fine.wav"]
    by_file = {
        Path(path).name: reason
        for finding in dataset.findings
        for path, reason in dict(finding.details.get("reasons", {})).items()  # type: ignore[arg-type]
    }
    assert by_file.keys() == reasons.keys()
    for name, part in reasons.items():
        assert part in by_file[name]
    kinds = {finding.kind: finding.details.get("count") for finding in dataset.findings}
    assert kinds == {"unreadable": 2, "empty": 2, "nan": 1, "label_without_clips": None}
    assert _finding(dataset, "label_without_clips").message.startswith("label 'nothing' has no readable clip")


def test_odd_but_sound_files_are_clips(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("odd/one.wav", duration_s=1 / 8000)
    write_clip("odd/eight.wav", channels=8)
    write_clip("odd/ä ö'\"(1)  [bold]\n%s.wav")
    write_clip("odd/-rf.flac")
    write_clip("odd/long.flac", duration_s=1200, sample_rate=1000)
    dataset = load(tmp_path)
    assert not dataset.findings
    assert {clip.channels for clip in dataset.clips} == {1, 8}
    assert max(clip.duration_s for clip in dataset.clips) == 1200
    assert min(clip.duration_s for clip in dataset.clips) == 1 / 8000


def test_what_is_left_out_is_counted(tmp_path: Path, write_clip: WriteClip) -> None:
    for name in ("dog/a.wav", "dog/.hidden.wav", ".git/b.wav", "__MACOSX/c.wav", "stray.wav"):
        write_clip(name)
    (tmp_path / "dog" / "notes.txt").write_text("x")
    (tmp_path / "dog" / "phone.m4a").write_bytes(b"x")
    dataset = load(tmp_path)
    assert [Path(clip.path).name for clip in dataset.clips] == ["a.wav"]
    assert {finding.kind: len(finding.paths) for finding in dataset.findings} == {
        "hidden": 1, "unsupported": 1, "not_audio": 1, "unlabelled": 1,
    }  # fmt: skip
    assert "Convert" in _finding(dataset, "unsupported").remedy


def test_what_menura_made_inside_a_dataset_is_not_read_as_recordings(tmp_path: Path, write_clip: WriteClip) -> None:
    for name in ("dog/a.wav", "rain/b.wav", "runs/first/shards/000000/c.wav", "proof/runs/x/dataset/dog/d.wav"):
        write_clip(name)
    write_clip("grown/dog/e.wav")
    for name in ("runs/first/run.json", "runs/first/plan.parquet", "proof/evaluation-settings.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "grown" / "metadata.csv").write_text("file_name,label,origin,clip_id,request_id\n")
    (tmp_path / "grown" / "manifest.jsonl").write_text("")
    dataset = load(tmp_path)
    assert sorted(Path(clip.path).name for clip in dataset.clips) == ["a.wav", "b.wav"]
    assert [finding.kind for finding in dataset.findings] == ["made"]
    made = _finding(dataset, "made")
    assert sorted(Path(path).name for path in made.paths) == ["first", "grown", "proof"]
    assert made.message == "3 folders are runs, evaluations or exports of Menura and were left out"


def test_an_audiofolder_of_somebody_else_inside_a_dataset_is_read(tmp_path: Path, write_clip: WriteClip) -> None:
    for name in ("dog/a.wav", "rain/b.wav"):
        write_clip(name)
    (tmp_path / "dog" / "metadata.csv").write_text("file_name,label\na.wav,dog\n")
    (tmp_path / "dog" / "manifest.jsonl").write_text("")
    (tmp_path / "rain" / "run.json").write_text("{}")  # a name that others use too
    assert len(load(tmp_path).clips) == 2


def test_a_run_is_no_dataset(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("shards/000000/a.wav")
    write_clip("dataset/dog/b.wav")
    for name in ("run.json", "plan.parquet"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(DatasetError, match="is a run of Menura, expected recordings"):
        load(tmp_path)
    with pytest.raises(DatasetError, match="is a run of Menura, expected recordings"):
        load_unlabelled(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_out_of_the_folder_are_not_followed(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("set/dog/a.wav")
    outside = write_clip("elsewhere/dog/b.wav")
    os.symlink(outside, tmp_path / "set" / "dog" / "b.wav")
    os.symlink(outside.parent, tmp_path / "set" / "cat")
    dataset = load(tmp_path / "set")
    assert len(dataset.clips) == 1
    assert len(_finding(dataset, "link").paths) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_not_utf8_is_left_out_and_counted(tmp_path: Path, write_clip: WriteClip) -> None:
    path = write_clip("dog/a.wav")
    os.link(path, os.fsencode(str(path.parent)) + b"/b\xff.wav")
    dataset = load(tmp_path)
    assert len(dataset.clips) == 1
    assert _finding(dataset, "bad_name").paths[0].endswith("b?.wav")


def test_rows_without_label_and_files_that_are_missing_are_counted(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip("a.wav")
    write_clip("b.wav")
    (tmp_path / "manifest.csv").write_text("path,label\na.wav,dog\nb.wav,\ngone.wav,cat\n")
    dataset = load(tmp_path)
    assert len(dataset.clips) == 1
    assert _finding(dataset, "unlabelled").message == "1 of 3 rows have no label and were left out"
    assert "gone.wav does not exist" in _finding(dataset, "unreadable").message
    assert "label 'cat' has no readable clip (1 listed)" in _finding(dataset, "label_without_clips").message


def test_a_dataset_that_cannot_be_used_is_refused_with_what_to_do(tmp_path: Path, write_clip: WriteClip) -> None:
    with pytest.raises(DatasetError, match="does not exist; expected a folder of sounds"):
        load(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(DatasetError, match="holds no audio files"):
        load(tmp_path / "bare")
    write_clip("flat/a.wav")
    with pytest.raises(DatasetError, match=r"holds 1 audio files but no folder for each label.*manifest\.csv"):
        load(tmp_path / "flat")
    (tmp_path / "flat" / "list.csv").write_text("path,label\na.wav,dog\n")
    with pytest.raises(DatasetError, match=r"if list\.csv is one, give it in place of the folder"):
        load(tmp_path / "flat")
    with pytest.raises(DatasetError, match="holds no manifest, expected one of manifest"):
        load(tmp_path / "flat", layout="manifest")
    with pytest.raises(DatasetError, match="no layout 'tree'"):
        load(tmp_path / "flat", layout="tree")
    with pytest.raises(DatasetError, match="is no manifest"):
        load(tmp_path / "flat" / "a.wav")
    _broken_files(tmp_path / "dog")
    with pytest.raises(DatasetError, match=r"no folder for each label|holds no readable labelled clip"):
        load(tmp_path / "dog")
    write_clip("fine/dog/a.wav")
    with pytest.raises(DatasetError, match="has no fold '3'; its folds are: none"):
        load(tmp_path / "fine", test_fold=3)


def test_reading_loads_neither_torch_nor_sklearn() -> None:
    code = (
        "import sys, menura.datasets; print([m for m in ('torch', 'sklearn', 'scipy', 'pyarrow') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("name", "num_clips", "num_labels", "num_groups", "num_folds", "num_test"),
    [
        ("esc10", 400, 10, 304, 5, 0), ("fsdd", 3000, 10, 6, 0, 300), ("donateacry", 457, 5, 221, 5, 0),
        ("catmeows", 440, 3, 21, 5, 0),
    ],
)  # fmt: skip
def test_real_datasets_are_read_through_their_manifests(
    shared_data: Path, name: str, num_clips: int, num_labels: int, num_groups: int, num_folds: int, num_test: int
) -> None:
    dataset = load(shared_data / name)
    assert len(dataset.clips) == num_clips
    assert len(dataset.labels) == num_labels
    assert len({clip.group for clip in dataset.clips}) == num_groups
    assert len(dataset.folds) == num_folds
    assert len(dataset.test) == num_test
    assert len(dataset.train.clips) == num_clips - num_test
    assert dataset.findings == ()
