"""Tiny models, each built once for all tests that ask for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of the tiny model of that name; made at the first call. Do not write into it: copy it."""
    pytest.importorskip("diffusers")
    pytest.importorskip("transformers")
    import torch

    torch.set_num_threads(1)
    from tests.backends import tiny_models

    made: dict[str, Path] = {}

    def folder_of(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp("tiny") / name
            with tiny_models.quietly():
                made[name] = getattr(tiny_models, name)(folder)
        return made[name]

    return folder_of
