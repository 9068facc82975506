"""Menura itself, Python, and every package that Menura asks for: there or not, too old or too new."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from pathlib import Path

from packaging.requirements import Requirement

import menura
from menura.doctor.section import Section
from menura.types import JsonValue

__all__ = ["commit_of", "installation", "packages", "requirement_problem"]

_OWN = "menura"
_NOT_FOR_USERS = ("dev", "docs")


def installation() -> Section:
    """Version, commit of a checkout, Python, and whether the files are those of the release."""
    folder = Path(menura.__file__).parent
    commit = commit_of(folder)
    facts: dict[str, JsonValue] = {
        "version": menura.__version__,
        "from": f"checkout, commit {commit}" if commit else "installed package",
        "folder": str(folder),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "executable": sys.executable,
    }
    problems = []
    try:
        found = distribution(_OWN)
    except PackageNotFoundError:
        facts["from"] = f"{facts['from']}, not installed"
        return Section("menura", "Menura", facts)
    if found.version != menura.__version__:
        problems.append(
            f"the package says version {found.version}, its code {menura.__version__}: install menura again, or take "
            "another folder out of PYTHONPATH"
        )
    if altered := _altered(found, folder):
        problems.append(
            f"{len(altered)} files of the package were altered or are gone ({altered[0]}, …): install again"
        )
    return Section("menura", "Menura", facts, tuple(problems))


def _altered(found: Distribution, folder: Path) -> list[str]:
    """Files of an installed wheel whose bytes are not those of its list; none for a checkout, which has no list."""
    import base64
    import hashlib

    altered = []
    for file in found.files or ():
        if file.parts[:1] != (_OWN,) or file.hash is None:
            continue
        path = Path(str(found.locate_file(file)))
        if not path.is_relative_to(folder):
            return []  # another copy of Menura than the one that runs
        if not path.is_file():
            altered.append(str(file))
            continue
        digest = hashlib.new(file.hash.mode, path.read_bytes()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            altered.append(str(file))
    return altered


def commit_of(folder: Path) -> str | None:
    """Commit of the checkout that the package runs from, with a mark when files differ from it; None without one."""
    root = folder.parent.parent
    if folder.parent.name != "src" or not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return None
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{commit} with changes" if changed else commit


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def packages(requirements: Iterable[str] | None = None) -> Section:
    """Every package that Menura and its extras ask for.

    Args:
        requirements: As a package states them; None takes Menura's own.
    """
    if requirements is None:
        try:
            requirements = distribution(_OWN).requires or ()
        except PackageNotFoundError:
            requirements = ()
    needed: dict[str, JsonValue] = {}
    extras: dict[str, dict[str, JsonValue]] = {}
    problems = []
    for requirement in map(Requirement, requirements):
        extra = _extra_of(requirement)
        if extra in _NOT_FOR_USERS or requirement.name == _OWN:
            continue
        found, problem = _version(requirement.name), requirement_problem(requirement)
        if problem and (extra is None or found is not None):
            problems.append(problem)
        said = found or "missing"
        if extra is None:
            needed[requirement.name] = said
        else:
            extras.setdefault(extra, {})[requirement.name] = said
    facts: dict[str, JsonValue] = {"needed": needed}
    for extra, found_of in sorted(extras.items()):
        missing = "missing" in found_of.values()
        facts[f"extra {extra}"] = {
            **found_of,
            **({"to install it": f"pip install 'menura[{extra}]'"} if missing else {}),
        }
    if not needed:
        facts = {"needed": "unknown: Menura is not installed as a package"}
    return Section("packages", "Packages", facts, tuple(problems))


def requirement_problem(requirement: Requirement) -> str:
    """What is wrong with a package that is asked for; empty when nothing is."""
    found = _version(requirement.name)
    if found is None:
        return (
            f"{requirement.name} is missing, needed is {requirement.name}{requirement.specifier}: install menura again"
        )
    if requirement.specifier.contains(found, prereleases=True):
        return ""
    return (
        f"{requirement.name} is {found}, needed is {requirement.specifier}: "
        f"pip install '{requirement.name}{requirement.specifier}'"
    )


def _extra_of(requirement: Requirement) -> str | None:
    found = re.search(r"extra\s*==\s*[\"']([^\"']+)[\"']", str(requirement.marker or ""))
    return found.group(1) if found else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
