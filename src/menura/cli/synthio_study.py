"""``menura study synthio``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from menura.cli.engine_options import HERE, AskedEngine, with_engine
from menura.cli.output import JsonFlag, on_disk, resumable
from menura.cli.run_options import (
    ClassifierOption,
    ConfigOption,
    DataArgument,
    DomainOption,
    EncoderOption,
    FoldsOption,
    MetricOption,
    TestFoldsOption,
    WorkersOption,
    read_settings,
    run_settings,
)
from menura.cli.study_files import finish

if TYPE_CHECKING:
    from menura.config import RunSettings
    from menura.studies.synthio_table import GridRow

__all__ = ["synthio"]

_VARIANTS = "synthio,template-captions,no-dpo,sft,no-mixcap,no-self-reflection,no-filter,resynth,resynth+synthio"
_TIMES = 2.0


@with_engine
def synthio(
    data: DataArgument,
    out: Annotated[
        Path, typer.Option("-o", "--out", callback=on_disk, help="Folder for runs, adapters, cells, plots and tables.")
    ],
    generator: Annotated[
        str | None,
        typer.Option(
            help="Text-to-audio generator that can be trained, as NAME or NAME:PATH, unless the file says it."
        ),
    ] = None,
    real_per_label: Annotated[int, typer.Option(min=1, help="Real training clips of each label.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions; more may be added later.")] = 3,
    times: Annotated[
        float | None, typer.Option(help="Synthetic clips for each real one. Default: 2, or as the file says.")
    ] = None,
    variants: Annotated[str, typer.Option(help="Which, with commas between; more may be added later.")] = _VARIANTS,
    baselines: Annotated[str, typer.Option(help="Real clips alone: how.")] = "real,oversample,classic",
    folds: FoldsOption = None,
    test_folds: TestFoldsOption = None,
    classifier: ClassifierOption = "linear",
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps of every classifier.")] = 1000,
    align_steps: Annotated[
        int | None, typer.Option(min=1, help="Optimiser steps of each alignment. Default: as `menura align`.")
    ] = None,
    metric: MetricOption = None,
    domain: DomainOption = None,
    encoder: EncoderOption = None,
    config: ConfigOption = None,
    workers: WorkersOption = None,
    made_by: AskedEngine = HERE,
    json: JsonFlag = False,
) -> None:
    """Example: menura study synthio ESC10 -o studies/esc10 --generator menura-mini:mini/ --seeds 3

    The recipe `synthio` against what is left of it without each of its parts, against resynthesis, against both mixed,
    and against real clips alone: each at as many clips, paired by fold and seed. A file (-c) sets the rest of the runs,
    as for `menura augment`. Run it again to go on after a stop, or to add variants, seeds or folds.
    """
    from menura import datasets
    from menura.cli.downloads import announce_downloads
    from menura.report.figures import IntervalPanel, intervals
    from menura.studies.synthio_grid import GridSettings, synthio_grid
    from menura.studies.synthio_table import grid_notes, grid_rows
    from menura.studies.verdict import METRIC_NAMES

    asked = GridSettings(
        _runs(config, generator=generator, times=times, domain=domain, encoder=encoder, align_steps=align_steps),
        variants=_names(variants),
        baselines=_names(baselines),
        seeds=seeds,
        real_per_label=real_per_label,
        folds=int(folds) if folds is not None and folds.isdecimal() else folds,
        test_folds=_names(test_folds or ""),
        classifier=classifier,
        steps=steps,
        metric=metric,
    )
    announce_downloads(asked.run)
    with (
        resumable(f"what is finished is kept in {out}", price=made_by.price) as progress,
        made_by.jobs(workers),
    ):
        dataset = datasets.load(data, progress=progress)
        grid = synthio_grid(dataset, asked, out, workers=workers, progress=progress)
    rows = grid_rows(grid)
    name = METRIC_NAMES[grid.table.metric]
    panels = [
        IntervalPanel(name, [row.value for row in rows], [row.interval for row in rows]),
        IntervalPanel(
            f"over {grid.table.best_baseline}", [row.gain_best for row in rows],
            [row.gain_best_interval for row in rows], floor=0.0,
        ),
        IntervalPanel(
            "over synthio", [row.gain_full for row in rows], [row.gain_full_interval for row in rows], floor=0.0
        ),
    ]  # fmt: skip
    finish(
        out, "synthio", {"": intervals([row.method for row in rows], panels)}, rows, [],
        about={
            "dataset": dataset.name, "metric": grid.table.metric, "classifier": classifier, "steps": steps,
            "folds": [split.name for split in grid.table.splits], "folds_from": grid.how, "seeds": seeds,
            "real_per_label": real_per_label, "times": grid.times, "best_baseline": grid.table.best_baseline,
            "run": asked.run.model_dump(mode="json"),
            "rounds": {method: [_flat(one) for one in facts.rounds] for method, facts in grid.facts.items()},
            "cells": {
                method: [[cell.value(grid.table.metric) for cell in row] for row in cells]
                for method, cells in grid.table.cells.items()
            },
        },
        notes=grid_notes(grid, rows), json=json, shown=[_shown(row, name, grid.table.best_baseline) for row in rows],
    )  # fmt: skip


def _runs(
    config: Path | None,
    *,
    generator: str | None,
    times: float | None,
    domain: str | None,
    encoder: str | None,
    align_steps: int | None,
) -> RunSettings:
    """Settings of the whole method: the file first, then what was given on the command line."""
    values = read_settings(config) if config else {}
    if times is None and "amount" not in values:
        times = _TIMES
    settings = run_settings(
        config=config, times=times, per_label=None, balance=False, recipe="synthio", generator=generator, domain=domain,
        preserve=None, delta=None, encoder=encoder, seed=None, rounds=None,
    )  # fmt: skip
    settings = settings.model_copy(update={"generator": settings.generator.with_absolute_paths()})
    if align_steps is None:
        return settings
    return settings.model_copy(update={"synthio": settings.synthio.model_copy(update={"align_steps": align_steps})})


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _flat(record: object) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(record)  # type: ignore[call-overload,no-any-return]


def _shown(row: GridRow, metric: str, best: str) -> dict[str, object]:
    """A row of the printed table, in percent and points."""
    from menura.studies.verdict import points, span

    return {
        "method": row.method,
        "clips": f"{row.kept:.0f} of {row.asked:.0f}" if row.asked else "",
        "passed": row.passed,
        metric: f"{100 * row.value:.1f}",
        f"over {best} (95 %)": f"{points(row.gain_best)} ({span(row.gain_best_interval)})",
        "over synthio (95 %)": f"{points(row.gain_full)} ({span(row.gain_full_interval)})",
        "KAD": "" if row.kad is None else f"{row.kad:.2f}",
        "Vendi": "" if row.vendi is None else f"{row.vendi:.2f}",
    }
