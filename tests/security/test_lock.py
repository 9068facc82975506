"""The lock of releases holds what is tested, each file with its hashes."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    """Package to version, names as registries compare them."""
    found = PIN.findall((ROOT / name).read_text(encoding="utf-8"))
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in found}


def test_the_lock_is_within_the_tested_pins() -> None:
    tested, locked = pins("constraints.txt"), pins("requirements-lock.txt")
    assert len(locked) > 40
    assert {name: version for name, version in locked.items() if tested.get(name, version) != version} == {}, (
        "make lock"
    )


def test_every_package_of_the_lock_has_a_hash() -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements-lock.txt").read_text(encoding="utf-8").strip())
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert not re.search(r"https?://|file:", "".join(entries))
