"""``menura export``: the kept clips in another form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from menura.cli.output import JsonFlag, console, emit_json, on_disk

__all__ = ["export"]


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", callback=on_disk, help="Folder to write, or file for csv; must not exist.")
    ],
    to: Annotated[str, typer.Option("--to", help="audiofolder, webdataset or csv.")] = "audiofolder",
    include_real: Annotated[bool, typer.Option("--include-real", help="Add the real training clips.")] = False,
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="As `menura review` left it: rejected clips out, relabelled ones moved.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Example: menura export runs/first --to webdataset -o exported/

    Writes the kept clips in another form. RUN/dataset is an audiofolder already, of the synthetic clips alone.
    """
    from menura.pipeline.formats import ExportFormat, export_run
    from menura.pipeline.plan import real_clips
    from menura.pipeline.reviewed import read_reviewed
    from menura.pipeline.run import Run

    opened = Run.open(run)
    said = read_reviewed(opened) if reviewed else None
    written = export_run(opened, to=cast(ExportFormat, to), out=out, include_real=include_real, reviewed=said)
    synthetic = sum(rate.kept for rate in opened.keep_rates().values())
    if said is not None:
        synthetic = sum(1 for _ in said.records(opened))
    real = len(real_clips(opened.training)) if include_real else 0
    if json:
        disputed = {} if said is None else {"disputed": said.disputed}
        emit_json({"to": to, "path": str(written), "synthetic": synthetic, "real": real, **disputed})
    else:
        console().print(f"{synthetic} synthetic and {real} real clips in {written}", markup=False, soft_wrap=True)
        if said is not None and said.disputed:
            console().print(f"{said.disputed} clips are left out: reviewers disagree about them.")
