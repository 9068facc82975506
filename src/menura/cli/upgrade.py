"""``menura upgrade``: a run of an older format, brought to today's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from menura.cli.output import JsonFlag, console, emit_json

__all__ = ["upgrade"]


def _on_this_disk(run: Path) -> Path:
    from menura.errors import ConfigError
    from menura.objects.address import is_address, place_of

    if is_address(run):
        raise ConfigError(
            f"{place_of(run)} is on object storage, where no run is of an older format; give a folder of this machine"
        )
    return run


def upgrade(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", callback=_on_this_disk, help="Folder that `menura augment` made.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Example: menura upgrade runs/first

    A run of an older format opens in every command as it is; only to go on with it by `menura augment`, its files must
    be in today's. This writes run.json, and judgements.parquet where its columns have changed; audio, plans and shards
    stay. The old files are kept in RUN/before-upgrade. Run it again after a stop.
    """
    from menura.pipeline.upgrade import upgrade_run

    done = upgrade_run(run.absolute())
    if as_json:
        emit_json({**asdict(done), "kept": None if done.kept is None else str(done.kept)})
        return
    out = console()
    if done.kept is None:
        out.print(f"{run} is of format {done.now} already; nothing was changed", markup=False)
        return
    out.print(f"{run}: format {done.was} → {done.now}; written anew: {', '.join(done.files)}", markup=False)
    out.print(f"the old files are in {done.kept}", markup=False)
