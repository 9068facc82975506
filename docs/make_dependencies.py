"""Write docs/dependencies.md: every package of ``requirements-lock.txt`` with its licence, as the package states it.

Run by the Python of an environment that the lock was installed into (``make licences`` does both)::

    pip install --require-hashes -r requirements-lock.txt && python docs/make_dependencies.py
"""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)(?: ; ([^\\\n]+))?", re.MULTILINE)
_WATCHED = re.compile(r"GPL|MPL|LicenseRef|Proprietary|EULA|not stated", re.IGNORECASE)
_CARDS = ("nvidia-", "cuda-")
_LONGEST = 60
_HEAD = """# Packages that come along, and their licences

Menura itself is under Apache-2.0 and brings nothing of others in its wheel (see `NOTICE`). These are the packages of
`requirements-lock.txt`: what `pip install 'menura[classic,gpus,hub,llm,models,objects,ray]'` brings along, with the
licence that each one states in its own metadata. Written by `make licences`.
"""


def licence_of(stated: PackageMetadata) -> str:
    """The licence in a package's own words: an expression, a short text, or the names of its classifiers."""
    expression, text = stated.get("License-Expression"), (stated.get("License") or "").strip()
    if expression:
        return str(expression)
    named = [one.rpartition(" :: ")[2] for one in stated.get_all("Classifier") or [] if one.startswith("License ::")]
    named = [name for name in named if name != "OSI Approved"]
    if text and len(text) <= _LONGEST and "\n" not in text:
        return text
    if named:
        return ", ".join(named)
    return text.splitlines()[0][:_LONGEST] if text else "not stated"


def table(lock: str) -> str:
    """The page."""
    rows, watched, elsewhere = [], [], []
    for name, version, marker in PIN.findall(lock):
        try:
            licence = licence_of(metadata(name))
        except PackageNotFoundError:
            elsewhere.append(f"{name} {version} ({marker.strip()})" if marker else f"{name} {version}")
            continue
        rows.append(f"| {name} | {version} | {licence} |")
        if _WATCHED.search(licence) and not name.startswith(_CARDS):
            watched.append(f"{name} ({licence})")
    remark = (
        f"Not simply permissive, so look before you pass them on: {'; '.join(watched)}; and the `nvidia-*` and\n"
        "`cuda-*` packages, most of them proprietary, which come with torch's build for graphics cards on Linux: its\n"
        "build for processors needs none of them.\n"
    )
    parts = [
        _HEAD,
        remark,
        "| package | version | licence |\n|---|---|---|\n" + "\n".join(rows) + "\n",
    ]
    if elsewhere:
        parts.append(f"Only on other systems than the one where this was written: {', '.join(elsewhere)}.\n")
    return "\n".join(parts)


if __name__ == "__main__":
    text = table((ROOT / "requirements-lock.txt").read_text(encoding="utf-8"))
    (ROOT / "docs" / "dependencies.md").write_text(text, encoding="utf-8")
