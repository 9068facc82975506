"""Objects on a real server: pages, conditions, tries, and errors in words."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from tests.objects.s3 import S3Server, needs_s3

from menura.errors import BackendError, RunError
from menura.objects import store as module
from menura.objects.store import ObjectStore
from menura.offline import VARIABLE

pytestmark = needs_s3


@pytest.fixture
def store(s3: S3Server) -> ObjectStore:
    return ObjectStore("s3://bucket/run")


def test_many_objects_are_listed_a_thousand_a_request(s3: S3Server, store: ObjectStore) -> None:
    for number in range(1100):
        s3.put(f"run/shards/{number:06d}")
    s3.put("run-of-others/x")
    assert list(store.find()) == [f"shards/{number:06d}" for number in range(1100)]
    assert s3.asked["LIST"] == 2
    s3.asked.clear()
    assert list(store.find("shards", prefix="0010")) == [f"shards/{number:06d}" for number in range(1000, 1100)]
    assert s3.asked == {"LIST": 1}


def test_a_look_tells_files_from_folders_in_one_request(s3: S3Server, store: ObjectStore) -> None:
    s3.put("run/run.json", b"{}")
    for number in range(1500):
        s3.put(f"run/shards/{number}")
    files, folders = store.look()
    assert (list(files), folders) == (["run.json"], ["shards"])
    assert files["run.json"].md5 == "99914b932bd37a50b983c5e7c90ae93b"
    assert s3.asked == {"LIST": 1}


@pytest.mark.parametrize("key", ["run/../other/x", "run/judge/../../x", "run//x", "run/judge/a\\b", "run/./x"])
def test_a_key_that_would_lead_out_of_a_folder_is_none_of_ours(s3: S3Server, store: ObjectStore, key: str) -> None:
    s3.put(key)
    s3.put("run/judge/x")
    assert list(store.find()) == ["judge/x"]
    assert store.look() == ({}, ["judge"])


def test_files_go_up_and_come_back_whole(s3: S3Server, store: ObjectStore, tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).write_bytes(os.urandom(1000))
    store.upload((tmp_path / str(number), f"a/{number}") for number in range(20))
    store.copy((f"a/{number}", f"b/{number}") for number in range(20))
    back = [(f"b/{number}", tmp_path / "back" / str(number)) for number in range(20)]
    store.download(back, staging=tmp_path / "staging")
    assert all(path.read_bytes() == (tmp_path / path.name).read_bytes() for _, path in back)
    assert not (tmp_path / "staging").exists()
    store.remove([f"a/{number}" for number in range(20)])
    assert set(store.find()) == {f"b/{number}" for number in range(20)}


def test_only_one_of_two_creates_an_object(s3: S3Server, store: ObjectStore) -> None:
    assert store.create("lease", b"mine")
    assert not ObjectStore(store.address).create("lease", b"yours")
    assert store.read("lease") == b"mine"
    assert store.create("lease", b"mine")  # an answer that was lost


def test_what_may_pass_is_tried_again(s3: S3Server, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(store._files), "retries", 1)
    left = [2]

    def refuses(method: str, path: str) -> str | None:
        left[0] -= 1
        return "SlowDown" if left[0] >= 0 else None

    s3.refuses = refuses
    store.write("a", b"1")
    assert s3.objects("run/") == {"a": b"1"}


def test_a_store_that_stays_away_ends_in_a_clear_line(
    s3: S3Server, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(store._files), "retries", 1)
    s3.refuses = lambda method, path: "SlowDown"
    with pytest.raises(RunError, match=r"s3://bucket/run cannot be reached .* after 3 tries.*run the same command"):
        store.write("a", b"1")
    assert s3.asked["PUT"] == 3


def test_a_server_that_is_not_there_ends_in_a_clear_line(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = ObjectStore("s3://bucket/run")
    monkeypatch.setattr(type(store._files), "retries", 1)
    with pytest.raises(RunError, match=r"s3://bucket/run cannot be reached"):
        store.read("a")


def test_missing_buckets_rights_and_keys_are_told_apart(
    s3: S3Server, store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="there is no bucket 'nowhere'"):
        ObjectStore("s3://nowhere/run").write("a", b"1")
    s3.refuses = lambda method, path: "AccessDenied"
    with pytest.raises(RunError, match=r"cannot be written.*Check the keys"):
        store.write("a", b"1")
    assert s3.asked["PUT"] == 2  # neither was tried again
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RunError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        ObjectStore("s3://bucket/run").write("a", b"1")


def test_a_full_disk_here_is_not_the_fault_of_the_store(
    s3: S3Server, store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    s3.put("run/a", b"1")

    def full(source: Any, target: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(module.os, "replace", full)
    with pytest.raises(OSError, match="No space left") as caught:
        store.download([("a", tmp_path / "a")], staging=tmp_path / "staging")
    assert caught.value.errno == errno.ENOSPC
    assert not (tmp_path / "staging").exists()


def test_offline_reaches_a_store_on_this_machine_alone(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    assert ObjectStore("s3://bucket/run").read("a") is None
    for endpoint in ("https://storage.example.com", ""):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with pytest.raises(BackendError, match="MENURA_OFFLINE is set"):
            ObjectStore("s3://bucket/run")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(module, "import_module", absent)
    with pytest.raises(BackendError, match=r"pip install 'menura\[objects\]'"):
        ObjectStore("s3://bucket/run")


def test_an_unknown_kind_of_store_is_refused() -> None:
    with pytest.raises(BackendError, match="no kind of object storage 'tape'"):
        ObjectStore("tape://bucket/run")
