"""A worker and all that belongs to it ends, however the program that started it does."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from menura.backends.worker.description import WorkerFile, environment
from menura.backends.worker.generator import WorkerGenerator
from menura.backends.worker.skeleton import write_skeleton
from menura.types import Candidate, Recording, Request

MakeGenerator = Callable[..., WorkerGenerator]
MakeFolder = Callable[..., Path]
RequestFor = Callable[..., Request]
Parents = Callable[[str], Recording]

PATIENCE_S = 60.0
"""Longest that a busy machine may take to let go of a process; a test that passes waits for milliseconds."""


def started(generator: WorkerGenerator, request_for: RequestFor, parents: Parents) -> tuple[int, int, Path]:
    """Process numbers of the worker and of its guard, and the scratch folder, after one clip."""
    candidate = generator.generate([request_for("good")], parents)[0]
    said = _said(candidate)
    process = generator.session._held.process
    assert process is not None
    assert process._guard is not None
    return int(said["pid"]), process._guard.pid, generator.session.scratch()


def lives(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def is_a_child(pid: int) -> bool:
    """Whether the process, dead or alive, is still to be waited for."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def wait_until_gone(pid: int) -> None:
    last = time.monotonic() + PATIENCE_S
    while lives(pid):
        assert time.monotonic() < last, f"process {pid} is still there"
        time.sleep(0.02)


@pytest.mark.parametrize("end", ["close", "forget"])
def test_nothing_is_left_when_a_generator_is_closed_or_forgotten(
    make_folder: MakeFolder, request_for: RequestFor, parents: Parents, end: str
) -> None:
    from menura.config import GeneratorSettings, ModelSettings

    settings = GeneratorSettings(name="worker", model=ModelSettings(path=str(make_folder())))
    generator = WorkerGenerator(settings)
    worker, guard, scratch = started(generator, request_for, parents)
    assert lives(worker)
    assert lives(guard)
    assert scratch.stat().st_mode & 0o077 == 0, "nobody else may look"
    if end == "close":
        generator.close()
    else:
        del generator
        gc.collect()
    assert not is_a_child(worker)
    assert not is_a_child(guard)
    assert not scratch.exists()


