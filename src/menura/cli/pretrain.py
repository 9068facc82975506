"""``menura pretrain``: an encoder from synthetic sound alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from menura.cli.engine_options import HERE, AskedEngine, ProcessesOption, with_engine
from menura.cli.output import JsonFlag, console, emit_json, on_disk, resumable
from menura.cli.run_options import ConfigOption, read_settings, update_given

__all__ = ["pretrain"]


@with_engine
def pretrain(
    out: Annotated[Path, typer.Option("-o", "--out", callback=on_disk, help="Folder for state, log and the encoder.")],
    config: ConfigOption = None,
    voice: Annotated[
        str | None, typer.Option(help="voice, voice_fm, parametric or scene [default: scene].", show_default=False)
    ] = None,
    delta: Annotated[float | None, typer.Option(help="How far the two of a pair lie apart [default: 0.1].")] = None,
    objective: Annotated[
        str | None, typer.Option(help="nt_xent, align_uniform, masked, or nt_xent+masked [default: nt_xent].")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps [default: 3000].")] = None,
    pairs: Annotated[int | None, typer.Option(help="Pairs in one step [default: 128].")] = None,
    echoes: Annotated[
        int | None, typer.Option(help="How often a rendered pair is heard, changed anew each time [default: 2].")
    ] = None,
    views: Annotated[
        str | None,
        typer.Option(help="recordings, none, masking, spec_augment or chain [default: recordings]."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Real recordings to take the pairs from instead, for comparison.")
    ] = None,
    positives: Annotated[
        str | None, typer.Option(help="Of real recordings, what makes a pair: crop, jitter or mixture.")
    ] = None,
    network: Annotated[str | None, typer.Option(help="separable or resnet18 [default: separable].")] = None,
    front_end: Annotated[str | None, typer.Option(help="levels or vggish [default: levels].")] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, or bfloat16: faster where the processor knows it [default: float32].")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is drawn [default: 0].")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that render ahead.")] = 1,
    device: Annotated[str, typer.Option(help="cpu, or cuda: it renders, too.")] = "cpu",
    processes: ProcessesOption = None,
    made_by: AskedEngine = HERE,
    accelerate: Annotated[
        bool, typer.Option("--accelerate", help="One of several processes of `accelerate launch`; needs menura[gpus].")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Example: menura pretrain -o encoders/first --steps 3000

    Trains an encoder to tell doppelganger pairs of synthetic sounds from all other sounds. No recording is used. A
    file (-c) sets what has no option here, such as optimiser and schedule. Run the same command again to go on after a
    stop.
    """
    from menura.config import settings_from
    from menura.pipeline.launch import launch
    from menura.pretrain.place import accelerated, device_named
    from menura.pretrain.settings import PretrainSettings
    from menura.pretrain.train import ENCODER
    from menura.pretrain.train import pretrain as train

    place = accelerated() if accelerate else device_named(device)
    values = read_settings(config) if config else {}
    asked = {
        "voice": voice, "delta": delta, "objective": objective, "steps": steps, "pairs": pairs, "echoes": echoes,
        "views": views, "data": data, "positives": positives, "network": network, "front_end": front_end,
        "precision": precision, "seed": seed, "processes": processes or (place.processes if accelerate else None),
    }  # fmt: skip
    settings = settings_from(PretrainSettings, update_given(values, asked), source=str(config or "command line"))
    kept, path = f"the last state is kept in {out}", out / ENCODER
    with resumable(kept, price=made_by.price) as progress:
        training = partial(train, settings, out.absolute(), workers=workers)

        def report(_: str, done: int, total: int) -> None:
            progress("training", done, total)

        if not made_by.launches(settings.processes, accelerate=accelerate):
            training(place=place, progress=report)
        else:
            launch(training, processes=settings.processes, engine=made_by.settings(), progress=report, kept=kept)
    if not place.writes:
        return
    if json:
        emit_json({"encoder": str(path), "settings": settings.model_dump(mode="json")})
    else:
        console().print(f"wrote {path}", markup=False, soft_wrap=True)
