"""Recordings without labels, from a folder or a manifest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from menura.datasets.reading import load_unlabelled
from menura.errors import DatasetError


def write(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(800), 8000)


def test_any_folder_will_do_and_each_recording_counts_once(tmp_path: Path) -> None:
    for seed, name in enumerate(("a.wav", "deep/down/b.flac", "dog/c.wav")):
        write(tmp_path / name, seed)
    write(tmp_path / "dog" / "again.wav", 0)
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    clips, findings = load_unlabelled(tmp_path)
    assert sorted(Path(clip.path).name for clip in clips) == ["a.wav", "b.flac", "c.wav"]
    assert {clip.labels for clip in clips} == {()}
    assert "unreadable" in {finding.kind for finding in findings}


def test_a_manifest_gives_captions_and_groups_and_clips_that_were_made_are_left_out(tmp_path: Path) -> None:
    for seed, name in enumerate(("a.wav", "b.wav", "c.wav")):
        write(tmp_path / name, seed)
    (tmp_path / "pool.csv").write_text(
        "path,caption,group,origin\na.wav,a dog barks,anna,real\nb.wav,rain,,real\nc.wav,made,,synthetic\n"
    )
    clips, findings = load_unlabelled(tmp_path / "pool.csv")
    assert [(clip.caption, clip.group) for clip in clips] == [("a dog barks", "anna"), ("rain", None)]
    assert [finding.kind for finding in findings] == ["made_clips"]


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        load_unlabelled(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="holds no audio files"):
        load_unlabelled(tmp_path)
