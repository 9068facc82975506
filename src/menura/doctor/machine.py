"""The machine: system, processor, memory, disks, and what torch finds on it."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from pathlib import Path

from menura.datasets.index import cache_folder, num_cores
from menura.doctor.section import Section, first_line
from menura.types import JsonValue

__all__ = ["cache", "machine", "torch_and_devices"]

_GIB = 2**30
_LEAST_FREE = 0.5
"""GiB that a small run may need."""


def machine() -> Section:
    """System, processor, memory and free space."""
    places = {"here": Path.cwd, "temporary files": lambda: Path(tempfile.gettempdir()), "cache": cache_folder}
    free: dict[str, JsonValue] = {}
    problems = []
    for name, place in places.items():
        gib = _free_gib(place())
        free[name] = gib
        if gib is not None and gib < _LEAST_FREE:
            problems.append(f"only {gib:.2f} GiB are free ({name}): free some space, or work in another folder")
    facts: dict[str, JsonValue] = {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": f"{num_cores()} of {os.cpu_count() or num_cores()}",
        "memory in GiB": _memory(),
        "free disk in GiB": free,
    }
    return Section("machine", "Machine", facts, tuple(problems))


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "Hardware"):
            return value.strip()
    return platform.processor() or platform.machine()


def _memory() -> dict[str, JsonValue]:
    kib = {}
    for line in _lines("/proc/meminfo"):
        name, _, value = line.partition(":")
        if value.split()[:1] and value.split()[0].isdigit():
            kib[name] = int(value.split()[0])
    found: dict[str, JsonValue] = {}
    if "MemTotal" in kib:
        found["total"] = round(kib["MemTotal"] / 2**20, 1)
        found["available"] = round(kib.get("MemAvailable", 0) / 2**20, 1)
    else:
        try:
            found["total"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB, 1)
        except (AttributeError, ValueError, OSError):
            found["total"] = "unknown"
    limit = next(iter(_lines("/sys/fs/cgroup/memory.max")), "max").strip()
    if limit.isdigit():
        found["limit of the container"] = round(int(limit) / _GIB, 1)
    return found


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _existing(folder: Path) -> Path | None:
    return next((one for one in (folder, *folder.absolute().parents) if one.exists()), None)


def _free_gib(folder: Path | None) -> float | None:
    place = None if folder is None else _existing(folder)
    try:
        return None if place is None else round(shutil.disk_usage(place).free / _GIB, 2)
    except OSError:
        return None


def torch_and_devices() -> Section:
    """What torch is like and which devices it finds."""
    try:
        import torch

        facts: dict[str, JsonValue] = {
            "version": str(torch.__version__),
            "threads": torch.get_num_threads(),
            "built for CUDA": torch.version.cuda or "no",
        }
        cards: list[JsonValue] = []
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            cards.append(f"{card.name}, {card.total_memory / _GIB:.1f} GiB, capability {card.major}.{card.minor}")
        facts["graphics cards"] = cards or "none (Menura's own parts need none)"
        if torch.backends.mps.is_available():
            facts["Apple graphics"] = True
    except Exception as error:  # whatever a broken installation raises while it loads
        said = first_line(error)
        return Section("torch", "torch", {"error": said}, (f"torch cannot be used ({said}): install it again",))
    return Section("torch", "torch", facts)


def cache() -> Section:
    """Where the cache is, how large, and whether it can be written."""
    folder = cache_folder()
    if folder is None:
        problem = "there is no home folder for the cache: set MENURA_CACHE to a folder of yours"
        return Section("cache", "Cache", {"folder": "none", "writable": False}, (problem,))
    place = _existing(folder)
    writable = place is not None and place.is_dir() and os.access(place, os.W_OK)
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    facts: dict[str, JsonValue] = {
        "folder": str(folder),
        "files": len(sizes),
        "MiB": round(sum(sizes) / 2**20, 1),
        "writable": writable,
    }
    problem = "the cache cannot be written, every run reads all clips anew: set MENURA_CACHE to a folder of yours"
    return Section("cache", "Cache", facts, () if writable else (problem,))
