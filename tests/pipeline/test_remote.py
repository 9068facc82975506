"""A run on object storage: the bytes of a run on a disk, whatever happens on the way."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.objects.fixtures import s3, s3_server
from tests.objects.s3 import KEY, S3Server, needs_s3

from menura.config import AmountSettings, GeneratorSettings, JudgeSettings, RunSettings
from menura.datasets import load
from menura.datasets.dataset import TrainingPart
from menura.doctor.run_state import run_state
from menura.doctor.section import Section
from menura.errors import RunError
from menura.objects import lease
from menura.objects.store import ObjectStore
from menura.pipeline import remote
from menura.pipeline.formats import export_run
from menura.pipeline.reading import writing
from menura.pipeline.remote_shards import find_shards, upload_shard
from menura.pipeline.render import render_again
from menura.pipeline.run import Run
from menura.pipeline.working_copy import copy_of
from menura.recipes.augment import augment
from menura.report.build import write_report
from menura.review.catalogue import catalogue_of

__all__ = ["s3", "s3_server"]

pytestmark = needs_s3

WHERE = "s3://bucket/runs/first"
SETTINGS = RunSettings(
    amount=AmountSettings(times=1), judge=JudgeSettings(surplus=1), shard_size=2, rounds=0,
    generator=GeneratorSettings(name="resynth"),
)  # fmt: skip
SHARDS = 4
BESIDE = (".lease/", "log.jsonl", ".lock")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory, write_dataset: Any) -> Path:
    """A tiny dataset."""
    folder: Path = write_dataset(tmp_path_factory.mktemp("data") / "sounds")
    return folder


@pytest.fixture(scope="module")
def part(sounds: Path) -> TrainingPart:
    """All of it."""
    return load(sounds).train


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, part: TrainingPart) -> dict[str, str]:
    """File to hash of a run on a disk."""
    out = tmp_path_factory.mktemp("disk") / "first"
    augment(part, out=out, settings=SETTINGS, workers=1)
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return digest(found)


def digest(files: dict[str, bytes]) -> dict[str, str]:
    """File to hash, of everything that the promise of equal bytes covers."""
    return {
        name: hashlib.sha256(data).hexdigest()
        for name, data in sorted(files.items())
        if not name.startswith(BESIDE) and ".whole-" not in name
    }


def there(s3: S3Server) -> dict[str, str]:
    """The same of the run on the store."""
    return digest(s3.objects("runs/first/"))


def log_of(s3: S3Server, event: str) -> list[dict[str, Any]]:
    """Lines of the log on the store about an event."""
    lines = s3.objects("runs/first/")["log.jsonl"].decode().splitlines()
    return [line for line in map(json.loads, lines) if line["event"] == event]


def stop_after(shards: int) -> Any:
    """A progress that presses Ctrl-C when so many shards are made."""

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "making clips" and done >= shards * SETTINGS.shard_size:
            raise KeyboardInterrupt

    return progress


_FINISHED: dict[str, bytes] = {}


@pytest.fixture
def finished(s3: S3Server, part: TrainingPart, another_machine: Any) -> None:
    """A finished run on the store, made on another machine; this one has an empty cache."""
    if not _FINISHED:
        augment(part, out=WHERE, settings=SETTINGS, workers=1)
        _FINISHED.update(s3.objects())
        another_machine()
    s3.reset()
    for key, data in _FINISHED.items():
        s3.put(key, data)


@pytest.fixture
def another_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Gives this process the empty cache of another machine."""

    def move(name: str = "other") -> None:
        monkeypatch.setenv("MENURA_CACHE", str(tmp_path / name))

    return move  # type: ignore[return-value]


