"""Who may write to a folder on object storage."""

from __future__ import annotations

import json
import socket

import pytest
from tests.objects.s3 import S3Server, needs_s3

from menura.errors import RunError
from menura.objects import lease as module
from menura.objects.lease import leased
from menura.objects.store import ObjectStore

pytestmark = needs_s3


@pytest.fixture
def store(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setattr(module, "BEAT_S", 0.02)
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    return ObjectStore("s3://bucket/run")


def test_a_second_process_is_refused_while_the_first_one_lives(store: ObjectStore) -> None:
    with (
        leased(store, copy="here"),
        pytest.raises(RunError, match=r"s3://bucket/run is in use by process \d+ on "),
        leased(store, copy="there"),
    ):
        pass
    with leased(store, copy="there"):
        assert len(store.find(".lease")) == 1


def test_the_dead_of_this_machine_do_not_keep_anybody_waiting(s3: S3Server, store: ObjectStore) -> None:
    left = {"token": "old", "copy": "here", "host": socket.gethostname(), "process": 1, "beat": 7, "released": False}
    s3.put("run/.lease/00000004.json", json.dumps(left).encode())
    with leased(store, copy="here") as lease:
        lease.check()
        assert list(store.find(".lease")) == [".lease/00000005.json"]


@pytest.mark.parametrize("content", [None, b"{", b"[]"], ids=["dead", "torn", "strange"])
def test_an_owner_elsewhere_that_stands_still_is_taken_for_dead(
    s3: S3Server, store: ObjectStore, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    monkeypatch.setattr(module, "DEAD_AFTER_S", 0.1)
    left = {"token": "old", "copy": "elsewhere", "host": "other", "process": 1, "beat": 7, "released": False}
    s3.put("run/.lease/00000001.json", json.dumps(left).encode() if content is None else content)
    watched: list[str] = []
    with leased(store, copy="here", waiting=watched.append) as lease:
        lease.check()
    assert "process 1 on other" in watched or content is not None


def test_an_owner_that_lost_its_lease_is_told(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_S", 1000.0)
    monkeypatch.setattr(module, "DEAD_AFTER_S", 0.05)
    told = pytest.raises(RunError, match=r"was taken by process .* while this one stood still")
    with leased(store, copy="here") as sleeper, leased(store, copy="there"), told:
        sleeper.beat()
