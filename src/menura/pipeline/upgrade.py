"""``menura upgrade``: a run of an older format, written anew in today's; what it held before is kept beside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from menura.files import (
    disk_errors,
    flush_folder,
    link_or_copy,
    remove_leftovers,
    remove_leftovers_below,
    temporary_beside,
    write_text,
)
from menura.formats import RUN
from menura.lock import locked
from menura.pipeline.decide import JUDGEMENTS_NAME, redraft_judgements
from menura.pipeline.identity import IDENTITY_NAME, Identity, stored_format
from menura.pipeline.log import RunLog

__all__ = ["KEPT_NAME", "Upgraded", "upgrade_run"]

KEPT_NAME = "before-upgrade"
"""Folder in a run with the files that an upgrade replaced."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade did.

    Attributes:
        was, now: Numbers of the format before and after; equal where nothing was to be done.
        files: Names of the files that were written anew.
        kept: Folder with the old ones; None where nothing was replaced.
    """

    was: int
    now: int
    files: tuple[str, ...] = ()
    kept: Path | None = None


def upgrade_run(path: Path, *, patience_s: float = 0.0) -> Upgraded:
    """Bring a run to today's format. Audio, plans and shards stay as they are.

    May be stopped at any moment and run again: the old files are kept first, each new one replaces its old one whole,
    and ``run.json``, whose number says that all is done, comes last.

    Args:
        path: Folder of the run.
        patience_s: How long to wait for another process that works on it, in seconds.

    Raises:
        RunError: There is no run, it is damaged, in use, of a newer format, or the disk cannot be written.
    """
    was = stored_format(path)
    if was == RUN.current:
        return Upgraded(was, was)
    with disk_errors(str(path)), locked(path, patience_s=patience_s):
        identity, was = Identity.read(path), stored_format(path)
        remove_leftovers(path)
        remove_leftovers_below(path / KEPT_NAME)
        kept = path / KEPT_NAME / f"format-{was}"
        replaced = []
        if (draft := redraft_judgements(path)) is not None:
            _keep(path / JUDGEMENTS_NAME, kept)
            draft.replace(path / JUDGEMENTS_NAME)
            flush_folder(path)
            replaced.append(JUDGEMENTS_NAME)
        _keep(path / IDENTITY_NAME, kept)
        write_text(path / IDENTITY_NAME, identity.to_json())
        with RunLog(path) as log:
            log.write("upgraded", was=was, now=RUN.current)
    return Upgraded(was, RUN.current, (*replaced, IDENTITY_NAME), kept)


def _keep(file: Path, folder: Path) -> None:
    """A second name for a file that is about to be replaced; that of an earlier try which was stopped stays."""
    target = folder / file.name
    if target.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    beside = temporary_beside(target)
    link_or_copy(file, beside)
    beside.replace(target)
    flush_folder(folder)
