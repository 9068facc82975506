"""A cache of the Hub on this disk, and models that are little more than their files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write_safetensors(file: Path, values: bytes = b"\0" * 8) -> None:
    """One float32 tensor."""
    header = json.dumps({"weight": {"dtype": "F32", "shape": [len(values) // 4], "data_offsets": [0, len(values)]}})
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(len(header).to_bytes(8, "little") + header.encode() + values)


def write_model(folder: Path) -> Path:
    """A single model."""
    write_safetensors(folder / "model.safetensors")
    (folder / "config.json").write_text('{"architectures": ["ClapModel"], "model_type": "clap"}')
    return folder


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts a model into an otherwise empty local cache, and gives the folder of its commit. Downloads are allowed."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    def put(name: str, write: Callable[[Path], object] = write_model) -> Path:
        folder = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True, exist_ok=True)
        (folder / "refs" / "main").write_text(COMMIT)
        (folder / "snapshots" / COMMIT).mkdir(parents=True, exist_ok=True)
        write(folder / "snapshots" / COMMIT)
        return folder / "snapshots" / COMMIT

    return put


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, hub_cache: Callable[..., Path]) -> None:
    """As ``HF_HUB_OFFLINE=1``."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
