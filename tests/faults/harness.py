"""Starts real ``menura`` commands on tiny data, disturbs them, lets them go on, and compares what they leave.

Every run of a command works in a folder of the same name, because some files hold paths; what it leaves is moved away.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.faults.sounds import write_sounds

__all__ = ["COMMANDS", "Bench", "Command", "Ended", "digest", "ended", "newest"]

ROOT = Path(__file__).resolve().parents[2]
_DISTURB = Path(__file__).parent / "disturb"
_MOST_STARTS = 4
_WAY_OUT = re.compile(r"RunError: (\S+) (?:is damaged|cannot be read).*delete (it|this one|the folder)\b")


@dataclass(frozen=True)
class Command:
    """A long command on tiny data.

    Attributes:
        name: For the table.
        words: What follows ``menura``; ``{world}`` and ``{out}`` are filled in.
        config: Settings file, where it needs one.
        fresh: Words that let it begin anew in a folder that it refuses.
        is_patient: A second one waits for what the first one makes, or makes the same, and is not refused.
        like: Another command that works in the same folder and leaves the same files.
        constants: Module to names and values that make it save more often than it would on so little data.
    """

    name: str
    words: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()
    constants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    is_patient: bool = False
    like: str = ""


_AUGMENT = ("augment", "{world}/sounds", "-o", "{out}", "-c", "{config}")
_RUN = {"amount": {"times": 2}, "judge": {"surplus": 1}, "shard_size": 4, "rounds": 1}
COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command("augment", (*_AUGMENT, "--workers", "1"), _RUN, ("--fresh",)),
        Command("augment-2", (*_AUGMENT, "--workers", "2"), _RUN, ("--fresh",)),
        Command("augment-ray", (*_AUGMENT, "--engine", "ray", "--workers", "2"), _RUN, ("--fresh",), like="augment"),
        Command(
            "evaluate",
            ("evaluate", "{world}/sounds", "-o", "{out}", "--seeds", "1", "--folds", "2", "--arms", "real,synthetic",
             "--times", "1", "--rounds", "0", "--steps", "20", "--workers", "1"),
            is_patient=True,
        ),
        Command(
            "pretrain",
            ("pretrain", "-o", "{out}", "--voice", "voice", "--steps", "3", "--pairs", "2", "--workers", "0"),
            constants={"menura.pretrain.train": {"SAVE_EVERY": 1}},
        ),
        Command(
            "pretrain-2",
            ("pretrain", "-o", "{out}", "--voice", "voice", "--steps", "3", "--pairs", "2", "--workers", "0",
             "--processes", "2"),
            constants={"menura.pretrain.train": {"SAVE_EVERY": 1}},
        ),
        Command(
            "train-generator",
            ("train-generator", "-o", "{out}", "--size", "tiny", "--steps", "3", "--batch", "2", "--workers", "0"),
            constants={"menura.pretrain.generator_training": {"SAVE_EVERY": 1}},
        ),
        Command(
            "align",
            ("align", "{world}/sounds", "--generator", "menura-mini:{world}/generator", "-o", "{out}", "--steps", "2",
             "--batch", "2", "--losers", "1", "--check-every", "1", "--no-estimate", "-c", "{config}"),
            {"generator": {"model": {"num_inference_steps": 2}}, "check_clips": 4, "check_pairs": 2, "rank": 2,
             "encoder": "acoustic"},
        ),
        Command(
            "study",
            ("study", "low-resource", "{world}/sounds", "-o", "{out}", "--sizes", "2,4", "--seeds", "1", "--folds", "2",
             "--test-folds", "1", "--arms", "real,synthetic", "--times", "1", "--rounds", "0", "--steps", "20"),
            is_patient=True,
        ),
        Command(
            "diffusion",
            ("diffusion", "train", "{world}/sounds", "-o", "{out}", "--size", "tiny", "--steps", "3", "--batch", "2",
             "--sample-rate", "8000"),
            constants={"menura.pretrain.denoise": {"SAVE_EVERY": 1}},
        ),
        Command(
            "probe",
            ("study", "probe", "{world}/sounds", "-o", "{out}", "--encoder", "acoustic", "--workers", "1",
             "--seeds", "1"),
        ),
        Command(
            "sweep",
            ("study", "sweep", "{world}/sounds", "-o", "{out}", "--deltas", "0,0.1", "--steps", "2", "--seeds", "1",
             "--workers", "0", "-c", "{config}"),
            {"pairs": 2},
            constants={"menura.pretrain.train": {"SAVE_EVERY": 1}},
        ),
        Command(
            "alignment",
            ("study", "alignment", "-o", "{out}", "--generator", "menura-mini:{world}/generator", "--methods",
             "unaligned,sft", "--seeds", "1", "--steps", "2", "--per-label", "3", "--test-per-label", "2",
             "--generated-per-label", "2", "--reference-per-label", "2", "--duration-s", "0.5", "-c", "{config}"),
            {"batch": 2, "losers": 1, "check_every": 1, "check_clips": 4, "check_pairs": 2, "rank": 2,
             "encoder": "acoustic"},
        ),
        Command(
            "world",
            ("synth", "world", "-o", "{out}", "--per-label", "1", "--validation-per-label", "0", "--test-per-label",
             "1", "--duration-s", "0.5"),
        ),
        Command(
            "score",
            ("score", "{world}/many", "{world}/many", "-o", "{out}", "--metrics", "kad,vendi,descriptors",
             "--workers", "1"),
            is_patient=True,
        ),
        Command("worker", ("worker", "new", "{out}"), is_patient=True),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        status: Exit status; minus the signal for one that was killed.
        words: What it wrote to standard error.
    """

    status: int
    words: str


