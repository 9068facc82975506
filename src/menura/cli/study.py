"""``menura study``: the papers' experiments."""

from __future__ import annotations

import typer

from menura.cli import align_study, probes, synth_studies, synthio_study
from menura.cli.bench import (
    ablation,
    delta,
    dose,
    interpolation,
    long_tail,
    low_resource,
    mixed,
    noise,
    prompts,
    replace_folds,
    transfer,
    zero_shot,
)

__all__ = ["app"]

app = typer.Typer(help="The papers' experiments, one command each.", no_args_is_help=True)

for _name, _command, _does in (
    ("probe", probes.probe, "What is a frozen encoder worth?"),
    ("tasks", probes.tasks, "Which downstream tasks are known?"),
    ("pair-similarity", synth_studies.pair_similarity, "How similar are the two sounds of a doppelganger pair?"),
    ("spectra", synth_studies.spectra, "What do the spectra of synthetic sounds lack?"),
    ("uncertainty", synth_studies.uncertainty, "How clear is the cause of a synthetic sound?"),
    ("sweep", synth_studies.sweep, "Which strength and which voice teach an encoder most?"),
    ("alignment", align_study.alignment, "Does alignment move a generator where it should?"),
    ("synthio", synthio_study.synthio, "What is each part of the recipe synthio worth?"),
    ("low-resource", low_resource.low_resource, "How much does each method help, by the number of real clips?"),
    ("ablation", ablation.ablation, "What is each part of a method worth?"),
    ("dose", dose.dose, "How does the gain grow with the number of synthetic clips?"),
    ("long-tail", long_tail.long_tail, "Which labels gain, and do the rare ones?"),
    ("zero-shot", zero_shot.zero_shot, "What does a classifier learn from synthetic clips alone?"),
    ("mixed", mixed.mixed, "How many real clips do synthetic ones save?"),
    ("replace", replace_folds.replace_folds, "What is lost when real folds are replaced by generated ones?"),
    ("delta", delta.delta, "How far may synthetic clips go from the recordings?"),
    ("transfer", transfer.transfer, "Which labels do synthetic clips serve?"),
    ("interpolation", interpolation.interpolation, "How much of the gain of clips between two was leakage?"),
    ("noise", noise.noise, "Does a recogniser stand noise better when trained with synthetic noise?"),
    ("prompts", prompts.prompts, "Which prompts make clips that help, from which generator, and how many?"),
    ("distance", synth_studies.distance, "How far do synthetic sounds lie from real ones?"),
):
    app.command(_name, short_help=_does)(_command)
