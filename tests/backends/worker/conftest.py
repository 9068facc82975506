from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from menura.backends.worker.generator import WorkerGenerator
from menura.config import GeneratorSettings, ModelSettings
from menura.types import Recording, Request

RATE, DURATION_S = 8000, 0.5
NAUGHTY = Path(__file__).with_name("naughty.py")

MakeFolder = Callable[..., Path]
MakeGenerator = Callable[..., WorkerGenerator]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """A folder with the worker that does what it is told; tables of worker.toml may be overwritten."""

    def make(name: str = "naughty", **tables: dict[str, Any]) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copyfile(NAUGHTY, folder / "worker.py")
        stated = {
            "name": "naughty", "version": "1", "revision": "abc", "licence": "CC0-1.0", "sample_rate": RATE,
            "channels": 1, "takes": ["prompt"], "command": ["{python}", "-S", "worker.py"],
        }  # fmt: skip
        times = {"ready_s": 60, "request_s": 60, "per_second_s": 1, "stop_s": 5}
        parts = {"worker": stated | tables.pop("worker", {}), "timeouts": times | tables.pop("timeouts", {}), **tables}
        text = "\n".join(f"[{table}]\n{_toml(values)}" for table, values in parts.items())
        (folder / "worker.toml").write_text(text, encoding="utf-8")
        return folder

    return make


@pytest.fixture
def make_generator(make_folder: MakeFolder) -> Iterator[MakeGenerator]:
    """A generator that asks it; ended after the test."""
    made: list[WorkerGenerator] = []

    def make(folder: Path | None = None, *, sample_rate: int | None = None, **options: Any) -> WorkerGenerator:
        model = ModelSettings(path=str(folder or make_folder(**options.pop("tables", {}))), **options)
        made.append(WorkerGenerator(GeneratorSettings(name="worker", model=model), sample_rate=sample_rate))
        return made[-1]

    yield make
    for generator in made:
        generator.close()


@pytest.fixture
def request_for() -> Callable[..., Request]:
    """Makes a request for the clip that a prompt names."""

    def make(prompt: str | None, seed: int = 0, **fields: Any) -> Request:
        values: dict[str, Any] = {"duration_s": DURATION_S, "seed_key": ("worker", seed), "params": {"seed": seed}}
        return Request(("bell",), "fingerprint", prompt=prompt, **(values | fields))

    return make


@pytest.fixture
def parents() -> Callable[[str], Recording]:
    """A second of noise at 16 kHz, another one for each id."""

    def recording(clip_id: str) -> Recording:
        draw = np.random.default_rng(int(clip_id))
        return Recording(draw.uniform(-0.5, 0.5, (1, 16_000)).astype(np.float32), 16_000)

    return recording


def _toml(values: dict[str, Any]) -> str:
    return "".join(f"{name} = {_value(value)}\n" for name, value in values.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_value(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(inner) for inner in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else f'"{value}"'
