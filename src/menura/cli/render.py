"""``menura render``: one clip again, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from menura.cli.output import JsonFlag, console, emit_json, on_disk

__all__ = ["render"]


def render(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    clip_id: Annotated[str, typer.Argument(metavar="CLIP_ID", help="Id, beginning of an id, or file name of a clip.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", callback=on_disk, help="Write the new file here, too.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Example: menura render runs/first 3f2a9c0b1d4e5f60

    Makes one clip again from its record alone and compares the bytes with the stored ones. Exits with 1 when they
    differ, and says how.
    """
    from menura.pipeline.render import render_again
    from menura.pipeline.run import Run

    found = render_again(Run.open(run), clip_id, out=out)
    request = found.record.request
    if json:
        emit_json(
            {
                "request_id": request.id, "clip_id": found.record.clip_id, "labels": list(request.labels),
                "parents": list(request.parents), "accepted": found.record.judgement.accepted,
                "equal": found.equal, "reason": found.reason,
            }
        )  # fmt: skip
    else:
        verdict = f"equal, all {len(found.data)} bytes" if found.equal else f"not equal: {found.reason}"
        console().print(f"{request.id} ({', '.join(request.labels)}): {verdict}", markup=False, soft_wrap=True)
    if not found.equal:
        raise typer.Exit(1)