class Bench:
    """A folder with sounds, in which commands run.

    Args:
        folder: An empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.world = folder
        self._references: dict[str, tuple[dict[str, str], int]] = {}
        write_sounds(folder / "sounds")
        write_sounds(folder / "many", clips=10)

    def out(self, command: Command) -> Path:
        """Where the command works."""
        return self.world / "out" / (command.like or command.name)

    @cached_property
    def _generator(self) -> Path:
        """A text-to-audio model for those that need one."""
        made = self.reference("train-generator")
        assert made
        return self.world / "generator"

    def start(
        self, command: Command, *extra: str, fault: Mapping[str, Any] | None = None, **variables: str
    ) -> subprocess.Popen[str]:
        """The command, under way."""
        if any("{world}/generator" in word for word in command.words):
            assert self._generator.is_dir()
        if (fault or {}).get("kind") != "count":
            self._reference(command.name)  # while nothing lies in its folder yet
        out, config = self.out(command), self.world / f"{command.name}.json"
        config.write_text(json.dumps(dict(command.config)))
        places = {"world": str(self.world), "out": str(out), "config": str(config)}
        words = [word.format(**places) for word in command.words]
        return subprocess.Popen(
            [sys.executable, "-m", "menura", *words, *extra],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=self.world, start_new_session=True,
            env={**os.environ, **self.variables(command, fault), **variables},
        )  # fmt: skip

    def variables(self, command: Command, fault: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The environment of a command, and of what others start for it."""
        asked = {"kind": "none", "where": str(self.out(command)), "constants": command.constants, **(fault or {})}
        return {
            "OMP_NUM_THREADS": "1", "MENURA_CACHE": str(self.world / "cache"), "HF_HUB_OFFLINE": "1",
            "MENURA_OFFLINE": "1", "PYTHONPATH": os.pathsep.join((str(_DISTURB), str(ROOT / "src"))),
            "RAY_AUTH_MODE": "disabled",  # else it needs a token
            "MENURA_TEST_FAULT": json.dumps(asked),
        }  # fmt: skip

    def run(self, command: Command, *extra: str, fault: Mapping[str, Any] | None = None, **variables: str) -> Ended:
        """The command, ended one way or another."""
        return ended(self.start(command, *extra, fault=fault, **variables))

    def reference(self, name: str) -> dict[str, str]:
        """What an undisturbed run leaves."""
        return self._reference(name)[0]

    def changes(self, name: str) -> int:
        """How many changes on the disk an undisturbed run makes, those inside libraries not counted."""
        return self._reference(name)[1]

    def _reference(self, name: str) -> tuple[dict[str, str], int]:
        name = COMMANDS[name].like or name
        if name not in self._references:
            command, count = COMMANDS[name], self.world / f"{name}.count"
            found = self.run(command, fault={"kind": "count", "count": str(count)})
            assert found.status == 0, found.words
            left = digest(self.out(command))
            self._references[name] = left, int(count.read_text())
            if name == "train-generator":
                shutil.copytree(self.out(command), self.world / "generator")
            self.clear(command)
        return self._references[name]

    def clear(self, command: Command) -> None:
        """Delete what the command left."""
        shutil.rmtree(self.out(command), ignore_errors=True)

    def until_done(self, command: Command, *, may_delete: bool = False, **variables: str) -> tuple[int, list[str]]:
        """Start the command again until it ends well; how often that took, and what it said in between.

        Args:
            command: The command.
            may_delete: Where it names a damaged file and says to delete it, or the folder, that is done.
            variables: Of the environment.
        """
        said: list[str] = []
        for starts in range(1, _MOST_STARTS + 1):
            found = self.run(command, **variables)
            if found.status == 0:
                return starts, said
            said.append(found.words)
            if may_delete and (named := _WAY_OUT.search(" ".join(found.words.split()))):
                if named[2] == "it":
                    Path(named[1]).unlink()
                else:
                    self.clear(command)
            if "--fresh" in found.words and command.fresh:
                found = self.run(command, *command.fresh, **variables)
                if found.status == 0:
                    return starts + 1, said
        raise AssertionError(f"{command.name} does not come to an end: {said}")

    def losses(self, command: Command) -> list[str]:
        """Files that are missing, there besides, or different from what an undisturbed run leaves."""
        wanted, found = self.reference(command.name), digest(self.out(command))
        return sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))


def ended(process: subprocess.Popen[str], *, within_s: float = 600.0) -> Ended:
    """How a process ends, with all that it started."""
    try:
        words = process.communicate(timeout=within_s)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        raise
    return Ended(process.returncode, words)


def digest(folder: Path) -> dict[str, str]:
    """File to hash of everything under a folder but locks, clock times, and what only a clock decides."""
    found = {}
    for path in sorted(folder.rglob("*")):
        is_diary = path.name == "log.jsonl" and (path.parent / "run.json").is_file()
        if path.is_file() and path.name != ".lock" and not is_diary:
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(_content(path)).hexdigest()
    return found


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if path.name not in ("evaluation.json", "probe.json"):
        return data
    values = json.loads(data)
    return json.dumps({name: value for name, value in values.items() if name != "wall_s"}).encode()


def newest(folder: Path) -> Path | None:
    """The file that was written last."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return max(files, key=lambda path: path.stat().st_mtime_ns, default=None)
