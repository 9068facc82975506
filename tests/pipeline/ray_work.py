"""What actors do in tests of the pool: functions at the top of a module, so that they can be sent."""

from __future__ import annotations

import os
from pathlib import Path

from menura.errors import RunError


def process(job: int) -> tuple[int, int]:
    """The number doubled, and the process that did it."""
    return 2 * job, os.getpid()


def fall_over(job: tuple[Path, str]) -> str:
    """Does what the job says, after a note of the try in its folder."""
    folder, what = job
    tries = len(list(folder.glob(f"{what}-*")))
    (folder / f"{what}-{tries}").touch()
    if what == "deadly" or (what == "deadly once" and tries == 0):
        os._exit(7)
    if what == "refused":
        raise RunError("the strings broke")
    return what


def refuse(job: int) -> None:
    """Raises for every second number, after the first."""
    if job % 2:
        raise RunError("the strings broke")
