"""The audit on small folders that are broken in one way each, and on real recordings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from menura.datasets import AuditReport, audit, load
from menura.errors import DatasetError
from menura.types import Finding

WriteClip = Callable[..., Path]


def _audit(folder: Path) -> AuditReport:
    return audit(load(folder))


def _finding(report: AuditReport, kind: str) -> Finding:
    found = [finding for finding in report.findings if finding.kind == kind]
    assert len(found) == 1, [finding.kind for finding in report.findings]
    return found[0]


def _names(finding: Finding) -> list[str]:
    return [Path(path).name for path in finding.paths]


@pytest.fixture
def folder(tmp_path: Path, write_clip: WriteClip) -> Path:
    """Two labels with four sound clips each and nothing to complain about but groups and licences."""
    for label in ("dog", "rain"):
        for number in range(4):
            write_clip(f"{label}/{number}.wav", duration_s=1.0)
    return tmp_path


def test_a_clean_folder_has_notes_only(folder: Path) -> None:
    report = _audit(folder)
    assert [finding.kind for finding in report.findings] == ["no_groups", "licence_missing"]
    assert {finding.severity for finding in report.findings} == {"note"}
    assert report.num_clips == 8
    assert report.duration_s == 8.0
    assert report.labels["dog"].clips == report.labels["dog"].groups == 4
    assert report.sample_rates == {8000: 8}
    assert report.formats == {"WAV/PCM_16": 8}
    assert report.licences == {"none": 8}
    assert report.roles == {"train": 8}


def test_synthetic_clips_among_recordings_are_counted(folder: Path) -> None:
    dataset = load(folder)
    grown = dataset.with_clips([replace(c, origin="synthetic") if i < 3 else c for i, c in enumerate(dataset.clips)])
    finding = _finding(audit(grown), "made_clips")
    assert (finding.severity, finding.details) == ("warning", {"count": 3})
    assert _names(finding) == [Path(clip.path).name for clip in dataset.clips[:3]]


def _write(path: Path, samples: np.ndarray, rate: int = 8000) -> None:
    soundfile.write(path, samples, rate)


@pytest.mark.parametrize(
    ("kind", "samples", "rate"),
    [
        ("silent", np.zeros(8000), 8000),
        ("quiet", 2e-4 * np.random.default_rng(1).standard_normal(8000), 8000),
        ("clipped", np.clip(np.random.default_rng(2).standard_normal(8000), -1, 1), 8000),
        ("dc_offset", 0.1 + 0.1 * np.random.default_rng(3).standard_normal(8000), 8000),
        ("padded", np.pad(0.1 * np.random.default_rng(4).standard_normal(2000), (0, 6000)), 8000),
        ("sample_rate", 0.1 * np.random.default_rng(5).standard_normal(11025), 11025),
        ("too_short", 0.1 * np.random.default_rng(6).standard_normal(1000), 8000),
        ("too_short", np.array([0.5]), 8000),
        ("too_long", 0.1 * np.random.default_rng(7).standard_normal(40000), 8000),
    ],
)
def test_a_bad_clip_is_named(folder: Path, kind: str, samples: np.ndarray, rate: int) -> None:
    _write(folder / "dog" / "bad.wav", samples, rate)
    finding = _finding(_audit(folder), kind)
    assert _names(finding) == ["bad.wav"]
    assert finding.message.startswith("1 of 9 clips is ")
    assert finding.remedy
    assert finding.details["count"] == 1


def test_a_twenty_minute_clip_of_eight_channels_is_audited(folder: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((1200 * 1000, 1)).astype(np.float32)
    soundfile.write(folder / "dog" / "long.flac", np.repeat(noise, 8, axis=1), 1000)
    report = _audit(folder)
    assert _names(_finding(report, "too_long")) == ["long.flac"]
    assert report.channels == {1: 8, 8: 1}


def test_unreadable_files_stand_first_and_do_not_stop_the_audit(folder: Path) -> None:
    (folder / "dog" / "broken.wav").write_bytes(b"RIFF....")
    report = _audit(folder)
    assert report.findings[0].kind == "unreadable"
    assert report.count("error") == 1


def test_a_file_that_vanishes_after_reading_is_counted(folder: Path) -> None:
    dataset = load(folder)
    (folder / "dog" / "0.wav").unlink()
    report = audit(dataset)
    assert report.num_clips == 7
    assert "does not exist" in _finding(report, "unreadable").message
    shutil.rmtree(folder / "dog")
    shutil.rmtree(folder / "rain")
    with pytest.raises(DatasetError, match="can be read any more"):
        audit(dataset)


def _manifest(folder: Path, extra: str, rows: list[tuple[str, str, str]]) -> None:
    lines = [f"{path},{label},{value}" for path, label, value in rows]
    (folder / "manifest.csv").write_text(f"path,label,{extra}\n" + "\n".join(lines) + "\n")


def test_exact_copies_are_told_by_where_they_lie(folder: Path) -> None:
    for name, source in (("copy.wav", "dog/0.wav"), ("other.wav", "dog/1.wav"), ("same.wav", "dog/2.wav")):
        shutil.copy(folder / source, folder / name)
    rows = [(f"{label}/{n}.wav", label, "1") for label in ("dog", "rain") for n in range(4)]
    _manifest(folder, "fold", [*rows, ("copy.wav", "dog", "2"), ("other.wav", "rain", "1"), ("same.wav", "dog", "1")])
    report = _audit(folder)
    across = _finding(report, "duplicate_across_folds")
    assert across.severity == "error"
    assert sorted(_names(across)) == ["0.wav", "copy.wav"]
    assert sorted(_names(_finding(report, "duplicate_other_label"))) == ["1.wav", "other.wav"]
    assert sorted(_names(_finding(report, "duplicate_inside"))) == ["2.wav", "same.wav"]
    assert not [finding for finding in report.findings if finding.kind.startswith("near_duplicate")]


def test_the_same_samples_in_another_container_are_an_exact_copy(folder: Path) -> None:
    samples, rate = soundfile.read(folder / "dog" / "0.wav")
    soundfile.write(folder / "dog" / "again.flac", samples, rate)
    assert sorted(_names(_finding(_audit(folder), "duplicate_inside"))) == ["0.wav", "again.flac"]


def test_a_cut_and_recoded_copy_across_the_split_is_an_error(folder: Path) -> None:
    samples, rate = soundfile.read(folder / "dog" / "0.wav")
    soundfile.write(folder / "test.ogg", 0.3 * samples[1000:], rate)
    rows = [(f"{label}/{n}.wav", label, "train") for label in ("dog", "rain") for n in range(4)]
    _manifest(folder, "split", [*rows, ("test.ogg", "dog", "test")])
    finding = _finding(_audit(folder), "near_duplicate_across_folds")
    assert finding.severity == "error"
    assert sorted(_names(finding)) == ["0.wav", "test.ogg"]
    assert "1 pair of clips with one recording lie in different folds or splits" in finding.message


def test_groups_on_both_sides_are_named(folder: Path) -> None:
    rows = [f"{label}/{n}.wav,{label},{n % 2},g{n // 2},CC0" for label in ("dog", "rain") for n in range(4)]
    (folder / "manifest.csv").write_text("path,label,fold,group,licence\n" + "\n".join(rows) + "\n")
    finding = _finding(_audit(folder), "group_leak_fold")
    assert finding.message == "2 of 2 groups are in more than one fold (8 clips): g0, g1"
    assert len(finding.paths) == 8


def test_labels_with_slips_are_put_beside_each_other(tmp_path: Path, write_clip: WriteClip) -> None:
    for label in ("Dog bark", "dog_bark", "thunderstorm", "thunderstrom", "cat", "car", "digit 1", "digit 2"):
        write_clip(f"{label}/a.wav", duration_s=0.5)
    report = _audit(tmp_path)
    assert _finding(report, "label_spelling").details["labels"] == [["Dog bark", "dog_bark"]]
    assert _finding(report, "label_near").details["labels"] == [["thunderstorm", "thunderstrom"]]
    assert _finding(report, "rare_label").message.startswith("8 labels have one clip")


def test_imbalance_and_labels_of_one_source_are_found(folder: Path, write_clip: WriteClip) -> None:
    for number in range(16):
        write_clip(f"wind/{number}.wav", duration_s=0.5)
    lines = [f"wind/{n}.wav,wind,one,CC0" for n in range(16)]
    lines += [f"{label}/{n}.wav,{label},g{n},CC-BY-NC-4.0" for label in ("dog", "rain") for n in range(4)]
    (folder / "manifest.csv").write_text("path,label,group,licence\n" + "\n".join(lines) + "\n")
    report = _audit(folder)
    assert "'wind' has 4.0 times as many clips as 'dog' (16 against 4)" in _finding(report, "imbalance").message
    assert _finding(report, "one_source").details["labels"] == ["wind"]
    assert "CC-BY-NC-4.0 (8 clips)" in _finding(report, "licence_restricted").message


def test_some_licences_without_others_are_a_warning(folder: Path) -> None:
    rows = [(f"{label}/{n}.wav", label, "CC0" if n else "") for label in ("dog", "rain") for n in range(4)]
    _manifest(folder, "licence", rows)
    finding = _finding(_audit(folder), "licence_missing")
    assert (finding.severity, _names(finding)) == ("warning", ["0.wav", "0.wav"])


def test_a_rate_that_gives_the_label_away_is_found(tmp_path: Path, write_clip: WriteClip) -> None:
    for number in range(12):
        write_clip(f"dog/{number}.wav", sample_rate=8000)
        write_clip(f"rain/{number}.wav", sample_rate=11025)
    finding = _finding(_audit(tmp_path), "shortcut_sample_rate")
    assert finding.details["accuracy"] == 1.0
    assert "100.0% of held-out clips" in finding.message


def test_several_labels_do_not_disturb_the_audit(folder: Path) -> None:
    rows = [(f"{label}/{n}.wav", f"{label};loud", "CC0") for label in ("dog", "rain") for n in range(4)]
    _manifest(folder, "licence", rows)
    report = _audit(folder)
    assert report.labels["loud"].clips == 8
    assert report.shortcuts == ()


def test_the_report_is_plain_json_and_repeats(folder: Path) -> None:
    first, second = _audit(folder), _audit(folder)
    assert json.dumps(first.to_json()) == json.dumps(second.to_json())
    assert first.to_json()["labels"]["dog"] == {"clips": 4, "groups": 4, "duration_s": 4.0}


def test_progress_counts_every_clip(folder: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    audit(load(folder), progress=lambda *call: calls.append(call))
    assert calls == [("audit", done, 8) for done in range(1, 9)]


def test_padding_that_gives_labels_away_is_found_in_real_recordings(shared_data: Path) -> None:
    dataset = load(shared_data / "esc10")
    labels = ("fire_crackling", "person_sneeze", "rain", "rooster")
    report = audit(dataset.with_clips([clip for clip in dataset.clips if set(clip.labels) & set(labels)]))
    finding = _finding(report, "shortcut_padding")
    assert finding.severity == "warning"
    assert finding.details["accuracy"] > 0.33  # type: ignore[operator]
    assert sorted(_names(_finding(report, "near_duplicate_inside"))) == ["2-28314-A.ogg", "2-30322-A.ogg"]


def test_imbalance_of_a_real_dataset_is_found(shared_data: Path) -> None:
    dataset = load(shared_data / "donateacry", test_fold=1)
    report = audit(dataset.with_clips([clip for clip in dataset.clips if clip.fold in ("1", "2")]))
    assert "'hungry' has 51.0 times as many clips as 'burping'" in _finding(report, "imbalance").message
    assert report.roles == {"test": 90, "train": 92}
    assert report.count("error") == 0
