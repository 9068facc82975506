"""``menura plan``: what a run would make and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from menura.cli import run_options as options
from menura.cli.allocation import beforehand_json, beforehand_lines
from menura.cli.downloads import announce_downloads
from menura.cli.output import JsonFlag, console, emit_json, finding_json, finding_text, progress_bar

if TYPE_CHECKING:
    from menura.backends.language.costs import LanguageCosts
    from menura.datasets import Dataset
    from menura.pipeline.estimate import Estimate

__all__ = ["plan"]


def plan(
    data: options.DataArgument,
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
    config: options.ConfigOption = None,
    json: JsonFlag = False,
) -> None:
    """Example: menura plan my_sounds/ --times 3

    A dry run: clips for each label, seconds of audio, time, disk, licences. Makes a few clips for a few seconds to
    find out how fast this machine is, and keeps none of them.
    """
    from menura.datasets import load
    from menura.recipes.plan import plan_run

    settings = options.run_settings(
        config=config, times=times, per_label=per_label, balance=balance, recipe=recipe, generator=generator,
        domain=domain, preserve=preserve, delta=delta, encoder=encoder, seed=seed, rounds=rounds,
        prompts=prompts, strength=strength, llm_url=llm_url, llm_model=llm_model, licence=licence,
        text_model=text_model, allocate=allocate, allocation_rounds=allocation_rounds,
        align=align, template_captions=template_captions, no_mixcap=no_mixcap,
        no_self_reflection=no_self_reflection, no_filter=no_filter,
    )  # fmt: skip
    announce_downloads(settings)
    with progress_bar() as progress:
        dataset = load(data, test_fold=test_fold, progress=progress)
        found, language = plan_run(dataset.train, settings, workers=workers)
    if json:
        emit_json(_as_json(dataset, found, language) | beforehand_json(settings, found))
    else:
        _print(dataset, found, language)
        for line in beforehand_lines(settings, found):
            console().print(line, markup=False)


def _as_json(dataset: Dataset, found: Estimate, language: LanguageCosts) -> dict[str, Any]:
    return {
        "dataset": dataset.name,
        "layout": dataset.layout,
        "held_out": len(dataset.test),
        "labels": [
            {
                "label": label, "real": item.real, "target": item.target, "requests": item.requests,
                "audio_s": round(item.audio_s, 1),
            }
            for label, item in found.labels.items()
        ],
        "requests": found.requests,
        "audio_s": round(found.audio_s, 1),
        "sample_rate": found.sample_rate,
        "wall_s": round(found.wall_s, 1),
        "align_s": round(found.align_s, 1),
        "bytes": found.num_bytes,
        "workers": found.workers,
        "trials": found.trials,
        "licences": [{"licence": name, "clips": count} for name, count in sorted(found.licences.items(), key=str)],
        "use": list(found.use),
        "findings": [finding_json(finding) for finding in dataset.findings],
        "questions": language.questions,
        "calls": language.calls,
        "calls_if_rejected": language.later,
        "tokens": language.usage.tokens,
        "money": 0.0 if language.calls == 0 else language.money,
    }  # fmt: skip


def _print(dataset: Dataset, found: Estimate, language: LanguageCosts) -> None:
    from rich.table import Table

    out = console()
    out.print(dataset.layout, style="dim")
    table = Table("label", box=None)
    for name in ("real", "wanted", "candidates", "audio"):
        table.add_column(name, justify="right")
    for label, item in found.labels.items():
        table.add_row(label, str(item.real), str(item.target), str(item.requests), duration(item.audio_s))
    real = sum(item.real for item in found.labels.values())
    target = sum(item.target for item in found.labels.values())
    table.add_row("all", str(real), str(target), str(found.requests), duration(found.audio_s), style="bold")
    out.print(table)
    processes = "one process" if found.workers == 1 else f"{found.workers} processes"
    out.print(f"time     about {duration(found.wall_s)} with {processes} (measured on {found.trials} clips of yours)")
    if found.align_s:
        out.print(f"         {duration(found.align_s)} of it to align the generator to your clips before that")
    out.print(f"disk     about {found.num_bytes / 1e6:,.1f} MB, at {found.sample_rate} Hz")
    out.print(f"tokens   {language}" if language.calls else "tokens   none, money none: nothing leaves this machine")
    licences = ", ".join(f"{name or 'not stated'} ({count})" for name, count in sorted(found.licences.items(), key=str))
    out.print(f"licences {licences}")
    for line in found.use:
        out.print(f"         {line}", markup=False)
    for finding in dataset.findings:
        out.print(finding_text(finding))
    if not dataset.test:
        out.print("No clip is held out: give --test-fold, or a split column, to prove later whether it helped.")


def duration(seconds: float) -> str:
    """Seconds in words: ``45 s``, ``12 min``, ``3.5 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
