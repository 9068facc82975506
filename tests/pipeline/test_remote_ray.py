"""Ray workers that share no folder: each brings its shards to the store itself."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.objects.fixtures import s3, s3_server
from tests.objects.s3 import S3Server, needs_s3

from menura.datasets import load
from menura.pipeline.engine import EngineSettings
from menura.pipeline.pool import Task
from menura.pipeline.ray_cluster import joined
from menura.pipeline.remote_worker import RemoteShardMaker
from menura.recipes.augment import augment

sys.path.insert(0, str(Path(__file__).parent))
from test_remote import SETTINGS, WHERE, digest

__all__ = ["s3", "s3_server"]

pytestmark = [
    needs_s3,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'menura[ray]'"),
]


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where workers on this machine have their own folders."""
    with TemporaryDirectory(prefix="ray") as short:  # the names of Ray's sockets must be
        monkeypatch.setenv("RAY_TMPDIR", short)
        monkeypatch.setenv("TMPDIR", short)
        monkeypatch.setattr("tempfile.tempdir", short)
        yield Path(short)


@pytest.mark.ray
def test_workers_without_a_common_folder_leave_the_bytes_of_one_process(
    s3: S3Server, tiny_dataset: Path, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = load(tiny_dataset).train
    augment(training, out=tmp_path / "one", settings=SETTINGS, workers=1)
    disk = {
        path.relative_to(tmp_path / "one").as_posix(): path.read_bytes()
        for path in (tmp_path / "one").rglob("*")
        if path.is_file()
    }
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setattr("menura.pipeline.ray_cluster.num_cores", lambda: 2)
    with joined(None):
        run = augment(training, out=WHERE, settings=SETTINGS, workers=2, engine=EngineSettings("ray", cpus=0.5))
    assert digest(s3.objects("runs/first/")) == digest(disk)
    assert len(list(scratch.glob("menura-*"))) == 2  # of two workers, who were ended
    assert not list(scratch.glob("menura-*/first/shards/*"))
    assert not list(run.path.rglob("*.flac"))  # no sound came through the leading process
    assert all(Path(clip.path).is_file() for clip in run.kept())


def test_a_worker_makes_a_shard_of_its_own_accord_and_again_without_a_trace(
    s3: S3Server, tiny_dataset: Path, scratch: Path
) -> None:
    training = load(tiny_dataset).train
    augment(training, out=WHERE, settings=SETTINGS, workers=1)
    before = s3.objects("runs/first/")
    dead = scratch / f"menura-{RemoteShardMaker(WHERE)._key}-{2**22 + 1}-x"
    dead.mkdir()
    maker = pickle.loads(pickle.dumps(RemoteShardMaker(WHERE)))  # noqa: S301 (as Ray sends it)
    for key in before:
        if key.startswith("shards/000001/"):
            s3.delete(f"runs/first/{key}")
    for _ in range(2):
        assert maker(Task("plan.parquet", 2, 4, "shards/000001"))[0] == 2
        assert s3.objects("runs/first/") == before
    assert not dead.exists()
    assert not [path for path in scratch.rglob("*.flac") if "first" in path.parts]
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(list(scratch.rglob("*")))
