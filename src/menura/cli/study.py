"""``menura study``: the papers' experiments."""

from __future__ import annotations

import typer

from menura.cli import align_study, probes, synth_studies, synthio_study
from menura.cli.bench import low_resource, noise, prompts

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
    ("noise", noise.noise, "Does a recogniser stand noise better when trained with synthetic noise?"),
    ("prompts", prompts.prompts, "Which prompts make clips that help, from which generator, and how many?"),
    ("distance", synth_studies.distance, "How far do synthetic sounds lie from real ones?"),
):
    app.command(_name, short_help=_does)(_command)
