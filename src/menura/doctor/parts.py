"""The parts of Menura and of others that plug in, the programs beside it, and what can be read and written as sound."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import get_args

from menura.backends.registry import Group, available
from menura.doctor.section import Section, first_line
from menura.types import JsonValue

__all__ = ["backends", "plug_ins", "programs", "sound_formats", "weights"]

_PROGRAMS = {
    "ffmpeg": "only for decoding by torchcodec (extra hub)",
    "git": "only to name the commit of a checkout",
    "nvidia-smi": "sign of a graphics card",
    "chromium": "only for the tests that open pages",
}
_FORMATS = ("WAV", "FLAC", "OGG", "MP3", "AIFF", "CAF", "W64")
_MUST = ("WAV", "FLAC")


def backends() -> Section:
    """What can be asked for by name, and why the rest cannot."""
    facts: dict[str, JsonValue] = {}
    for group in get_args(Group):
        found = available(group)
        if not found:
            continue
        facts[group.replace("_", " ")] = {
            one.name: "available" if one.available else f"not available: {one.reason}" for one in found
        }
    return Section("backends", "Backends", facts)


def plug_ins(points: Callable[[str], Iterable[EntryPoint]] | None = None) -> Section:
    """Every part that another package adds, loaded, with the error where one cannot be.

    Args:
        points: Gives the entry points of a group; None asks the installed packages.
    """
    find = points or (lambda group: entry_points(group=group))
    facts: dict[str, JsonValue] = {}
    problems = []
    for group in get_args(Group):
        for point in find(f"menura.{group}"):
            if point.value.split(":")[0].split(".")[0] == "menura":
                continue
            owner = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
            name = f"{group.removesuffix('s').replace('_', ' ')} {point.name}{owner}"
            try:
                point.load()
                facts[name] = "loads"
            except (Exception, SystemExit) as error:  # whatever a foreign package does while it is imported
                facts[name] = f"cannot be loaded: {first_line(error)}"
                problems.append(f"{name} cannot be loaded ({first_line(error)}): update it or uninstall it")
    return Section("plug_ins", "Parts of other packages", facts or {"found": "none"}, tuple(problems))


def weights() -> Section:
    """Whether the encoder that comes with Menura is the one that was released."""
    from menura.encoders.scenes import SHA256, WEIGHTS
    from menura.files import sha256_of

    try:
        found = sha256_of(WEIGHTS)
    except OSError as error:
        said = first_line(error)
        return Section(
            "weights", "Weights", {"scenes": said}, (f"the encoder scenes cannot be read ({said}): install again",)
        )
    if found == SHA256:
        return Section("weights", "Weights", {"scenes": f"sha256 {found[:12]}…, as released"})
    problem = (
        f"the weights of the encoder scenes have sha256 {found[:12]}…, expected {SHA256[:12]}…: install menura again"
    )
    return Section("weights", "Weights", {"scenes": f"sha256 {found[:12]}…, altered"}, (problem,))


def programs() -> Section:
    """Optional programs beside Menura."""
    facts: dict[str, JsonValue] = {
        name: f"{_said(path) or path}" if (path := shutil.which(name)) else f"not found ({purpose})"
        for name, purpose in _PROGRAMS.items()
    }
    return Section("programs", "Programs", facts)


def _said(path: str) -> str:
    """First line of what a program says of its version."""
    if path.endswith("nvidia-smi"):
        command = [path, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    else:
        command = [path, "-version" if path.endswith("ffmpeg") else "--version"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return next(iter(done.stdout.splitlines()), "").strip() if done.returncode == 0 else ""


def sound_formats() -> Section:
    """libsndfile and what it reads and writes."""
    try:
        import soundfile

        known = soundfile.available_formats()
        facts: dict[str, JsonValue] = {
            "libsndfile": str(soundfile.__libsndfile_version__),
            "formats": ", ".join(name for name in _FORMATS if name in known),
            "Opus in Ogg": "OPUS" in soundfile.available_subtypes("OGG"),
        }
    except Exception as error:  # a library of C that is missing or broken raises what it likes
        said = first_line(error)
        return Section(
            "sound", "Sound files", {"error": said}, (f"soundfile cannot be used ({said}): install it again",)
        )
    missing = [name for name in _MUST if name not in known]
    problem = f"libsndfile {facts['libsndfile']} has no {' and no '.join(missing)}: install a newer soundfile"
    return Section("sound", "Sound files", facts, (problem,) if missing else ())
