"""``menura doctor``: what this machine and this installation can do, for people and for bug reports."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from menura.cli.output import JsonFlag, console, emit_json

__all__ = ["doctor"]

_PACKAGES = ("numpy", "scipy", "torch", "safetensors", "soundfile", "soxr", "scikit-learn", "pyarrow", "pydantic")
_EXTRAS = {
    "classic": (("audiomentations",), "the `classic` arm of menura evaluate"),
    "ray": (("ray",), "making clips on many machines, menura augment --engine ray"),
    "hub": (("datasets", "torchcodec"), "opening exports with Hugging Face datasets"),
}
_PROGRAMS = {
    "ffmpeg": "only for decoding by torchcodec (extra hub)",
    "chromium": "only for the tests that open pages",
    "nvidia-smi": "sign of a graphics card; Menura's own parts need none",
}


def doctor(as_json: JsonFlag = False) -> None:
    """Example: menura doctor

    Prints versions, cores, memory, optional programs and packages, and whether the cache can be written. Changes
    nothing. Put its output into a bug report.
    """

    found = _examine()
    if as_json:
        emit_json(found)
        return
    out = console()
    out.print(f"menura {found['menura']} on Python {found['python']}, {found['system']}", style="bold", markup=False)
    memory = "unknown" if found["memory_gib"] is None else f"{found['memory_gib']:.1f} GiB"
    out.print(f"{found['cores']} cores, {memory} of memory; threads: {found['threads'] or 'as the libraries choose'}")
    out.print("packages: " + ", ".join(f"{name} {which or 'MISSING'}" for name, which in found["packages"].items()))
    for name, extra in found["extras"].items():
        state = "installed" if not extra["missing"] else f"not installed: pip install 'menura[{name}]'"
        out.print(f"extra {name}: {state} ({extra['for']})", markup=False)
    for name, program in found["programs"].items():
        out.print(f"{name}: {program['path'] or 'not found'} ({program['for']})", markup=False)
    cache = found["cache"]
    state = "can be written" if cache["writable"] else "cannot be written; set MENURA_CACHE to a folder of yours"
    out.print(f"cache: {cache['folder'] or 'no home folder'} ({state})", markup=False)
    for problem in found["problems"]:
        out.print(f"problem: {problem}", style="bold red", markup=False)


def _examine() -> dict[str, Any]:
    from menura.datasets.index import num_cores

    packages = {name: _version(name) for name in _PACKAGES}
    problems = [f"{name} is missing: install menura again" for name, which in packages.items() if which is None]
    cache = _cache()
    problems += [] if cache["writable"] else ["the cache cannot be written: every run reads all clips anew"]
    return {
        "menura": _version("menura") or "not installed as a package",
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "cores": num_cores(),
        "memory_gib": _memory_gib(),
        "threads": {name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ},
        "packages": packages,
        "extras": {
            name: {"missing": [one for one in needed if _version(one) is None], "for": purpose}
            for name, (needed, purpose) in _EXTRAS.items()
        },
        "programs": {name: {"path": shutil.which(name), "for": purpose} for name, purpose in _PROGRAMS.items()},
        "cache": cache,
        "problems": problems,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _memory_gib() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        return None


def _cache() -> dict[str, Any]:
    from menura.datasets.index import cache_folder

    folder = cache_folder()
    if folder is None:
        return {"folder": None, "exists": False, "writable": False}
    return {"folder": str(folder), "exists": folder.is_dir(), "writable": _writable(folder)}


def _writable(folder: Path) -> bool:
    """Whether the folder, or the nearest one above it that exists, can be written to."""
    place = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return place.is_dir() and os.access(place, os.W_OK)
