"""``menura align``: a text-to-audio model taught by preference, from one's own clips."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from menura.cli.engine_options import HERE, AskedEngine, ProcessesOption, with_engine
from menura.cli.output import JsonFlag, console, emit_json, on_disk, resumable
from menura.cli.run_options import (
    ConfigOption,
    DataArgument,
    DomainOption,
    PromptsOption,
    TestFoldOption,
    read_settings,
    table_of,
    update_given,
)

if TYPE_CHECKING:
    from menura.align.estimate import AlignEstimate
    from menura.align.train import Aligned

__all__ = ["align"]


@with_engine
def align(
    data: DataArgument,
    out: Annotated[
        Path, typer.Option("-o", "--out", callback=on_disk, metavar="ADAPTER", help="Folder for the adapter.")
    ],
    generator: Annotated[
        str | None, typer.Option(help="Text-to-audio generator NAME or NAME:PATH, see `menura list generators`.")
    ] = None,
    test_fold: TestFoldOption = None,
    pairs: Annotated[
        str | None, typer.Option(help="real, ranked or decided: what wins against what [default: real].")
    ] = None,
    objective: Annotated[str | None, typer.Option(help="dpo, or sft: plain fine-tuning [default: dpo].")] = None,
    losers: Annotated[int | None, typer.Option(help="Generated clips for each real one [default: 2].")] = None,
    rounds: Annotated[int | None, typer.Option(help="How often pairs are made anew [default: 1].")] = None,
    reward: Annotated[str | None, typer.Option(help="Of pairs `ranked`: label, kad or coverage.")] = None,
    decisions: Annotated[
        str | None, typer.Option(help="Of pairs `decided`: JSON lines of decisions, or a finished run.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps [default: 1000].")] = None,
    batch: Annotated[int | None, typer.Option(help="Pairs at once [default: 4].")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of AdamW [default: 1e-4].")] = None,
    beta: Annotated[float | None, typer.Option(help="Pull towards the model as it was [default: 2000].")] = None,
    anchor: Annotated[float | None, typer.Option(help="Weight of the winner's own error [default: 1].")] = None,
    adapter: Annotated[str | None, typer.Option(help="lora or prefix [default: lora].")] = None,
    rank: Annotated[int | None, typer.Option(help="Of LoRA, or number of prefix tokens [default: 16].")] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or bfloat16 [default: float32].")] = None,
    check_every: Annotated[int | None, typer.Option(help="Steps between two checks [default: 100].")] = None,
    prompts: PromptsOption = None,
    domain: DomainOption = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is drawn [default: 0].")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, … [default: what there is].")] = None,
    config: ConfigOption = None,
    processes: ProcessesOption = None,
    made_by: AskedEngine = HERE,
    accelerate: Annotated[
        bool, typer.Option("--accelerate", help="One of several processes of `accelerate launch`; needs menura[gpus].")
    ] = False,
    estimate_only: Annotated[bool, typer.Option("--estimate", help="Say what it will cost, and end.")] = False,
    no_estimate: Annotated[bool, typer.Option("--no-estimate", help="Begin at once.")] = False,
    json: JsonFlag = False,
) -> None:
    """Example: menura align my_sounds/ --generator stable-audio:models/sao -o adapters/mine --test-fold 5

    Trains an adapter of a text-to-audio model on the training part of DATA: it learns to prefer your recordings to what
    it generates itself for the same prompts. A file (-c) sets what has no option here. Run the same command again to go
    on after a stop; use it with `model.adapter` of the generator.
    """
    from menura.align.settings import AlignSettings
    from menura.config import settings_from
    from menura.datasets import load
    from menura.errors import ConfigError
    from menura.pipeline.launch import launch
    from menura.pretrain.place import HERE, accelerated
    from menura.recipes.alignment import align as train
    from menura.recipes.alignment import estimate_alignment

    place = accelerated() if accelerate else HERE
    values = read_settings(config) if config else {}
    asked = {
        "pairs": pairs, "objective": objective, "losers": losers, "rounds": rounds, "reward": reward,
        "decisions": decisions, "steps": steps, "batch": batch, "learning_rate": learning_rate, "beta": beta,
        "anchor": anchor, "adapter": adapter, "rank": rank, "precision": precision, "check_every": check_every,
        "seed": seed, "processes": processes or (place.processes if accelerate else None),
    }  # fmt: skip
    update_given(values, asked)
    _nested(values, config, generator=generator, domain=domain, device=device, prompts=prompts)
    if not values.get("generator"):
        raise ConfigError("no generator is named; give --generator NAME:PATH, e.g. audioldm2 or menura-mini:FOLDER")
    settings = settings_from(AlignSettings, values, source=str(config or "command line"))
    kept = f"the last check is kept in {out}"
    with resumable(kept, price=made_by.price) as progress:
        dataset = load(data, test_fold=test_fold, progress=progress)
        training = dataset.train
        begun = (out / ".work").is_dir() or (out / "README.md").is_file()
        if estimate_only or (place.writes and not begun and not no_estimate):
            cost = estimate_alignment(training, settings, out=out)
            _say_cost(cost, json=json and estimate_only)
        if estimate_only:
            return
        others = {clip.id for clip in dataset.clips} - set(training.by_id)
        work = partial(train, training, settings, out=out.absolute(), held_out=others)
        if not made_by.launches(settings.processes, accelerate=accelerate):
            aligned = work(place=place, progress=progress)
        else:
            aligned = launch(
                work, processes=settings.processes, engine=made_by.settings(), progress=progress, kept=kept
            )
    if place.writes:
        _say(aligned, json=json, held_out=bool(dataset.test))


def _nested(
    values: dict[str, Any],
    source: Path | None,
    *,
    generator: str | None,
    domain: str | None,
    device: str | None,
    prompts: str | None,
) -> None:
    """Puts options into the tables that they belong to."""
    made_with = update_given(table_of(values, "generator", source), {"name": generator, "domain": domain})
    if device is not None:
        made_with["model"] = {**table_of(made_with, "model", source), "device": device}
    if made_with:
        values["generator"] = made_with
    if prompts is not None:
        values["prompts"] = {"negative": False, **table_of(values, "prompts", source), "style": prompts}


def _say_cost(cost: AlignEstimate, *, json: bool) -> None:
    from dataclasses import asdict

    if json:
        emit_json(asdict(cost))
        return
    shown = console(stderr=True)
    shown.print(
        f"{cost.trained / 1e6:.2f} M of {cost.parameters / 1e6:.1f} M parameters learn; about "
        f"{cost.memory_bytes / 1e9:.2f} GB for the denoiser in training (the rest of the model, and one more of it "
        "while a check generates, on top)",
        soft_wrap=True,
    )
    shown.print(
        f"{cost.clips} clips to generate at {cost.clip_s:.2g} s, steps at {cost.step_s:.2g} s: about "
        f"{cost.wall_s / 60:.1f} minutes; {cost.num_bytes / 1e6:.0f} MB on disk",
        soft_wrap=True,
    )


def _say(aligned: Aligned, *, json: bool, held_out: bool) -> None:
    from dataclasses import asdict

    first = aligned.entries[0].check
    kept = next(entry.check for entry in aligned.entries if entry.check.step == aligned.kept_step)
    if json:
        emit_json(
            {
                "adapter": str(aligned.path), "kept_step": aligned.kept_step, "helped": aligned.helped,
                "reason": aligned.reason, "checks": [asdict(entry) for entry in aligned.entries],
            }
        )  # fmt: skip
        return
    shown = console()
    for entry in aligned.entries:
        for word in entry.words:
            shown.print(f"step {entry.check.step}: {word}", markup=False, soft_wrap=True)
    shown.print(f"ended: {aligned.reason}", markup=False, soft_wrap=True)
    shown.print(
        f"{aligned.path}: weights of step {kept.step}; KAD to the validation clips {first.kad:.3f} → {kept.kad:.3f}",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    if not aligned.helped:
        shown.print("It did not help: generate without it.", markup=False)
    if not held_out:
        shown.print(
            "No clip was held out: give --test-fold, or nobody can tell later whether it helped.", soft_wrap=True
        )
