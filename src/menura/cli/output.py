"""What every command prints the same way: one JSON object, tables, progress, errors."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from menura.cli.terminal import console_class, visible, visible_json
from menura.errors import MenuraError, ran_out_of_memory
from menura.types import Finding, Progress

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "JsonFlag",
    "console",
    "cost_text",
    "emit_json",
    "fail",
    "finding_json",
    "finding_text",
    "on_disk",
    "progress_bar",
    "resumable",
    "speed_text",
]

JsonFlag: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output; progress goes to standard error.")
]


def on_disk(where: Path | None) -> Path | None:
    """What ``-o`` names, if it is on a disk; only runs may lie on object storage."""
    from menura.objects.address import refuse_address

    if where is not None:
        refuse_address(where)
    return where


def console(*, stderr: bool = False) -> Console:
    """A console on standard output, or on standard error for progress and remarks.

    Shows what it is given: ``[b]`` and ``:dog:`` in a label are no markup of rich, and control characters are written
    out (:func:`menura.cli.terminal.visible`).
    """
    return console_class()(stderr=stderr, highlight=False, soft_wrap=False, markup=False, emoji=False)


def finding_text(finding: Finding) -> str:
    """A finding as one line, with what to do where there is something."""
    return f"{finding.severity}: {finding.message}{f'; {finding.remedy}' if finding.remedy else ''}"


def finding_json(finding: Finding) -> dict[str, str]:
    """A finding as an object, without its files and numbers."""
    return {
        "kind": finding.kind, "severity": finding.severity, "message": finding.message, "remedy": finding.remedy,
    }  # fmt: skip


def emit_json(value: Any) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(visible_json(json.dumps(value, indent=2, ensure_ascii=False)) + "\n")


def speed_text(per_second: float | None) -> str:
    """How many a second, a minute or an hour: the first unit in which it is at least one; empty while unknown."""
    if not per_second:
        return ""
    for seconds, unit in ((1, "s"), (60, "min"), (3600, "h")):
        if per_second * seconds >= 1 or unit == "h":
            break
    return f"{per_second * seconds:.3g}/{unit}"


def cost_text(price: float, elapsed_s: float | None, left_s: float | None) -> str:
    """What a stage has cost so far and what it will cost in all, as far as that is known.

    Args:
        price: Of an hour.
        elapsed_s: Seconds that it has taken.
        left_s: Seconds that it is going to take; None while that is unknown.

    Example:
        >>> cost_text(12.0, 600.0, 1200.0), cost_text(12.0, 600.0, None)
        ('2.00 of about 6.00', '2.00')
    """
    spent = price * (elapsed_s or 0.0) / 3600
    return f"{spent:.2f}" + ("" if left_s is None else f" of about {spent + price * left_s / 3600:.2f}")


@contextmanager
def progress_bar(*, price: float | None = None) -> Iterator[Progress]:
    """A progress bar on standard error, with speed and time left; gives the callback that the library calls.

    Args:
        price: Of an hour; the bar then shows what that comes to, and a last line says it of everything.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar
    from rich.text import Text

    class SpeedColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(speed_text(task.finished_speed or task.speed), style="progress.data.speed")

    class CostColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(cost_text(price or 0.0, task.elapsed, None if task.finished else task.time_remaining))

    columns = [
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), SpeedColumn(),
        TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn(),
    ]  # fmt: skip
    if price is not None:
        columns += [TextColumn("cost:"), CostColumn()]
    started = time.monotonic()
    tasks: dict[str, TaskID] = {}
    try:
        with Bar(*columns, console=console(stderr=True)) as bar:

            def report(stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bar.add_task(stage, total=total)
                bar.update(tasks[stage], completed=done, total=total)

            yield report
    finally:
        if price is not None:
            took_s = time.monotonic() - started
            sys.stderr.write(
                f"cost about {cost_text(price, took_s, None)}: {took_s / 3600:.2f} h at {price:g} an hour\n"
            )


@contextmanager
def resumable(kept: str, *, price: float | None = None) -> Iterator[Progress]:
    """:func:`progress_bar` for what can be stopped: Ctrl-C says that it goes on, and exits with 130.

    Args:
        kept: What is kept, and where.
        price: Of an hour.
    """
    try:
        with progress_bar(price=price) as progress:
            yield progress
    except KeyboardInterrupt:
        sys.stderr.write(visible(f"stopped; {kept}") + ": run the same command again to go on\n")
        raise typer.Exit(130) from None


def fail(error: Exception) -> int:
    """Print an error and return the exit status: 2 for a user's mistake, 1 for a fault of Menura."""
    if isinstance(error, MenuraError):
        sys.stderr.write(visible(f"{type(error).__name__}: {error}\n"))
        return 2
    if ran_out_of_memory(error):
        sys.stderr.write(
            "out of memory; try fewer workers, shorter clips or a smaller batch; run the same command again to go on\n"
        )
        return 2
    if isinstance(error, OSError) and error.errno is not None:
        from menura.files import disk_trouble

        where = visible(f"{error.filename}: ") if error.filename else ""
        trouble = disk_trouble(error) or "check the disk and the permissions"
        sys.stderr.write(f"{where}{os.strerror(error.errno)} (errno {error.errno}): {trouble}\n")
        return 2
    sys.stderr.write(visible("".join(traceback.format_exception(error))))
    sys.stderr.write("This is a fault of Menura, not of yours. `menura doctor` prints what a bug report needs.\n")
    return 1
