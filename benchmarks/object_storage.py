"""What a run on object storage costs beside one on a disk: requests, processor time, and time.

    python benchmarks/object_storage.py [--clips 1000] [--engine local ray] [--wait-ms 0]

Starts an S3 server on loopback (moto, in a process of its own) and makes the same run in a folder and on the server,
with a generator that gives its parent at another level, so that storing is most of the work. Then it runs the command
again, and opens and exports the run from an empty cache, as another machine would. Requests are counted by the server;
``--wait-ms`` makes it answer later, as a distant one does. Prints one JSON object; seconds are those of this process.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
WHERE = "s3://bucket/runs/bench"
STUB = """
from menura.types import Candidate

class Louder:
    name, fingerprint, parents_needed = "louder", "louder-1", (1, 1)
    def __init__(self, settings): pass
    def draw(self, parents, generator): return {"gain": round(float(generator.uniform(0.2, 0.9)), 4)}
    def generate(self, requests, parents):
        made = [(request, parents(request.parents[0])) for request in requests]
        return [Candidate(one, of.waveform * one.params["gain"], of.sample_rate, {}) for one, of in made]
"""


def install_stub(folder: Path) -> None:
    """A package with a generator, as a foreign one would be installed."""
    about = folder / "louder-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "louder.py").write_text(STUB)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: louder\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[menura.generators]\nlouder = louder:Louder\n")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    sys.path.insert(0, str(folder))


def serve(wait_ms: float) -> None:
    """Answer on loopback; tell the environment, then the requests since the last time at each line that comes."""
    from tests.objects.s3 import S3Server

    logging.disable()
    with S3Server() as server:
        server.reset()
        server.refuses = lambda method, path: time.sleep(wait_ms / 1000)
        print(json.dumps(server.environment), flush=True)
        for _ in sys.stdin:
            print(json.dumps(dict(server.asked)), flush=True)
            server.asked.clear()


class Server:
    """The server in a process of its own."""

    def __init__(self, wait_ms: float) -> None:
        command = [sys.executable, __file__, "--serve", "--wait-ms", str(wait_ms)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        os.environ.update(self._answer())

    def asked(self) -> dict[str, int]:
        """Requests since the last time."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


@contextmanager
def empty_cache(folder: Path) -> Iterator[None]:
    """As on another machine."""
    os.environ["MENURA_CACHE"] = str(folder)
    yield
    shutil.rmtree(folder, ignore_errors=True)


def measured(server: Server, what: Callable[[], Any]) -> tuple[dict[str, Any], Any]:
    """Seconds and requests of something, and what it gives."""
    server.asked()
    started, busy = time.perf_counter(), time.process_time()
    given = what()
    told = {
        "wall_s": round(time.perf_counter() - started, 2),
        "processor_s": round(time.process_time() - busy, 2),
        "requests": server.asked(),
    }
    return told, given


def digest(folder: Path) -> str:
    """Of all that the promise of equal bytes covers."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ("log.jsonl", ".lock"):
            total.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return total.hexdigest()


def bench(folder: Path, clips: int, engine: str, server: Server) -> dict[str, Any]:
    """All parts with one engine."""
    from pipeline_overhead import make_sounds

    from menura.config import AmountSettings, GeneratorSettings, JudgeSettings, RunSettings
    from menura.datasets import load
    from menura.pipeline.engine import EngineSettings
    from menura.pipeline.formats import export_run
    from menura.pipeline.run import Run
    from menura.recipes.augment import augment

    settings = RunSettings(
        amount=AmountSettings(times=clips / 40), judge=JudgeSettings(surplus=1, enabled=False), rounds=0,
        generator=GeneratorSettings(name="louder"),
    )  # fmt: skip
    training = load(make_sounds(folder / "sounds", clips=40, duration_s=1.0, sample_rate=16_000)).train
    workers = 1 if engine == "local" else 2

    def make(out: Path | str) -> Run:
        return augment(training, out=out, settings=settings, workers=workers, engine=EngineSettings(engine))

    augment(training, out=folder / "warm", settings=settings.model_copy(update={"amount": AmountSettings(times=1)}))
    parts: dict[str, Any] = {}
    with empty_cache(folder / "own"):
        parts["folder"], _ = measured(server, lambda: make(folder / "run"))
        parts["store"], made = measured(server, lambda: make(WHERE))
        parts["store again"], _ = measured(server, lambda: make(WHERE))
        if engine == "local":
            parts["same bytes"] = digest(folder / "run") == digest(made.path)
    with empty_cache(folder / "second"):
        parts["again elsewhere"], _ = measured(server, lambda: make(WHERE))
    with empty_cache(folder / "third"):
        parts["open elsewhere"], run = measured(server, lambda: [Run.open(WHERE), *Run.open(WHERE).records()][0])
        parts["export elsewhere"], out = measured(
            server, lambda: export_run(run, to="audiofolder", out=folder / "exported")
        )
        parts["clips"] = len(list(Path(out).rglob("*.flac")))
    return parts


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--engine", nargs="+", choices=("local", "ray"), default=["local"])
    parser.add_argument("--wait-ms", type=float, default=0.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.wait_ms)
        return
    found: dict[str, Any] = {}
    for engine in asked.engine:
        with tempfile.TemporaryDirectory(prefix="obj") as folder:
            install_stub(Path(folder) / "stub")
            server = Server(asked.wait_ms)
            try:
                found[engine] = bench(Path(folder), asked.clips, engine, server)
            finally:
                server.stop()
    print(json.dumps({"clips": asked.clips, "wait_ms": asked.wait_ms, **found}, indent=1))


if __name__ == "__main__":
    main()
