"""``menura diffusion``: spectrogram-diffusion models of one's own clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from menura.cli.output import JsonFlag, console, emit_json, on_disk, resumable
from menura.cli.run_options import ConfigOption, DataArgument, TestFoldOption, read_settings, update_given

__all__ = ["app"]

app = typer.Typer(help="Diffusion models of the spectrograms of your own clips.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("train")
def train(
    data: DataArgument,
    out: Annotated[
        Path, typer.Option("-o", "--out", callback=on_disk, help="Folder for the model, its state and its log.")
    ],
    config: ConfigOption = None,
    test_fold: TestFoldOption = None,
    size: Annotated[
        str | None, typer.Option(help="tiny, small, or large for a graphics card [default: small].")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps [default: 20000].")] = None,
    batch: Annotated[int | None, typer.Option(help="Images in one step [default: 16].")] = None,
    sample_rate: Annotated[int | None, typer.Option(help="Rate of the images in Hz [default: 22050].")] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, or bfloat16: faster where the processor knows it [default: float32].")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is drawn [default: 0].")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    json: JsonFlag = False,
) -> None:
    """Example: menura diffusion train my_sounds/ -o models/mine --test-fold 5

    Trains a diffusion model on mel images of the training part, for the generator spectrogram-diffusion and the recipe
    interpolation. A file (-c) sets what has no option here. Run the same command again to go on after a stop.
    """
    from menura.config import settings_from
    from menura.pretrain.denoise import train_denoiser
    from menura.pretrain.denoiser_settings import DenoiserSettings
    from menura.pretrain.place import device_named

    values = read_settings(config) if config else {}
    asked = {
        "data": data, "test_fold": test_fold, "size": size, "steps": steps, "batch": batch, "sample_rate": sample_rate,
        "precision": precision, "seed": seed,
    }  # fmt: skip
    settings = settings_from(DenoiserSettings, update_given(values, asked), source=str(config or "command line"))
    place = device_named(device)
    with resumable(f"the last state is kept in {out}") as progress:
        path = train_denoiser(
            settings, out, device=place.device,
            progress=lambda _, done, total: progress("training", done, total),
        )  # fmt: skip
    if json:
        emit_json({"model": str(path), "settings": settings.model_dump(mode="json")})
    else:
        console().print(f"wrote {path}", markup=False, soft_wrap=True)
