"""A new worker to start from: the protocol's other side in one file, and a model that is ready or to be put in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from menura.errors import ConfigError
from menura.files import TEMPORARY_PREFIX, disk_errors, remove_leftovers_of_the_dead, write_bytes

__all__ = ["TEMPLATES", "write_skeleton"]

TEMPLATES = ("blank", "stable-audio-3", "tangoflux", "audiogen")

_FOLDER = Path(__file__).parent / "templates"
_SDK = "menura_worker.py"
_SETTINGS = "worker.toml"


def write_skeleton(folder: str | Path, template: str = "blank") -> list[Path]:
    """Write a worker into a new or empty folder; into one that holds a worker, only the newer ``menura_worker.py``.

    ``worker.toml`` comes last: without it the folder is one that was begun, and the same call goes on with it.

    Returns:
        The files that were written.

    Raises:
        ConfigError: There is no such template, or the folder holds something else.
        RunError: The disk cannot be written.
    """
    if template not in TEMPLATES:
        raise ConfigError(f"no template {template!r}. Known: {', '.join(TEMPLATES)}")
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise ConfigError(f"{target} is a file, expected a new or empty folder")
    files = sorted(path for path in (_FOLDER / template).iterdir() if path.is_file())
    files.sort(key=lambda path: path.name == _SETTINGS)
    sources = {path.name: path for path in (_FOLDER / _SDK, *files)}
    if (target / _SETTINGS).exists():
        sources = {_SDK: sources[_SDK]}
    elif target.is_dir() and not all(_is_own(path, sources) for path in target.iterdir()):
        raise ConfigError(f"{target} is not empty and holds no worker.toml; choose a new folder")
    with disk_errors(str(target)):
        target.mkdir(parents=True, exist_ok=True)
        remove_leftovers_of_the_dead(target)
        for name, source in sources.items():
            write_bytes(target / name, source.read_bytes())
    return [target / name for name in sources]


def _is_own(path: Path, sources: Mapping[str, Path]) -> bool:
    """Whether a call that was killed has left it: one of the files, or the beginning of one."""
    if path.name.startswith(TEMPORARY_PREFIX):
        return True
    if not path.is_file() or path.name not in sources:
        return False
    return sources[path.name].read_bytes().startswith(path.read_bytes())
