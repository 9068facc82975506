"""``menura doctor``: what this machine, this installation and a run are like, for people and for bug reports."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from menura.cli.output import JsonFlag, emit_json
from menura.cli.terminal import visible

__all__ = ["doctor"]


def doctor(
    run: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Look at a run too, at s3://… as well: how far it is, and what is damaged."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the self-test, which takes a few seconds.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Example: menura doctor --run runs/first

    Prints versions, machine, disks, packages, backends, plug-ins and settings of the environment, tries out what a run
    needs, and names what is broken; exits with 1 if anything is. Changes nothing. Paste its output into a bug report:
    it is Markdown, keys are hidden, and your name and home folder are written as ~.
    """
    from menura.doctor import as_markdown, examine

    found = examine(run, quick=quick)
    if as_json:
        emit_json(found.to_json())
    else:
        sys.stdout.write(visible(as_markdown(found)))
    if found.problems:
        raise typer.Exit(1)
