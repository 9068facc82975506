"""The dataset of the world on disk, and that its labels can be learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from menura.classify.base import TrainingExamples
from menura.classify.linear import fit_logistic
from menura.cli.main import app
from menura.datasets import load
from menura.encoders.scenes import ScenesEncoder
from menura.errors import ConfigError, DatasetError, RunError
from menura.lock import LOCK_NAME, locked
from menura.studies.shifted_world import WorldSettings, write_world
from menura.synth.labelled import label_of
from menura.synth.world import World, labels

SMALL = WorldSettings("room", 1.0, per_label=2, validation_per_label=1, test_per_label=2, duration_s=0.4)


def test_the_folder_is_a_dataset_with_parts_and_captions(tmp_path: Path) -> None:
    dataset = load(str(write_world(tmp_path / "room", SMALL)))
    assert dataset.labels == tuple(sorted(labels()))
    assert (len(dataset.train.clips), len(dataset.validation), len(dataset.test)) == (20, 10, 20)
    assert {clip.sample_rate for clip in dataset.clips} == {16_000}
    assert all(label_of(clip.caption or "") == clip.labels[0] for clip in dataset.clips)
    assert len({clip.id for clip in dataset.clips}) == len(dataset.clips)


def test_equal_settings_leave_equal_bytes_and_replace_what_was_there(tmp_path: Path) -> None:
    first, second = (write_world(tmp_path / name, SMALL) for name in "ab")
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file() and path.name != LOCK_NAME)
    assert len(files) == 52
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in files)
    fewer = WorldSettings("noise", 1.0, per_label=1, validation_per_label=0, test_per_label=1, duration_s=0.4)
    assert len(load(str(write_world(first, fewer))).clips) == 20


@pytest.mark.parametrize("stops_at", [1, 20, 30])
def test_a_stopped_command_can_be_started_again_and_leaves_the_same(tmp_path: Path, stops_at: int) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if done == stops_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_world(tmp_path / "a", SMALL, progress=stop)
    assert not (tmp_path / "a" / "manifest.csv").exists()
    write_world(tmp_path / "a", SMALL)
    write_world(tmp_path / "b", SMALL)
    again, whole = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.name != LOCK_NAME}
        for folder in (tmp_path / "a", tmp_path / "b")
    )
    assert again == whole


def test_two_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(RunError, match="in use by process"):
        write_world(tmp_path, SMALL)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DatasetError, match="holds no dataset of `menura synth world`; choose another folder"):
        write_world(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(DatasetError, match="0 training, 5 validation"):
        WorldSettings(per_label=0)
    with pytest.raises(DatasetError, match="clips of 0 s"):
        WorldSettings(duration_s=0)
    with pytest.raises(ConfigError, match="no shift 'cave'"):
        WorldSettings("cave")


def test_the_command_writes_the_dataset(tmp_path: Path) -> None:
    options = ["--shift", "noise", "--per-label", "1", "--validation-per-label", "0", "--test-per-label", "1"]
    found = CliRunner().invoke(app, ["synth", "world", "-o", str(tmp_path / "w"), *options, "--duration-s", "0.4"])
    assert found.exit_code == 0, found.output
    assert "1 train, 0 validation, 1 test clips of each label" in found.stdout
    assert len(load(str(tmp_path / "w")).clips) == 20


def test_labels_can_be_learned_from_a_few_clips() -> None:
    """Forty of each reach about 90 %; chance is 10 %."""
    encoder, world = ScenesEncoder(), World()

    def heard(part: str, count: int) -> list[np.ndarray]:
        clips = [clip for label in labels() for clip in world.clips(label, part=part, count=count)]
        return list(encoder.embed([clip.recording for clip in clips]))

    truth = np.repeat(np.arange(10), 8)
    examples = TrainingExamples(
        heard("train", 8), np.eye(10, dtype=np.float32)[truth], np.ones(80), False,
        [str(number) for number in range(80)], np.ones(80, bool),
    )  # fmt: skip
    predicted = fit_logistic(examples, validation=None, seed=0).predict(heard("test", 5)).argmax(axis=1)
    assert (predicted == np.repeat(np.arange(10), 5)).mean() > 0.6
