"""``menura train-generator``: a small text-to-audio model of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from menura.cli.output import JsonFlag, console, emit_json, on_disk, resumable
from menura.cli.run_options import ConfigOption, DomainOption, TestFoldOption, read_settings, update_given

__all__ = ["train_generator"]


def train_generator(
    out: Annotated[
        Path, typer.Option("-o", "--out", callback=on_disk, help="Folder for the model, its state and its log.")
    ],
    config: ConfigOption = None,
    data: Annotated[
        str | None, typer.Option(help="Labelled recordings to hear beside the scenes: folder, manifest or name.")
    ] = None,
    test_fold: TestFoldOption = None,
    domain: DomainOption = None,
    start: Annotated[str | None, typer.Option(help="Folder of a trained model to go on from.")] = None,
    size: Annotated[
        str | None, typer.Option(help="tiny, small, or large for a graphics card [default: small].")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps [default: 6000].")] = None,
    batch: Annotated[int | None, typer.Option(help="Clips of two seconds in one step [default: 64].")] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, or bfloat16: faster where the processor knows it [default: float32].")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is drawn [default: 0].")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that render ahead.")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    json: JsonFlag = False,
) -> None:
    """Example: menura train-generator -o models/mini --steps 3000

    Trains menura-mini, a small text-to-audio model, on procedural scenes that tell their captions from their own
    parameters, and on your training clips where you name some. Use it with --generator menura-mini:models/mini. Run
    the same command again to go on after a stop.
    """
    from menura.config import Domain, settings_from
    from menura.errors import ConfigError
    from menura.pretrain.generator_settings import GeneratorTraining
    from menura.pretrain.place import device_named
    from menura.recipes.generator_training import make_generator

    values = read_settings(config) if config else {}
    asked = {
        "data": data, "test_fold": test_fold, "start": start, "size": size, "steps": steps, "batch": batch,
        "precision": precision, "seed": seed,
    }  # fmt: skip
    settings = settings_from(GeneratorTraining, update_given(values, asked), source=str(config or "command line"))
    known: dict[str, Domain] = {name: name for name in get_args(Domain)}
    if domain is not None and domain not in known:
        raise ConfigError(f"--domain {domain}: expected one of {', '.join(known)}")
    place = device_named(device)
    with resumable(f"the last state is kept in {out}") as progress:
        path = make_generator(
            settings, out, domain=known[domain or "environment"], device=place.device, workers=workers,
            progress=lambda _, done, total: progress("training", done, total),
        )  # fmt: skip
    if json:
        emit_json({"model": str(path), "settings": settings.model_dump(mode="json")})
    else:
        console().print(f"wrote {path}; use it with --generator menura-mini:{path}", markup=False, soft_wrap=True)
