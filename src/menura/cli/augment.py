"""``menura augment``: the main job."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from menura.cli import run_options as options
from menura.cli.allocation import allocation_json, print_allocation
from menura.cli.downloads import announce_downloads
from menura.cli.engine_options import HERE, AskedEngine, with_engine
from menura.cli.output import JsonFlag, console, emit_json, finding_json, finding_text, resumable

if TYPE_CHECKING:
    from menura.datasets import Dataset
    from menura.pipeline.decide import RoundRate
    from menura.pipeline.run import Run

__all__ = ["augment"]


@with_engine
def augment(
    data: options.DataArgument,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="RUN", help="Folder of the run, or s3://BUCKET/FOLDER.")],
    times: options.TimesOption = None,
    per_label: options.PerLabelOption = None,
    balance: options.BalanceOption = False,
    allocate: options.AllocateOption = None,
    allocation_rounds: options.AllocationRoundsOption = None,
    test_fold: options.TestFoldOption = None,
    recipe: options.RecipeOption = None,
    generator: options.GeneratorOption = None,
    domain: options.DomainOption = None,
    preserve: options.PreserveOption = None,
    delta: options.DeltaOption = None,
    prompts: options.PromptsOption = None,
    strength: options.StrengthOption = None,
    llm_url: options.LanguageUrlOption = None,
    llm_model: options.LanguageModelOption = None,
    encoder: options.EncoderOption = None,
    text_model: options.TextModelOption = None,
    align: options.AlignOption = None,
    template_captions: options.TemplateCaptionsOption = False,
    no_mixcap: options.NoMixcapOption = False,
    no_self_reflection: options.NoSelfReflectionOption = False,
    no_filter: options.NoFilterOption = False,
    seed: options.SeedOption = None,
    rounds: options.RoundsOption = None,
    licence: options.LicenceOption = None,
    workers: options.WorkersOption = None,
    made_by: AskedEngine = HERE,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the run in RUN and start anew.")] = False,
    config: options.ConfigOption = None,
    json: JsonFlag = False,
) -> None:
    """Example: menura augment my_sounds/ -o runs/first --times 3 --test-fold 5

    Makes synthetic clips from the training part of DATA, keeps those that the judges pass, and exports them to
    RUN/dataset. Run it again to go on after a stop.
    """
    from menura.datasets import load
    from menura.objects.address import place_of
    from menura.recipes.augment import augment as make_run

    place = place_of(out)
    settings = options.run_settings(
        config=config, times=times, per_label=per_label, balance=balance, recipe=recipe, generator=generator,
        domain=domain, preserve=preserve, delta=delta, encoder=encoder, seed=seed, rounds=rounds,
        prompts=prompts, strength=strength, llm_url=llm_url, llm_model=llm_model, licence=licence,
        text_model=text_model, allocate=allocate, allocation_rounds=allocation_rounds,
        align=align, template_captions=template_captions, no_mixcap=no_mixcap,
        no_self_reflection=no_self_reflection, no_filter=no_filter,
    )  # fmt: skip
    announce_downloads(settings)
    with resumable(f"everything finished so far is kept in {place}", price=made_by.price) as progress:
        dataset = load(data, test_fold=test_fold, progress=progress)
        run = make_run(
            dataset.train,
            out=place,
            settings=settings,
            workers=workers,
            fresh=fresh,
            engine=made_by.settings(),
            progress=progress,
        )
    if json:
        emit_json(_as_json(dataset, run))
    else:
        _print(dataset, run)


def _as_json(dataset: Dataset, run: Run) -> dict[str, Any]:
    from menura.pipeline.decide import all_labels

    real, rounds = run.training.counts(), run.round_rates()
    return {
        "run": run.address,
        "dataset": dataset.name,
        "layout": dataset.layout,
        "held_out": len(dataset.test),
        "fingerprint": run.identity.fingerprint,
        "labels": [
            {
                "label": label, "real": real.get(label, 0), "target": rate.target, "planned": rate.planned,
                "made": rate.made, "passed": rate.passed, "kept": rate.kept, "keep_rate": rate.rate,
                "rounds": [_round_as_json(one) for one in rounds.get(label, ())],
            }
            for label, rate in run.keep_rates().items()
        ],
        "rounds": [_round_as_json(rate) for rate in all_labels(rounds)],
        "findings": [
            finding_json(finding) for finding in (*dataset.findings, *run.findings)
        ],
        **allocation_json(run),
        "clips": f"{run.address}/dataset",
        "next": f"menura evaluate {run.address}",
    }  # fmt: skip


def _round_as_json(rate: RoundRate) -> dict[str, Any]:
    return {**asdict(rate), "keep_rate": rate.rate}


def _print(dataset: Dataset, run: Run) -> None:
    from rich.table import Table

    out = console()
    out.print(dataset.layout, style="dim")
    real, rates = run.training.counts(), run.keep_rates()
    table = Table("label", box=None)
    for name in ("real", "wanted", "candidates", "passed", "keep-rate", "kept"):
        table.add_column(name, justify="right")
    for label, rate in rates.items():
        share = "–" if rate.rate is None else f"{rate.rate:.0%}"
        style = "bold red" if rate.kept == 0 < rate.target else "yellow" if rate.kept < rate.target else None
        cells = (real.get(label, 0), rate.target, rate.planned, rate.passed, share, rate.kept)
        table.add_row(label, *map(str, cells), style=style)
    out.print(table)
    print_allocation(run, out)
    _print_rounds(run)
    for finding in (*dataset.findings, *run.findings):
        out.print(finding_text(finding))
    kept = sum(rate.kept for rate in rates.values())
    out.print(f"{kept} synthetic clips in {run.address}/dataset", markup=False, soft_wrap=True)
    if dataset.test:
        out.print(f"next: menura evaluate {run.address}", markup=False, soft_wrap=True)
    else:
        out.print("next: give --test-fold or a split column, so that `menura evaluate` has real clips to test on")


def _print_rounds(run: Run) -> None:
    """What each round brought, where there were several."""
    from rich.table import Table

    from menura.pipeline.decide import all_labels

    rates = all_labels(run.round_rates())
    if len(rates) < 2:
        return
    table = Table("round", box=None)
    for name in ("candidates", "passed", "keep-rate", "kept"):
        table.add_column(name, justify="right")
    for rate in rates:
        share = "–" if rate.rate is None else f"{rate.rate:.0%}"
        table.add_row(str(rate.round or "first"), str(rate.planned), str(rate.passed), share, str(rate.kept))
    console().print(table)