def test_a_run_on_the_store_has_the_bytes_of_a_run_on_a_disk(
    s3: S3Server, part: TrainingPart, undisturbed: dict[str, str]
) -> None:
    run = augment(part, out=WHERE, settings=SETTINGS, workers=1)
    assert there(s3) == undisturbed
    assert run.address == WHERE
    asked = s3.asked.total()
    s3.asked.clear()
    augment(part, out=WHERE, settings=SETTINGS, workers=1)
    assert there(s3) == undisturbed
    assert len(log_of(s3, "shard")) == SHARDS
    assert s3.asked.total() < asked / 2
    assert s3.asked["PUT"] <= 3  # the lease, its release, the log


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "on another machine"])
def test_a_stopped_run_goes_on(
    s3: S3Server, part: TrainingPart, undisturbed: dict[str, str], another_machine: Any, elsewhere: bool
) -> None:
    with pytest.raises(KeyboardInterrupt):
        augment(part, out=WHERE, settings=SETTINGS, workers=1, progress=stop_after(2))
    assert "judgements.parquet" not in there(s3)
    if elsewhere:
        another_machine()
    augment(part, out=WHERE, settings=SETTINGS, workers=1)
    assert there(s3) == undisturbed
    assert len(log_of(s3, "shard")) <= SHARDS


def test_what_is_damaged_on_the_store_is_made_again(
    s3: S3Server, part: TrainingPart, undisturbed: dict[str, str], finished: None
) -> None:
    objects = s3.objects()
    shards = [sorted(key for key in objects if f"first/shards/{index:06d}/" in key) for index in range(SHARDS)]
    audio = [[key for key in keys if key.endswith(".flac")] for keys in shards]
    s3.delete(audio[0][0])
    s3.put(audio[1][0], objects[audio[1][0]][::-1])  # as long as it was
    s3.put(f"runs/first/shards/000002/{'0' * 16}.flac", b"left by somebody")
    s3.delete(next(key for key in objects if "first/dataset/" in key and key.endswith(".flac")))
    augment(part, out=WHERE, settings=SETTINGS, workers=1)
    assert there(s3) == undisturbed
    assert [line["shard"] for line in log_of(s3, "damaged")] == ["000000", "000001", "000002"]


def test_a_shard_without_its_seal_is_not_there(
    s3: S3Server, part: TrainingPart, undisturbed: dict[str, str], finished: None
) -> None:
    s3.delete(next(key for key in s3.objects() if "shards/000003/.whole-" in key))
    with pytest.raises(RunError, match="000003 is missing"):
        list(Run.open(WHERE).records())
    augment(part, out=WHERE, settings=SETTINGS, workers=1)
    assert there(s3) == undisturbed
    assert log_of(s3, "damaged") == []
    assert len(log_of(s3, "shard")) == SHARDS + 1


def test_another_try_of_a_shard_leaves_the_same_objects(s3: S3Server, finished: None) -> None:
    run = Run.open(WHERE)
    run.bring(run.records())
    before = s3.objects()
    assert run.remote is not None
    upload_shard(run.remote.store, run.path / "shards" / "000001", "shards/000001")
    assert s3.objects() == before


def test_shards_are_looked_for_in_listings_and_not_one_by_one(s3: S3Server, tmp_path: Path) -> None:
    for index in range(300):
        s3.put(f"runs/first/shards/{index:06d}/shard.parquet")
    found = list(find_shards(ObjectStore(WHERE), copy_of(WHERE), copy_of(WHERE).path, num_requests=300, shard_size=1))
    assert sum(len(one.missing) for one in found) == 300
    assert s3.asked == {"LIST": 3}


KILLED = """
import os, signal, sys
from menura.datasets import load
from menura.pipeline import remote
from menura.recipes.augment import augment
sys.path.insert(0, sys.argv[1])
from test_remote import SETTINGS, WHERE

upload, left = remote.upload_shard, [2]

def killed(store, shard, name):
    left[0] -= 1
    if left[0] < 0:
        write = store.write
        store.write = lambda *unused: os.kill(os.getpid(), signal.SIGKILL)
    upload(store, shard, name)

remote.upload_shard = killed
augment(load(sys.argv[2]).train, out=WHERE, settings=SETTINGS, workers=1)
"""


def test_a_killed_run_goes_on_without_waiting(
    s3: S3Server, part: TrainingPart, sounds: Path, undisturbed: dict[str, str]
) -> None:
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join((root, os.environ.get("PYTHONPATH", "")))
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(sounds)]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    objects = s3.objects("runs/first/")
    assert sum(".whole-" in name for name in objects if name.startswith("shards/")) < SHARDS
    assert any(name.startswith(".lease/") for name in objects)
    augment(part, out=WHERE, settings=SETTINGS, workers=1)
    assert there(s3) == undisturbed


