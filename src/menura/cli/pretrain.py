"""``menura pretrain``: an encoder from synthetic sound alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from menura.cli.output import JsonFlag, console, emit_json, progress_bar

__all__ = ["pretrain"]


def pretrain(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for state, log and the encoder.")],
    voice: Annotated[str, typer.Option(help="voice, voice_fm, parametric or scene.")] = "voice",
    delta: Annotated[float, typer.Option(min=0, max=1, help="How far the two sounds of a pair lie apart.")] = 0.1,
    objective: Annotated[str, typer.Option(help="nt_xent or align_uniform.")] = "nt_xent",
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps.")] = 3000,
    pairs: Annotated[int, typer.Option(min=2, help="Pairs in one step.")] = 128,
    echoes: Annotated[int, typer.Option(min=1, help="How often a rendered pair is heard, changed anew each time.")] = 2,
    precision: Annotated[
        str, typer.Option(help="float32, or bfloat16: faster where the processor knows it.")
    ] = "float32",
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Processes that render ahead.")] = 1,
    json: JsonFlag = False,
) -> None:
    """Example: menura pretrain -o encoders/first --steps 3000

    Trains an encoder to tell doppelganger pairs of synthetic sounds from all other sounds. No recording is used. Run
    the same command again to go on after a stop.
    """
    from menura.config import settings_from
    from menura.pretrain.settings import PretrainSettings
    from menura.pretrain.train import pretrain as train

    asked = {
        "voice": voice, "delta": delta, "objective": objective, "steps": steps, "pairs": pairs, "echoes": echoes,
        "precision": precision, "seed": seed,
    }  # fmt: skip
    settings = settings_from(PretrainSettings, asked, source="command line")
    try:
        with progress_bar() as progress:
            path = train(
                settings, out, workers=workers, progress=lambda _, done, total: progress("training", done, total)
            )
    except KeyboardInterrupt:
        sys.stderr.write(f"stopped; the last state is kept in {out}: run the same command again to go on\n")
        raise typer.Exit(130) from None
    if json:
        emit_json({"encoder": str(path), "settings": settings.model_dump(mode="json")})
    else:
        console().print(f"wrote {path}", markup=False, soft_wrap=True)
