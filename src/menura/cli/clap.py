"""Fine-tuning a CLAP model on one's own clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from menura.cli.output import JsonFlag, console, emit_json, on_disk, progress_bar
from menura.cli.run_options import ConfigOption, DataArgument, DomainOption, TestFoldOption, read_settings, update_given

__all__ = ["finetune_clap"]


def finetune_clap(
    data: DataArgument,
    out: Annotated[
        Path, typer.Option("-o", "--out", callback=on_disk, metavar="DIR", help="New folder for the model.")
    ],
    model: Annotated[
        str | None, typer.Option(help="CLAP model to begin with: a folder, or owner/name on the Hub.")
    ] = None,
    test_fold: TestFoldOption = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps [default: 100].")] = None,
    batch: Annotated[int | None, typer.Option(help="Clips in each step [default: 8].")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of AdamW [default: 1e-5].")] = None,
    domain: DomainOption = None,
    cards: Annotated[str | None, typer.Option(help="TOML file of label cards [default: labels by rule].")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is drawn [default: 0].")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, … [default: what there is].")] = None,
    config: ConfigOption = None,
    json: JsonFlag = False,
) -> None:
    """Example: menura models finetune-clap my_sounds/ -o models/clap-mine --model models/clap --test-fold 5

    Trains a model of sounds and texts further, on the training part of DATA and the names of its labels. The folder
    remembers its clips: no judge is calibrated on them, and the arm zero-shot is not tested on them.
    """
    from menura.config import settings_from
    from menura.datasets import load
    from menura.recipes.clap_tuning import ClapTuningSettings, tune_clap

    asked = {
        "model": model, "steps": steps, "batch": batch, "learning_rate": learning_rate, "domain": domain,
        "cards": cards, "seed": seed, "device": device,
    }  # fmt: skip
    values = update_given(read_settings(config) if config else {}, asked)
    settings = settings_from(ClapTuningSettings, values, source=str(config or "command line"))
    with progress_bar() as progress:
        dataset = load(data, test_fold=test_fold, progress=progress)
        tuned = tune_clap(dataset.train, settings, out=out, progress=progress)
    first, last = tuned.losses[0], tuned.losses[-1]
    if json:
        told = {"model": str(tuned.path), "clips": tuned.num_clips, "texts": tuned.texts, "losses": list(tuned.losses)}
        emit_json(told)
        return
    shown = console()
    shown.print(f"{tuned.path}: {tuned.num_clips} clips, loss {first:.3f} → {last:.3f}", markup=False, soft_wrap=True)
    if dataset.test:
        shown.print(f"next: menura evaluate RUN --text-model {out}", markup=False, soft_wrap=True)
    else:
        shown.print("No clip was held out: give --test-fold, or nobody can tell later whether it helped.")
