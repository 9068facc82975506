"""The engine ray: one small Ray for all tests of this file."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from typer.testing import CliRunner

from menura.cli.main import app
from menura.config import AmountSettings, GeneratorSettings, JudgeSettings, RunSettings
from menura.datasets import load
from menura.errors import BackendError, ConfigError, RunError
from menura.pipeline import ray_cluster, ray_engine
from menura.pipeline.engine import EngineSettings
from menura.pipeline.launch import launch
from menura.pipeline.pool import MAX_ATTEMPTS, Task
from menura.pipeline.ray_cluster import import_ray, joined, room
from menura.pipeline.ray_engine import RayEngine, ShardMaker
from menura.pipeline.ray_pool import ActorPool
from menura.recipes.augment import augment
from menura.studies.pool import jobs_on, num_workers, run_jobs

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)
import launch_work  # noqa: E402
import ray_work  # noqa: E402  # by a name under which workers find it, too

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'menura[ray]'")


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A Ray on loopback with two cores."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(prefix="ray") as short:
        patch.setenv("HOME", str(Path(short) / "home"))
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
            patch.delenv(name, raising=False)
        patch.setenv("PYTHONPATH", os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]))
        patch.setenv("RAY_TMPDIR", short)  # the names of its sockets must be
        patch.setattr("menura.pipeline.ray_cluster.num_cores", lambda: 2)
        with joined(None) as library:
            yield library


@pytest.fixture(scope="module")
def doubling(ray: Any) -> Iterator[ActorPool[int, tuple[int, int]]]:
    """Two actors that double numbers."""
    with ActorPool(ray, ray_work.process, cpus=0.25) as pool:
        pool.grow_to(2)
        yield pool


def digest(run: Path) -> dict[str, str]:
    """File to hash, of everything that the promise of equal bytes covers, and of anything left over."""
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in ("log.jsonl", ".lock")
    }


@needs_ray
@pytest.mark.ray
def test_what_menura_starts_listens_on_this_machine_alone_and_reports_to_nobody(ray: Any) -> None:
    assert ray.get_runtime_context().gcs_address.startswith("127.0.0.1:")
    assert [node["NodeManagerAddress"] for node in ray.nodes()] == ["127.0.0.1"]
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


@needs_ray
@pytest.mark.ray
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="reads /proc")
def test_a_request_to_end_the_command_is_left_to_the_system(ray: Any) -> None:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (caught,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert not caught >> (signal.SIGTERM - 1) & 1  # Ray's own handler is none of Python's


STRANGER = """
import sys, ray
ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
ray.init(address=sys.argv[1], log_to_driver=False)
"""


@needs_ray
@pytest.mark.ray
def test_who_does_not_know_the_token_is_not_let_in_and_no_file_holds_it(ray: Any) -> None:
    token, folder = os.environ["RAY_AUTH_TOKEN"], Path(os.environ["RAY_TMPDIR"])
    assert not Path.home().exists()
    logs = [path for path in folder.rglob("*") if path.is_file() and path.suffix in (".log", ".out", ".err", ".json")]
    assert logs
    assert not [path for path in logs if token.encode() in path.read_bytes()]
    asked = [sys.executable, "-c", STRANGER, ray.get_runtime_context().gcs_address]
    for changed, gets_in in ((token, True), ("0" * 64, False)):
        environment = {**os.environ, "RAY_AUTH_TOKEN": changed}
        assert (subprocess.run(asked, env=environment, capture_output=True).returncode == 0) == gets_in


@needs_ray
@pytest.mark.ray
def test_a_run_by_ray_has_the_bytes_of_a_run_by_one_process(tmp_path: Path, tiny_dataset: Path, ray: Any) -> None:
    settings = RunSettings(
        amount=AmountSettings(times=2), judge=JudgeSettings(surplus=1), shard_size=4, rounds=1,
        generator=GeneratorSettings(name="resynth+mix"),
    )  # fmt: skip
    training = load(tiny_dataset).train
    augment(training, out=tmp_path / "one", settings=settings, workers=1)
    augment(training, out=tmp_path / "many", settings=settings, workers=2, engine="ray")
    assert digest(tmp_path / "many") == digest(tmp_path / "one")
    assert any(name.endswith(".flac") for name in digest(tmp_path / "one"))


@needs_ray
@pytest.mark.ray
def test_an_actor_that_dies_costs_a_try_and_one_that_always_dies_is_set_aside(
    tmp_path: Path, ray: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [(tmp_path, name) for name in ("deadly once", "first", "deadly", "second", "third")]
    done: list[str] = []
    with ActorPool(ray, ray_work.fall_over, cpus=0.25, name_of=lambda job: job[1]) as pool:
        pool.grow_to(2)
        with pytest.raises(RunError, match=f"died {MAX_ATTEMPTS} times while it made deadly "):
            done.extend(result for _, result in pool.run(jobs))
    assert sorted(done) == ["deadly once", "first", "second", "third"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "deadly once-0", "deadly once-1", *(f"deadly-{number}" for number in range(MAX_ATTEMPTS)), "first-0",
        "second-0", "third-0",
    ]  # fmt: skip
    assert capsys.readouterr().out == ""


@needs_ray
@pytest.mark.ray
def test_actors_stay_and_each_job_is_done_once(doubling: ActorPool[int, tuple[int, int]]) -> None:
    doubling.grow_to(1)
    found = [answer for first in (0, 20) for _, answer in doubling.run(range(first, first + 20))]
    assert sorted(doubled for doubled, _ in found) == list(range(0, 80, 2))
    assert len({process for _, process in found}) <= 2


@needs_ray
@pytest.mark.ray
def test_an_error_in_an_actor_is_raised_here_at_once_as_what_it_is(tmp_path: Path, ray: Any) -> None:
    with ActorPool(ray, ray_work.fall_over, cpus=0.25) as pool:
        pool.grow_to(1)
        with pytest.raises(RunError, match=r"^the strings broke$"):
            list(pool.run([(tmp_path, "refused")]))
    assert len(list(tmp_path.iterdir())) == 1


@needs_ray
@pytest.mark.ray
def test_no_more_jobs_are_taken_than_actors_can_work_on(doubling: ActorPool[int, tuple[int, int]]) -> None:
    taken = []

    def jobs() -> Iterator[int]:
        for job in range(12):
            taken.append(job)
            yield job

    for count, _ in enumerate(doubling.run(jobs()), start=1):
        assert len(taken) <= count + 2
    assert len(taken) == 12


@needs_ray
@pytest.mark.ray
def test_a_worker_that_fits_nowhere_is_refused_with_what_there_is(tmp_path: Path, ray: Any) -> None:
    assert room(ray, cpus=0.5, gpus=0) == 4
    assert room(ray, cpus=1, gpus=0.5) == 0
    with (
        RayEngine(tmp_path, EngineSettings("ray", gpus=0.5), workers=2) as engine,
        pytest.raises(BackendError, match=r"room for a worker of 1 cores and 0\.5 graphics cards; all together have 2"),
    ):
        engine.prepare(num_shards=3, audio_s=1, heavy=False)


@needs_ray
@pytest.mark.ray
def test_jobs_of_a_study_are_done_by_actors(ray: Any) -> None:
    with jobs_on(EngineSettings("ray", cpus=0.25)):
        found = list(run_jobs(ray_work.process, [1, 2, 3], workers=2))
    assert sorted(doubled for doubled, _ in found) == [2, 4, 6]
    assert os.getpid() not in {process for _, process in found}
    assert ray.is_initialized()


@needs_ray
@pytest.mark.ray
def test_a_single_job_goes_to_an_actor_too_and_a_cluster_without_room_is_refused_before_any(ray: Any) -> None:
    with jobs_on(EngineSettings("ray", cpus=0.25)):
        ((_, process),) = run_jobs(ray_work.process, [1], workers=1)
    assert process != os.getpid()
    with (
        pytest.raises(BackendError, match=r"room for a worker of 1 cores and 1 gr"),
        jobs_on(EngineSettings("ray", gpus=1), workers=2),
    ):
        pytest.fail("began")


class Forsaken:
    """A Ray that has lost the leading machine: nothing is answered any more."""

    def __init__(self) -> None:
        self.asked = 0

    def remote(self, *given: Any) -> Any:
        return self

    def options(self, **given: Any) -> Any:
        return self

    @property
    def node(self) -> Any:
        return self

    @property
    def actor(self) -> Any:
        return self

    def wait(self, references: Any, **given: Any) -> tuple[list[Any], Any]:
        self.asked += 1
        assert self.asked < 9, "waits on"
        return [], references

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": "here", "Alive": self.asked < 2}, {"NodeID": "there", "Alive": True}]

    def get_runtime_context(self) -> Any:
        return self

    def get_node_id(self) -> str:
        return "here"

    def kill(self, actor: Any, *, no_restart: bool) -> None:
        pass


def test_where_ray_has_ended_on_this_machine_nobody_waits_for_a_worker() -> None:
    library = Forsaken()
    with ActorPool(library, ray_work.process) as pool:
        pool.grow_to(1)
        with pytest.raises(BackendError, match=r"Ray has lost this machine.*run the same command again"):
            list(pool.run([1]))
    assert library.asked == 2


@needs_ray
@pytest.mark.ray
def test_actors_stay_for_all_jobs_of_a_study_and_go_after_an_error(ray: Any) -> None:
    with jobs_on(EngineSettings("ray", cpus=0.25)):
        first = {process for _, process in run_jobs(ray_work.process, range(4), workers=2)}
        with pytest.raises(RunError, match="the strings broke"):
            list(run_jobs(ray_work.refuse, range(4), workers=2))
        again = list(run_jobs(ray_work.process, range(3), workers=2))
        assert num_workers(None) == 8
    assert sorted(doubled for doubled, _ in again) == [0, 2, 4]  # and no answer that an earlier question left behind
    assert not first & {process for _, process in again}
    assert num_workers(3) == 3


@needs_ray
@pytest.mark.ray
def test_a_study_by_ray_has_the_cells_of_a_study_here(tmp_path: Path, tiny_dataset: Path, ray: Any) -> None:
    asked = [
        "study", "low-resource", str(tiny_dataset), "--sizes", "1,2", "--seeds", "1", "--arms", "real,synthetic",
        "--folds", "2", "--times", "1", "--rounds", "0", "--steps", "20", "--json",
    ]  # fmt: skip
    engines = {"one": ["--workers", "1"], "many": ["--workers", "2", "--engine", "ray", "--cpus-per-worker", "0.25"]}
    for name, extra in engines.items():
        found = CliRunner().invoke(app, [*asked, "-o", str(tmp_path / name), *extra])
        assert found.exit_code == 0, found.output
    cells = {name: cells_of(tmp_path / name) for name in engines}
    assert cells["one"] == cells["many"]
    assert len(cells["one"]) == 2 * 2 * (2 + 1)  # sizes, folds; two arms and the list of clips


@needs_ray
@pytest.mark.ray
def test_trainings_of_a_sweep_are_shared_out_by_ray(tmp_path: Path, tiny_dataset: Path, ray: Any) -> None:
    settings = tmp_path / "small.json"
    settings.write_text('{"pairs": 2, "widths": [4, 4], "layers": 1}', encoding="utf-8")
    asked = [
        "study", "sweep", str(tiny_dataset), "-c", str(settings), "--voices", "voice", "--deltas", "0.05,0.5",
        "--steps", "1", "--workers", "0", "--per-label", "2", "--seeds", "1", "--json",
    ]  # fmt: skip
    engines = {"here": [], "ray": ["--engine", "ray", "--cpus-per-worker", "0.25", "--at-once", "2"]}
    rows = []
    for name, extra in engines.items():
        found = CliRunner().invoke(app, [*asked, "-o", str(tmp_path / name), *extra])
        assert found.exit_code == 0, found.output
        rows.append(json.loads(found.stdout)["rows"])
    assert rows[0] == rows[1]
    assert len(rows[0]) == 2


@needs_ray
@pytest.mark.ray
def test_workers_train_together_and_a_death_ends_all(tmp_path: Path, ray: Any) -> None:
    pytest.importorskip("accelerate")
    engine, seen = EngineSettings("ray", cpus=0.25), list[int]()
    with pytest.raises(RunError, match=r"process 2 of 2 died \(.*; all is kept\. .*again to go on"):
        launch(partial(launch_work.pretrain, tmp_path / "ray", (1, 2)), processes=2, engine=engine, kept="all is kept")
    launch(
        partial(launch_work.pretrain, tmp_path / "ray"), processes=2, engine=engine,
        progress=lambda _, done, total: seen.append(done),
    )  # fmt: skip
    launch(partial(launch_work.pretrain, tmp_path / "here"), processes=2)
    assert digest(tmp_path / "ray") == digest(tmp_path / "here")
    assert seen == [3, 4]
    assert room(ray, cpus=0.25, gpus=0) == 8
    with pytest.raises(BackendError, match="no room for 2 workers of 2 cores"):
        launch(launch_work.refuse, processes=2, engine=EngineSettings("ray", cpus=2))
    with pytest.raises(ConfigError, match="takes a whole one, or none"):
        launch(launch_work.refuse, processes=2, engine=EngineSettings("ray", gpus=0.5))


def cells_of(study: Path) -> dict[str, bytes]:
    """File to content of all cells."""
    found = sorted((study / "conditions").rglob("cells/**/*.json"))
    return {path.relative_to(study).as_posix(): path.read_bytes() for path in found}


def test_a_run_that_another_machine_does_not_see_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match=r"is not there on .*: the engine ray needs a run folder on a file system"):
        ShardMaker(tmp_path / "elsewhere")(Task("plan.parquet", 0, 1, "shards/000000"))
    monkeypatch.setattr(ray_engine, "_SIGHT_PATIENCE_S", 0.0)
    with pytest.raises(RunError, match="000000 was made, but is not to be seen here"):
        ray_engine._wait_for([tmp_path / "shards" / "000000" / "shard.parquet"])


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BackendError, match=r"pip install 'menura\[ray\]'"):
        import_ray()


class Unwilling:
    """A Ray that does not start, or only at the third try."""

    def __init__(self, willing_at: int) -> None:
        self.tries, self._willing_at, self._private, self.worker = 0, willing_at, self, self
        self.ray_constants, self.ENABLE_RAY_CLUSTER, self.print_to_stdstream = self, True, print
        self._raylet, self.Config, self.AuthenticationTokenLoader = self, self, self
        self.tokens: list[str | None] = []
        self.services = self.exceptions = self
        self.answer: Exception | None = None

    def initialize(self, settings: str) -> None:
        self.tokens.append(os.environ.get("RAY_AUTH_TOKEN"))

    def instance(self) -> Unwilling:
        return self

    def reset_cache(self) -> None:
        pass

    def is_initialized(self) -> bool:
        return False

    def canonicalize_bootstrap_address(self, address: str) -> str:
        return address

    def GcsClient(self, *, address: str) -> None:
        if self.answer is not None:
            raise self.answer

    def init(self, address: str, **options: Any) -> None:
        self.tries += 1
        assert (address != "local") == self.ENABLE_RAY_CLUSTER
        if self.tries < self._willing_at:
            raise Exception("The node timed out.\nMore words.")

    def shutdown(self) -> None:
        pass

    class AuthenticationError(Exception):
        """What a cluster with another token says."""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Something that listens on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_each_ray_that_is_started_has_a_token_of_its_own_which_goes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "_wait_for_an_answer", lambda ray, address: None)
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    library = Unwilling(1)
    monkeypatch.setattr("menura.pipeline.ray_cluster.import_ray", lambda: library)
    for _ in range(2):
        with joined(None):
            assert os.environ["RAY_AUTH_MODE"] == "token"
    first, none, second, nothing = library.tokens
    assert none is nothing is None
    assert len(first or "") == len(second or "") == 64
    assert first != second
    with joined("head:1"):
        assert len(library.tokens) == 4
    monkeypatch.setenv("RAY_AUTH_TOKEN", "chosen")
    with joined(None):
        assert os.environ["RAY_AUTH_TOKEN"] == "chosen"
    assert os.environ["RAY_AUTH_TOKEN"] == "chosen"


def address_of(listener: socket.socket) -> str:
    """``HOST:PORT``."""
    return f"127.0.0.1:{listener.getsockname()[1]}"


def test_an_address_where_nothing_listens_is_named_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("menura.pipeline.ray_cluster._ANSWER_PATIENCE_S", 0.0)
    library = Unwilling(1)
    monkeypatch.setattr("menura.pipeline.ray_cluster.import_ray", lambda: library)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = address_of(closed)
    with (
        pytest.raises(BackendError, match=rf"at {address}: it does not answer \(.*leave out --address"),
        joined(address),
    ):
        pass
    assert library.tries == 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Unwilling.AuthenticationError("no"), "it asks for another token. Set RAY_AUTH_MODE=token"),
        (Exception("Timed out."), r"it is not the head of a Ray cluster \(Timed out\.\)"),
    ],
)
def test_what_answers_but_lets_nobody_in_is_named(
    monkeypatch: pytest.MonkeyPatch, listener: socket.socket, answer: Exception, message: str
) -> None:
    library = Unwilling(1)
    library.answer = answer
    monkeypatch.setattr("menura.pipeline.ray_cluster.import_ray", lambda: library)
    with pytest.raises(BackendError, match=message), joined(address_of(listener)):
        pass
    assert library.tries == 0


def test_both_versions_are_told_where_they_differ() -> None:
    told = "Version mismatch: The cluster was started with:\n    Ray: 2.9\nThis process was started with:\n    Ray: 3"
    assert ray_cluster._reason(RuntimeError(told)).endswith("with: Ray: 2.9 This process was started with: Ray: 3")


def test_a_ray_that_does_not_start_is_asked_again_and_then_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "_wait_for_an_answer", lambda ray, address: None)

    def of(willing_at: int) -> Unwilling:
        library = Unwilling(willing_at)
        monkeypatch.setattr("menura.pipeline.ray_cluster.import_ray", lambda: library)
        return library

    slow, never = of(3), of(9)
    with (
        pytest.raises(BackendError, match=r"^Ray cannot be started on this machine: The node timed out\.$"),
        joined(None),
    ):
        pass
    assert never.tries == 3
    with pytest.raises(BackendError, match="cannot be reached at head:1: "), joined("head:1"):
        pass
    monkeypatch.setattr("menura.pipeline.ray_cluster.import_ray", lambda: slow)
    with joined(None):
        assert (slow.tries, slow.ENABLE_RAY_CLUSTER) == (3, True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "rya"}, "no engine 'rya'. Known: local, ray"),
        ({"address": "auto"}, "add --engine ray"),
        ({"name": "ray", "gpus": 1.5}, "gpus for each worker is 1.5, expected a whole number or a fraction of one"),
        ({"name": "ray", "cpus": -1}, "cpus for each worker is -1, expected 0 or more"),
        ({"name": "ray", "cpus": 0}, "without a core and without a graphics card"),
        ({"name": "ray", "address": ""}, "the address of a Ray cluster is '', expected HOST:PORT, or auto"),
        ({"name": "ray", "address": "local"}, "is 'local', expected HOST:PORT"),
        ({"name": "ray", "address": "head:99999"}, "is 'head:99999', expected HOST:PORT"),
        ({"name": "ray", "address": "http://head:8265"}, "expected HOST:PORT"),
        ({"name": "ray", "address": "ray://head:10001"}, "address of a Ray client"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EngineSettings(**settings)