def test_a_second_process_is_refused(s3: S3Server, part: TrainingPart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT_S", 0.02)
    monkeypatch.setattr(lease, "_POLL_S", 0.01)
    refused = pytest.raises(RunError, match="s3://bucket/runs/first is in use by process")
    with lease.leased(ObjectStore(WHERE), copy="of another machine"), refused:
        augment(part, out=WHERE, settings=SETTINGS, workers=1)
    assert [name for name in s3.objects("runs/first/") if not name.startswith(".lease/")] == []


def test_a_network_that_goes_away_stops_a_run_that_goes_on_later(
    s3: S3Server, part: TrainingPart, undisturbed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)

    def away(method: str, path: str) -> str | None:
        return "SlowDown" if any("shards/000001/.whole" in key for key in s3.objects()) else None

    s3.refuses = away
    with pytest.raises(RunError, match=r"cannot be reached.*run the same command again"):
        augment(part, out=WHERE, settings=SETTINGS, workers=1)
    s3.refuses = lambda method, path: None
    augment(part, out=WHERE, settings=SETTINGS, workers=1)
    assert there(s3) == undisturbed


def test_other_settings_and_other_objects_are_refused(s3: S3Server, part: TrainingPart, another_machine: Any) -> None:
    augment(part, out=WHERE, settings=SETTINGS, workers=1)
    another_machine()
    with pytest.raises(RunError, match="was made with other settings: seed: 0 → 1"):
        augment(part, out=WHERE, settings=SETTINGS.model_copy(update={"seed": 1}), workers=1)
    fresh = SETTINGS.model_copy(update={"seed": 1})
    augment(part, out=WHERE, settings=fresh, workers=1, fresh=True)
    assert json.loads(s3.objects("runs/first/")["run.json"])["seed"] == 1
    assert sum("shards/" in name and ".whole-" in name for name in s3.objects("runs/first/")) == SHARDS
    s3.put("other/photo.jpg", b"1")
    with pytest.raises(RunError, match=r"is not a run and holds other objects \(photo.jpg\)"):
        augment(part, out="s3://bucket/other", settings=SETTINGS, workers=1)
    assert list(s3.objects("other/")) == ["photo.jpg"]


def test_no_key_is_in_any_file(s3: S3Server, part: TrainingPart, finished: None) -> None:
    augment(part, out=WHERE, settings=SETTINGS, workers=1).kept()
    s3.refuses = lambda method, path: "AccessDenied"
    with pytest.raises(RunError) as caught:
        augment(part, out=WHERE, settings=SETTINGS, workers=1)
    secrets = (KEY, os.environ["AWS_SECRET_ACCESS_KEY"])
    written = [path.read_bytes() for path in Path(os.environ["MENURA_CACHE"]).rglob("*") if path.is_file()]
    for data in (*written, *s3.objects().values(), str(caught.value).encode()):
        assert not any(secret.encode() in data for secret in secrets)


def test_a_reader_elsewhere_gets_what_it_needs_and_no_more(
    s3: S3Server, finished: None, another_machine: Any, tmp_path: Path
) -> None:
    kept = {Path(name).name: data for name, data in s3.objects("runs/first/dataset/").items() if ".flac" in name}
    run = Run.open(WHERE)
    assert run.is_finished
    assert len(list(run.records())) == len(list(run.requests())) > 0
    assert not list(run.path.rglob("*.flac"))
    record = next(run.records())
    assert render_again(run, record.request.id).equal
    assert len(list(run.path.glob("shards/*/*.flac"))) == 1
    assert {Path(clip.path).name: Path(clip.path).read_bytes() for clip in run.kept()} == kept
    exported = export_run(Run.open(WHERE), to="audiofolder", out=tmp_path / "exported")
    assert len(list(exported.rglob("*.flac"))) == len(kept)
    another_machine("third")
    run = Run.open(WHERE)
    assert b"data:audio" in write_report(run.path, tmp_path / "report.html").read_bytes()
    assert all(Path(item.path).is_file() for item in catalogue_of(run).items)


def test_the_doctor_looks_at_a_run_on_the_store_and_fetches_no_sound(s3: S3Server, finished: None) -> None:
    def looked() -> Section:
        s3.asked.clear()
        found = run_state(WHERE)
        assert s3.asked["PUT"] == s3.asked["DELETE"] == 0
        return found

    found = looked()
    assert found.problems == ()
    assert found.facts["lease"] == "free"
    assert f"{SHARDS} of {SHARDS} shards whole" in str(found.facts["round 0"])
    assert "clips kept of" in str(found.facts["finished"])
    assert not list(Run.open(WHERE).path.rglob("*.flac"))
    s3.delete(next(key for key in s3.objects() if "shards/000001/" in key and key.endswith(".flac")))
    s3.delete(next(key for key in s3.objects() if "shards/000003/.whole-" in key))
    damaged = looked()
    assert f"{SHARDS - 2} of {SHARDS} shards whole, 1 damaged" in str(damaged.facts["round 0"])
    assert any("shard 000001" in problem for problem in damaged.problems)
    assert "is not a run" in run_state("s3://bucket/nothing").problems[0]


def test_a_run_goes_to_another_process_of_this_machine_and_asks_for_nothing_again(s3: S3Server, finished: None) -> None:
    run = Run.open(WHERE)
    kept = run.kept()
    s3.asked.clear()
    assert pickle.loads(pickle.dumps(run)).kept() == kept  # noqa: S301 (as a pool of processes sends it)
    assert s3.asked == {}


def test_downloads_of_the_dead_are_deleted_and_those_of_the_living_stay(s3: S3Server, finished: None) -> None:
    base = copy_of(WHERE).path.parent
    dead, alive = base / f".tmp-{2**22 + 1}-x", base / f".tmp-{os.getpid()}-x"
    dead.mkdir()
    alive.mkdir()
    copy_of(WHERE).tidy()
    assert (dead.exists(), alive.exists()) == (False, True)


@pytest.mark.parametrize("file", ["../../../../outside.flac", "/outside.flac"])
def test_a_table_cannot_lead_a_download_out_of_the_run(s3: S3Server, finished: None, file: str) -> None:
    run = Run.open(WHERE)
    record = next(run.records())
    assert record.path is not None
    with pytest.raises(RunError, match="names a file outside of the run"):
        run.bring([replace(record, path=record.path.parent / file)])


def test_altered_audio_is_not_handed_out(s3: S3Server, finished: None) -> None:
    key = next(key for key in s3.objects() if "/shards/" in key and key.endswith(".flac"))
    s3.put(key, s3.objects()[key][:-1] + b"\0")
    run = Run.open(WHERE)
    remote_run = run.remote
    assert remote_run is not None
    remote_run.store.says_md5 = False  # else its shard counts as missing before
    with pytest.raises(RunError, match="have changed; run `menura augment` again"):
        run.bring(run.records())
    assert not [path for path in run.path.rglob("*.flac") if path.name == Path(key).name]


def test_decisions_of_a_review_go_to_the_store_and_come_from_it(
    s3: S3Server, finished: None, another_machine: Any
) -> None:
    run = Run.open(WHERE)
    with writing(run.path):
        (run.path / "review").mkdir()
        (run.path / "review" / "decisions.jsonl").write_text("one\n")
    another_machine("third")
    elsewhere = Run.open(WHERE)
    decisions = elsewhere.path / "review" / "decisions.jsonl"
    assert decisions.read_text() == "one\n"
    decisions.write_text("one\ntwo\n")  # an upload that failed
    Run.open(WHERE)
    assert decisions.read_text() == "one\ntwo\n"
    s3.put("runs/first/review/decisions.jsonl", b"one\nthree\n")
    with pytest.raises(RunError, match="hold different decisions"):
        Run.open(WHERE)


def test_a_store_whose_tags_are_no_checksums_is_believed_by_sizes(
    s3: S3Server, part: TrainingPart, finished: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = remote.ObjectStore._facts

    def encrypted(self: ObjectStore, listed: dict[str, Any]) -> Any:
        return told(self, {**listed, "ETag": f'"{hashlib.md5(listed["ETag"].encode()).hexdigest()}"'})

    monkeypatch.setattr(remote.ObjectStore, "_facts", encrypted)
    augment(part, out=WHERE, settings=SETTINGS, workers=1)
    assert log_of(s3, "damaged") == []
    assert len(log_of(s3, "shard")) == SHARDS
