"""Nothing is lost, nothing is repeated, and every way to get there leaves the same bytes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from menura import files
from menura.config import AmountSettings, JudgeSettings, RunSettings
from menura.datasets import load
from menura.datasets.dataset import TrainingPart
from menura.errors import RunError
from menura.pipeline import store
from menura.pipeline.run import Run
from menura.recipes.augment import augment

HERE = Path(__file__).parent
SETTINGS = RunSettings(amount=AmountSettings(times=2), judge=JudgeSettings(surplus=1), shard_size=4, rounds=2)


def digest(run: Path, *, part: str = "") -> dict[str, str]:
    """File to hash of everything that the promise of equal bytes covers."""
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((run / part).rglob("*"))
        if path.is_file() and path.name not in ("log.jsonl", ".lock")
    }


def events(run: Path) -> list[str]:
    """Names of the events in the log."""
    return [json.loads(line)["event"] for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def reference(
    tmp_path_factory: pytest.TempPathFactory, write_dataset: Callable[[Path], Path]
) -> tuple[TrainingPart, Path]:
    """A training part, and a run of it that nothing disturbed."""
    folder = tmp_path_factory.mktemp("reference")
    training = load(write_dataset(folder / "sounds")).train
    augment(training, out=folder / "run", settings=SETTINGS, workers=1)
    return training, folder / "run"


def test_kill_9_at_any_moment_loses_nothing_and_repeats_nothing(
    tmp_path: Path, reference: tuple[TrainingPart, Path]
) -> None:
    sounds = reference[1].parent / "sounds"
    ran = subprocess.run(
        [sys.executable, str(HERE / "crashing.py"), str(sounds), str(tmp_path), "16"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["killed"] == found["moments"] == 16
    assert found["changes"] > 60
    assert found["different"] == {}


def test_a_killed_command_with_two_workers_goes_on_to_the_same_bytes(
    tmp_path: Path, reference: tuple[TrainingPart, Path]
) -> None:
    training, undisturbed = reference
    config = tmp_path / "settings.json"
    config.write_text(SETTINGS.model_dump_json())
    out = tmp_path / "run"
    command = [sys.executable, "-m", "menura.cli.main", "augment", str(undisturbed.parent / "sounds"), "-o", str(out)]
    process = subprocess.Popen([*command, "-c", str(config), "--workers", "2"], stderr=subprocess.DEVNULL)
    while not list(out.glob("shards/0*")) and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (out / "dataset").exists()
    for _ in range(200):  # its workers notice that their input ended, and end too
        if not _workers_of(out):
            break
        time.sleep(0.05)
    assert _workers_of(out) == []
    augment(training, out=out, settings=SETTINGS, workers=1)
    assert digest(out) == digest(undisturbed)


def _workers_of(run: Path) -> list[str]:
    """Process ids of workers of a run, where the system lists them as files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"menura.pipeline.worker" in words and str(run).encode() in words:
            found.append(process.name)
    return found


def test_two_workers_leave_the_bytes_of_one(tmp_path: Path, reference: tuple[TrainingPart, Path]) -> None:
    training, undisturbed = reference
    augment(training, out=tmp_path / "run", settings=SETTINGS, workers=2)
    assert digest(tmp_path / "run") == digest(undisturbed)


@pytest.mark.parametrize("shard_size", [1, 7, 64])
def test_the_dataset_does_not_depend_on_the_size_of_a_shard(
    shard_size: int, tmp_path: Path, reference: tuple[TrainingPart, Path]
) -> None:
    training, undisturbed = reference
    settings = SETTINGS.model_copy(update={"shard_size": shard_size})
    augment(training, out=tmp_path / "run", settings=settings, workers=1)
    expected, found = digest(undisturbed, part="dataset"), digest(tmp_path / "run", part="dataset")
    for card in (expected, found):
        del card["dataset/README.md"]  # it names the fingerprint, and the size of a shard is part of that
    assert found == expected


def test_another_seed_makes_other_clips(tmp_path: Path, reference: tuple[TrainingPart, Path]) -> None:
    training, undisturbed = reference
    augment(training, out=tmp_path / "run", settings=SETTINGS.model_copy(update={"seed": 1}), workers=1)
    assert not set(digest(tmp_path / "run", part="shards").values()) & set(digest(undisturbed, part="shards").values())


