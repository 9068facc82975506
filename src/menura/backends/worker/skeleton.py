"""A new worker to start from: the protocol's other side in one file, and a model that is ready or to be put in."""

from __future__ import annotations

import shutil
from pathlib import Path

from menura.errors import ConfigError

__all__ = ["TEMPLATES", "write_skeleton"]

TEMPLATES = ("blank", "stable-audio-3", "tangoflux", "audiogen")

_FOLDER = Path(__file__).parent / "templates"
_SDK = "menura_worker.py"


def write_skeleton(folder: str | Path, template: str = "blank") -> list[Path]:
    """Write a worker into a new or empty folder; into one that holds a worker, only the newer ``menura_worker.py``.

    Returns:
        The files that were written.

    Raises:
        ConfigError: There is no such template, or the folder holds something else.
    """
    if template not in TEMPLATES:
        raise ConfigError(f"no template {template!r}. Known: {', '.join(TEMPLATES)}")
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise ConfigError(f"{target} is a file, expected a new or empty folder")
    if (target / "worker.toml").exists():
        return [Path(shutil.copyfile(_FOLDER / _SDK, target / _SDK))]
    if target.is_dir() and any(target.iterdir()):
        raise ConfigError(f"{target} is not empty and holds no worker.toml; choose a new folder")
    target.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in (_FOLDER / template).iterdir() if path.is_file())
    return [Path(shutil.copyfile(source, target / source.name)) for source in (*files, _FOLDER / _SDK)]
