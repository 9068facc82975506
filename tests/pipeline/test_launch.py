"""One training in several processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from menura.errors import ConfigError, DatasetError, RunError
from menura.pipeline.engine import EngineSettings
from menura.pipeline.launch import launch
from menura.pipeline.training_group import Failure, raise_worst

pytest.importorskip("accelerate")
HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)
import launch_work  # noqa: E402  # by a name under which other processes find it, too

UNDER_ACCELERATE = """
import sys
from pathlib import Path
import launch_work
from menura.pretrain.place import accelerated
launch_work.pretrain(Path(sys.argv[1]), place=accelerated(), progress=None)
"""


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]))


def left(folder: Path) -> dict[str, bytes]:
    """What a training leaves."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != ".lock"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes leave that Accelerate's own launch has started."""
    folder = tmp_path_factory.mktemp("accelerate")
    (folder / "script.py").write_text(UNDER_ACCELERATE)
    asked = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(folder / "script.py")]
    paths = os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    subprocess.run([sys.executable, *asked, str(folder / "out")], check=True, capture_output=True, env=environment)
    return folder / "out"


def test_two_processes_leave_the_bytes_of_accelerates_own_launch(tmp_path: Path, own: Path) -> None:
    seen = []
    training = partial(launch_work.pretrain, tmp_path)
    assert launch(training, processes=2, progress=lambda *one: seen.append(one)) == "encoder.safetensors"
    assert left(tmp_path) == left(own)
    assert {"encoder.safetensors", "state.safetensors", "log.jsonl"} < left(own).keys()
    assert [done for _, done, _ in seen] == [1, 2, 3, 4]  # told by one of them alone


def test_a_death_ends_all_and_the_same_training_goes_on_to_the_same_bytes(tmp_path: Path, own: Path) -> None:
    with pytest.raises(RunError, match=r"2 of 2 died \(killed by signal SIGKILL\).*; all is kept.*again to go on"):
        launch(partial(launch_work.pretrain, tmp_path, (1, 2)), processes=2, kept="all is kept")
    assert multiprocessing.active_children() == []
    assert '"step":2' in (tmp_path / "log.jsonl").read_text()
    assert "encoder.safetensors" not in left(tmp_path)
    launch(partial(launch_work.pretrain, tmp_path), processes=2)
    assert left(tmp_path) == left(own)


def test_the_cause_is_raised_and_not_what_it_led_to() -> None:
    with pytest.raises(DatasetError, match=r"^clip 7 is silent$"):
        launch(launch_work.refuse, processes=2)
    gone = Failure("RuntimeError", "connection closed by peer", "a trace")
    for cause, message in (
        (Failure("", "killed by signal SIGKILL"), "process 2 of 3 died"),
        (Failure("MemoryError", ""), "process 2 of 3 had no more memory"),
    ):
        with pytest.raises(RunError, match=message):
            raise_worst({0: gone, 1: cause, 2: gone}, processes=3, kept="all is kept")
    with pytest.raises(RuntimeError, match="process 1 of 3:\na trace"):
        raise_worst({0: gone, 2: gone}, processes=3, kept="all is kept")


def test_no_process_is_refused() -> None:
    with pytest.raises(ConfigError, match="processes is 0, expected 1 or more"):
        launch(launch_work.refuse, processes=0, engine=EngineSettings())