def test_a_second_call_changes_no_file(reference: tuple[TrainingPart, Path]) -> None:
    training, undisturbed = reference
    before = {
        path: path.stat().st_mtime_ns for path in undisturbed.rglob("*") if path.name not in ("log.jsonl", ".lock")
    }
    augment(training, out=undisturbed, settings=SETTINGS, workers=1)
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.parametrize("which", ["shards/000000", "rounds/1/shards/000000"])
def test_a_corrupted_shard_is_found_and_made_again(
    which: str, tmp_path: Path, reference: tuple[TrainingPart, Path]
) -> None:
    training, undisturbed = reference
    out = tmp_path / "run"
    augment(training, out=out, settings=SETTINGS, workers=1)
    if not (out / which).is_dir():
        pytest.skip("no revision was needed for these sounds")
    file = sorted((out / which).glob("*.flac"))[0]
    data = bytearray(file.read_bytes())
    data[-10] ^= 255
    file.write_bytes(data)
    augment(training, out=out, settings=SETTINGS, workers=1)
    assert "damaged" in events(out)
    assert digest(out) == digest(undisturbed)


def test_a_deleted_clip_comes_back(tmp_path: Path, reference: tuple[TrainingPart, Path]) -> None:
    training, undisturbed = reference
    run = augment(training, out=tmp_path / "run", settings=SETTINGS, workers=1)
    os.remove(run.kept()[0].path)
    augment(training, out=tmp_path / "run", settings=SETTINGS, workers=1)
    assert digest(tmp_path / "run") == digest(undisturbed)


@pytest.mark.parametrize("moment", [0, 3, 11])
def test_a_full_disk_stops_with_a_clear_line_and_the_run_goes_on_later(
    moment: int, tmp_path: Path, reference: tuple[TrainingPart, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    training, undisturbed = reference
    original, count = files.write_unflushed, 0

    def full(path: Path, data: bytes) -> None:
        nonlocal count
        count += 1
        if count > moment:
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        original(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_unflushed", full)
        with pytest.raises(RunError, match=r"the disk is full; free some space.*same command again to go on"):
            augment(training, out=tmp_path / "run", settings=SETTINGS, workers=1)
    augment(training, out=tmp_path / "run", settings=SETTINGS, workers=1)
    assert digest(tmp_path / "run") == digest(undisturbed)


def test_a_read_only_output_is_one_clear_line(
    tmp_path: Path, reference: tuple[TrainingPart, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(path: Path, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(RunError, match=r"run cannot be written: the file system is read-only; choose another folder"):
        augment(reference[0], out=tmp_path / "run", settings=SETTINGS, workers=1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_without_permission_is_one_clear_line(tmp_path: Path, reference: tuple[TrainingPart, Path]) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(RunError, match="permission denied; choose another folder"):
        augment(reference[0], out=tmp_path / "locked" / "run", settings=SETTINGS, workers=1)


@pytest.mark.parametrize("moment", [1, 5, 12])
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    moment: int, tmp_path: Path, reference: tuple[TrainingPart, Path]
) -> None:
    training, undisturbed = reference

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "making clips" and done == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        augment(training, out=tmp_path / "run", settings=SETTINGS, workers=1, progress=interrupt)
    assert not list(tmp_path.glob("run/shards/.tmp-*"))
    augment(training, out=tmp_path / "run", settings=SETTINGS, workers=1)
    assert digest(tmp_path / "run") == digest(undisturbed)


def test_an_unfinished_run_says_how_to_finish_it(tmp_path: Path, reference: tuple[TrainingPart, Path]) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "making clips":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        augment(reference[0], out=tmp_path / "run", settings=SETTINGS, workers=1, progress=interrupt)
    run = Run.open(tmp_path / "run")
    assert not run.is_finished
    assert len(list(run.requests())) == 16
    with pytest.raises(RunError, match="not finished; run the same `menura augment` command again"):
        run.kept()


def test_a_parent_that_was_replaced_before_a_resume_stops_the_run(
    tmp_path: Path, write_dataset: Callable[[Path], Path]
) -> None:
    training = load(write_dataset(tmp_path / "sounds")).train

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "making clips":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        augment(training, out=tmp_path / "run", settings=SETTINGS, workers=1, progress=interrupt)
    siren, rain = (tmp_path / "sounds" / label / "0.wav" for label in ("siren", "rain"))
    siren.write_bytes(rain.read_bytes())
    with pytest.raises(RunError, match="has changed since the run was planned"):
        augment(training, out=tmp_path / "run", settings=SETTINGS, workers=1)
