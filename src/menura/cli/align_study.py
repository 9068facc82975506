"""``menura study alignment``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from menura.cli.engine_options import HERE, AskedEngine, with_engine
from menura.cli.output import JsonFlag, on_disk, resumable
from menura.cli.run_options import ConfigOption, read_settings
from menura.cli.study_files import finish

if TYPE_CHECKING:
    from menura.studies.alignment_table import AlignmentRow

__all__ = ["alignment"]


@with_engine
def alignment(
    out: Annotated[
        Path, typer.Option("-o", "--out", callback=on_disk, help="Folder for worlds, adapters, plots and tables.")
    ],
    generator: Annotated[
        str, typer.Option(help="Text-to-audio generator as NAME or NAME:PATH; it works from prompts alone.")
    ] = "menura-mini",
    shift: Annotated[str, typer.Option(help="The goal: room, microphone, pitch, noise or all.")] = "room",
    strength: Annotated[float, typer.Option(help="Share of the shift, in [0, 1].")] = 1.0,
    methods: Annotated[str, typer.Option(help="unaligned, sft, dpo and crpo, with commas between.")] = (
        "unaligned,sft,dpo"
    ),
    seeds: Annotated[int, typer.Option(min=1, help="Worlds; each has its own training and test clips.")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps of each training.")] = 500,
    per_label: Annotated[int, typer.Option(help="Training clips of each of the ten labels.")] = 5,
    test_per_label: Annotated[int, typer.Option(help="Held-out clips of each label.")] = 50,
    generated_per_label: Annotated[int, typer.Option(help="Clips that each method makes of each label.")] = 20,
    reference_per_label: Annotated[int, typer.Option(help="Clips of each label and world that teach the truth.")] = 60,
    duration_s: Annotated[float, typer.Option(help="Length of a clip in seconds.")] = 2.0,
    adapters: Annotated[
        str | None, typer.Option(help="Take adapters that are there: a folder with {method} and {seed} in its name.")
    ] = None,
    config: ConfigOption = None,
    seed: Annotated[int, typer.Option(help="Of the first world.")] = 0,
    at_once: Annotated[
        int | None,
        typer.Option(min=1, help="Worlds at the same time. Default: 1 here, what the cluster has room for with ray."),
    ] = None,
    made_by: AskedEngine = HERE,
    json: JsonFlag = False,
) -> None:
    """Example: menura study alignment -o studies/room --generator menura-mini:mini/ --shift room --seeds 3

    Aligns a generator to a shifted world whose truth is known, and measures what came of it on held-out clips:
    nearness, labels, variety, copies, and what a classifier learns. A file (-c) sets what has no option of the
    trainings. Run it again to go on after a stop.
    """
    from menura.config import GeneratorSettings
    from menura.report.figures import IntervalPanel, intervals
    from menura.studies.aligners import adapters_named, align_by_recipe
    from menura.studies.alignment import AlignmentSettings, alignment_cells
    from menura.studies.alignment_table import MEASURES, alignment_rows, verdict
    from menura.studies.shifted_world import WorldSettings

    settings = AlignmentSettings(
        GeneratorSettings(name=generator).with_absolute_paths(),
        WorldSettings(shift, strength, per_label, 0, test_per_label, duration_s, seed=seed),
        methods=tuple(name.strip() for name in methods.split(",") if name.strip()),
        seeds=seeds,
        steps=steps,
        generated_per_label=generated_per_label,
        reference_per_label=reference_per_label,
        training=read_settings(config) if config else {},
    )
    align = adapters_named(adapters) if adapters else align_by_recipe
    kept = f"what is finished is kept in {out}"
    with resumable(kept, price=made_by.price) as progress, made_by.jobs(at_once):
        cells = alignment_cells(settings, out, align=align, at_once=at_once, progress=progress)
    rows = alignment_rows(cells)
    names = list(dict.fromkeys(row.method for row in rows))
    drawn = [measure for measure in MEASURES if measure.name in ("kad", "agreement", "vendi", "accuracy")]
    panels = [
        IntervalPanel(measure.title, [row.value for row in found], [row.interval for row in found])
        for measure in drawn
        for found in ([row for row in rows if row.measure == measure.name],)
    ]
    finish(
        out, "alignment", {"": intervals(names, panels)}, rows, [],
        about={"settings": settings.identity, "seeds": seeds, "cells": [_flat(cell) for cell in cells]},
        notes=verdict(cells), json=json, shown=_shown(rows),
    )  # fmt: skip


def _flat(cell: object) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(cell)  # type: ignore[call-overload,no-any-return]


def _shown(rows: tuple[AlignmentRow, ...]) -> list[dict[str, object]]:
    """A row for each measure, so that the table fits a terminal."""
    from menura.studies.alignment_table import MEASURES

    return [
        {"measure": measure.title} | {row.method: row.value for row in rows if row.measure == measure.name}
        for measure in MEASURES
    ]
