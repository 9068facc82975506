"""The folder of a worker: what ``worker.toml`` says of it, how it is started, and what decides its sound."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from menura.backends.worker.messages import Ready
from menura.config import Settings, settings_from
from menura.errors import BackendError
from menura.records import parse_toml

__all__ = ["Timeouts", "Worker", "WorkerFile", "environment", "read_worker"]

FILE_NAME = "worker.toml"

Ability = Literal["prompt", "negative_prompt", "parents", "strength"]

_PASSED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|XDG_CACHE_HOME|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH"
    r"|HF_\w+|HUGGINGFACE_HUB_CACHE|TORCH_HOME|CUDA_\w+|NVIDIA_\w+|HIP_\w+|ROCR_\w+|PYTORCH_\w+|OMP_NUM_THREADS"
    r"|MKL_NUM_THREADS|OPENBLAS_NUM_THREADS|SSL_CERT_FILE|SSL_CERT_DIR"
)
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_CODE = ("*.py", "requirements*.txt")
_SKIPPED = {"__pycache__", "venv", "env", "node_modules", "site-packages"}


class Description(Settings):
    """Table ``[worker]``: what the worker is. What it says of itself when it starts must agree."""

    name: str = Field(min_length=1, max_length=200, description="Name of the model, for records.")
    version: str = Field(min_length=1, max_length=200, description="Rises whenever the same request sounds different.")
    revision: str | None = Field(None, description="Commit or checksum of the weights; pins what the worker may load.")
    licence: str | None = Field(None, description="Licence of the weights.")
    description: str = Field("", description="One line for people.")
    sample_rate: int = Field(ge=1000, le=384_000, description="Of its files, in Hz.")
    channels: int = Field(ge=1, le=8, description="Of its files.")
    takes: tuple[Ability, ...] = Field(("prompt",), description="prompt, negative_prompt, parents, strength.")
    max_duration_s: float | None = Field(None, gt=0, description="Longest clip that it makes, in seconds.")
    command: tuple[str, ...] = Field(
        min_length=1, description="Program and arguments, without a shell; {python} is the Python that runs Menura."
    )
    setup: tuple[str, ...] = Field((), description="What a person runs once before; shown when it won't start.")
    pass_environment: tuple[str, ...] = Field((), description="Variables that it may see besides the usual.")


class Timeouts(Settings):
    """Table ``[timeouts]``, in seconds. They decide nothing about the sound, so a run may go on with others."""

    ready_s: float = Field(600.0, gt=0, description="From the start until it has loaded.")
    request_s: float = Field(120.0, gt=0, description="For any clip.")
    per_second_s: float = Field(30.0, ge=0, description="More for each second of the clip.")
    stop_s: float = Field(10.0, ge=0, description="From being told to stop until it is killed.")


class WorkerFile(Settings):
    """All of ``worker.toml``."""

    worker: Description
    settings: dict[str, JsonValue] = Field({}, description="Passed to the worker; the user's own settings come on top.")
    environment: dict[Annotated[str, Field(pattern=r"^\w+$")], str] = Field({}, description="Variables to set.")
    timeouts: Timeouts = Field(Timeouts(), description="How long to wait.")


@dataclass(frozen=True)
class Worker:
    """A worker that can be started.

    Attributes:
        folder: Absolute path of its folder.
        file: What its ``worker.toml`` says.
        code: Digest of its Python files and requirements: another digest may be another sound.
    """

    folder: Path
    file: WorkerFile
    code: str

    @property
    def identity(self) -> list[JsonValue]:
        """What decides how it sounds, as far as that can be known without starting it."""
        parts = self.file.model_dump(mode="json", exclude={"timeouts"})
        for name in ("description", "setup", "pass_environment"):
            del parts["worker"][name]
        return [parts, self.code]

    @property
    def command(self) -> list[str]:
        """The program and its arguments; a relative path lies in the folder.

        Raises:
            BackendError: There is no such program; the message says how to set the worker up.
        """
        first, *rest = [sys.executable if part == "{python}" else part for part in self.file.worker.command]
        if os.sep in first:
            program = self.folder / first  # an absolute path stays what it is
            if not os.access(program, os.X_OK):
                raise BackendError(f"worker '{self.file.worker.name}' has no program {program}{self.setup_hint}")
            first = str(program)
        return [first, *rest]

    @property
    def setup_hint(self) -> str:
        """What to do when it does not start, for the end of a message."""
        steps = " && ".join(self.file.worker.setup)
        return f". Set it up: cd {self.folder} && {steps}" if steps else f". Look into {self.folder / FILE_NAME}"

    def disagreements(self, ready: Ready) -> list[str]:
        """Where the running worker is not what ``worker.toml`` promised when the run was planned."""
        stated, found = self.file.worker, []
        for name in ("name", "version", "revision", "licence", "sample_rate", "channels"):
            promised, said = getattr(stated, name), getattr(ready, name)
            if promised is not None and promised != said:
                found.append(f"{name} is {said!r}, {FILE_NAME} says {promised!r}")
        missing = [ability for ability in stated.takes if ability not in ready.takes]
        if missing:
            found.append(f"it does not take {', '.join(missing)}, {FILE_NAME} says it does")
        longest = stated.max_duration_s
        if ready.max_duration_s is not None and (longest is None or ready.max_duration_s < longest):
            found.append(f"max_duration_s is {ready.max_duration_s:g}, {FILE_NAME} says {longest or 'nothing'}")
        return found


def read_worker(folder: str | Path) -> Worker:
    """The worker in a folder. Starts nothing.

    Raises:
        BackendError: There is no such folder, or no ``worker.toml`` in it that can be read.
        ConfigError: ``worker.toml`` says something unknown or impossible.
    """
    path = Path(folder).expanduser().absolute()
    file = path / FILE_NAME
    if not file.is_file():
        what = "has no worker.toml" if path.is_dir() else "is no folder"
        raise BackendError(f"{path} {what}, expected the folder of a worker. `menura worker new FOLDER` writes one")
    try:
        values = parse_toml(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackendError(f"{file} is no TOML: {error}") from error
    return Worker(path, settings_from(WorkerFile, values, source=str(file)), _code_digest(path))


def environment(file: WorkerFile, outside: Mapping[str, str]) -> dict[str, str]:
    """What a worker may see of the environment: no keys, nothing of Menura's own Python, and what its file names."""
    named = file.worker.pass_environment
    passed = {
        name: value
        for name, value in outside.items()
        if name in named or (_PASSED.fullmatch(name) and not _SECRET.search(name))
    }
    return passed | file.environment


def _code_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in _code_files(folder):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}:{len(data)}:".encode() + data)
    return digest.hexdigest()[:16]


def _code_files(folder: Path) -> Iterator[Path]:
    """Python files and requirements by name, none of an environment: a folder with ``pyvenv.cfg`` is one."""
    found = [path for pattern in _CODE for path in folder.glob(pattern)]
    yield from sorted(path for path in found if path.is_file())
    for inner in sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()):
        if inner.name not in _SKIPPED and inner.name[0] != "." and not (inner / "pyvenv.cfg").exists():
            yield from _code_files(inner)