def test_a_closed_generator_starts_again_when_it_is_asked(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator()
    started(generator, request_for, parents)
    generator.close()
    generator.close()
    started(generator, request_for, parents)
    assert generator.session.starts == 2


def test_a_worker_that_ignores_goodbye_is_killed_with_its_children(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator(tables={"settings": {"stubborn": True}, "timeouts": {"stop_s": 0.2}})
    worker, guard, _ = started(generator, request_for, parents)
    generator.close()
    assert not is_a_child(worker)
    assert not is_a_child(guard)


def test_children_of_a_worker_that_broke_off_are_killed(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator()
    worker, _, _ = started(generator, request_for, parents)
    with pytest.raises(Exception, match="exit status 4"):
        generator.generate([request_for("orphan")], parents)
    last = time.monotonic() + PATIENCE_S
    while _group_lives(worker):
        assert time.monotonic() < last, "a child of the worker is still there"
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["well-behaved", "stubborn"])
def test_nothing_is_left_when_the_program_is_killed(make_folder: MakeFolder, tmp_path: Path, kind: str) -> None:
    tables: dict[str, Any] = {"settings": {"stubborn": kind == "stubborn"}, "timeouts": {"stop_s": 0.2}}
    code = (
        "import os, signal, sys\n"
        "from menura.backends.worker.generator import WorkerGenerator\n"
        "from menura.config import GeneratorSettings, ModelSettings\n"
        "generator = WorkerGenerator(GeneratorSettings(name='worker', model=ModelSettings(path=sys.argv[1])))\n"
        "generator.session.start()\n"
        "process = generator.session._held.process\n"
        "print(process._process.pid, process._guard.pid, generator.session.scratch(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    folder = make_folder(**tables)
    shown = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    assert shown.returncode == -9, shown.stderr
    worker, guard, scratch = shown.stdout.split()
    wait_until_gone(int(worker))
    wait_until_gone(int(guard))
    assert not Path(scratch).exists()


def test_the_sdk_ends_in_the_middle_of_a_clip_when_the_program_is_killed(tmp_path: Path) -> None:
    """Without the guard: its input ends, so it leaves and takes the scratch folder along."""
    write_skeleton(tmp_path / "worker")
    (tmp_path / "worker" / "worker.py").write_text(
        "import menura_worker, sys, time\n"
        "def generate(model, request):\n"
        "    request.progress(0, 1)\n"
        "    time.sleep(600)\n"
        "menura_worker.run(lambda settings: None, generate)\n"
    )
    scratch = tmp_path / "menura-worker-abc"
    scratch.mkdir()
    worker = subprocess.Popen(
        [sys.executable, "-S", "worker.py"], cwd=tmp_path / "worker", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(b'{"type": "hello", "protocol": 1, "scratch": "%s"}\n' % str(scratch).encode())
    worker.stdin.write(b'{"type": "generate", "id": "ab", "seed": 1}\n')
    worker.stdin.flush()
    assert b"ready" in worker.stdout.readline()
    assert b"progress" in worker.stdout.readline()
    worker.stdin.close()
    assert worker.wait(timeout=PATIENCE_S) == 0
    worker.stdout.close()
    assert not scratch.exists()


def test_ctrl_c_ends_the_clip_under_work_and_the_next_one_is_made(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator()
    worker, _, _ = started(generator, request_for, parents)
    with pytest.raises(KeyboardInterrupt):
        generator.generate([request_for("interrupt")], parents)
    assert not is_a_child(worker)
    started(generator, request_for, parents)


def test_a_worker_that_went_between_two_requests_costs_nothing(
    make_generator: MakeGenerator, request_for: RequestFor, parents: Parents
) -> None:
    generator = make_generator()
    worker, _, _ = started(generator, request_for, parents)
    process = generator.session._held.process
    assert process is not None
    os.kill(worker, 9)
    last = time.monotonic() + PATIENCE_S
    while not process.has_ended():
        assert time.monotonic() < last
        time.sleep(0.01)
    started(generator, request_for, parents)


def test_a_long_log_is_shortened(make_generator: MakeGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    from menura.backends.worker import process as module

    generator = make_generator()
    generator.session.start()
    process = generator.session._held.process
    assert process is not None
    os.write(process._log.fileno(), b"a line\n" * 100)
    process.shorten_log()
    assert process.log_tail().count("a line") == 20
    monkeypatch.setattr(module, "_MAX_LOG_BYTES", 100)
    process.shorten_log()
    assert process.log_tail() == ""


def test_a_worker_sees_no_key_that_its_file_does_not_name(
    make_generator: MakeGenerator,
    request_for: RequestFor,
    parents: Parents,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("MY_API_KEY", "geheim")
    candidate = make_generator().generate([request_for("good")], parents)[0]
    assert _said(candidate)["key"] is None
    assert _said(candidate)["home"] is True
    outside = {
        "PATH": "/bin", "HF_HOME": "/hub", "HF_TOKEN": "geheim", "CUDA_VISIBLE_DEVICES": "1", "LC_ALL": "C.UTF-8",
        "PYTHONPATH": "/menura", "VIRTUAL_ENV": "/menura", "AWS_SECRET_ACCESS_KEY": "geheim",
    }  # fmt: skip
    stated = {"name": "a", "version": "1", "sample_rate": 8000, "channels": 1, "command": ["a"]}
    plain = WorkerFile.model_validate({"worker": stated})
    named = WorkerFile.model_validate(
        {"worker": stated | {"pass_environment": ["HF_TOKEN"]}, "environment": {"HF_HUB_OFFLINE": "1"}}
    )
    assert set(environment(plain, outside)) == {"PATH", "HF_HOME", "CUDA_VISIBLE_DEVICES", "LC_ALL"}
    assert set(environment(named, outside)) - set(environment(plain, outside)) == {"HF_TOKEN", "HF_HUB_OFFLINE"}


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return any(
        status.read_text().rpartition(")")[2].split()[2] == str(group)
        and status.read_text().rpartition(")")[2].split()[0] != "Z"
        for status in Path("/proc").glob("[0-9]*/stat")
        if status.exists()
    )


def _said(candidate: Candidate) -> dict[str, Any]:
    said = candidate.facts["said"]
    assert isinstance(said, dict)
    return said
