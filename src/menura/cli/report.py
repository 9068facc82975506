"""``menura report``: one HTML file about a run or a study, or about several beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from menura.cli.output import JsonFlag, console, emit_json, on_disk
from menura.cli.terminal import visible

__all__ = ["report"]

_COMPARISON = "compare.html"


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_OR_STUDY...",
            help="A run, a folder of `menura evaluate` or `menura study`; several are compared.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", callback=on_disk, metavar="FILE",
            help="Where to write; default RUN/report.html, STUDY/NAME.html, or compare.html here.",
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            "--figures", metavar="DIR",
            help="Also write every chart as SVG and CSV there, and the methods paragraph with its references.",
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:  # fmt: skip
    """Example: menura report runs/first

    Write one HTML file with the verdict, plots, tables, spectrograms and players. It opens offline, on any machine.
    An `audit.json` in RUN (from `menura audit DATA --json`) is shown too. Of a study, its page is made anew from its
    files. Several folders (menura report A B -o compare.html) are compared: gains on one scale, the settings that
    differ, and a warning where they were not tested on the same clips; the numbers lie beside it as JSON and CSV.
    """
    from menura.errors import ConfigError
    from menura.pipeline.reading import here, send_back

    runs = [here(run) for run in runs]
    if len(runs) > 1:
        if figures is not None:
            raise ConfigError("--figures is for one run or study; a comparison leaves its numbers as JSON and CSV")
        made = [_comparison(runs, out or Path(_COMPARISON))]
    elif studies := _studies(runs[0]):
        if out is not None and len(studies) > 1:
            names = ", ".join(path.name for path in studies)
            raise ConfigError(f"{runs[0]} holds {len(studies)} studies ({names}); name one of the files with -o")
        several = figures is not None and len(studies) > 1
        made = [_study(path, out, figures / path.stem if figures and several else figures) for path in studies]
    else:
        made = [_run(runs[0], out, figures)]
        send_back(runs[0])
    if json:
        emit_json(made[0] if len(made) == 1 else {"reports": made})
        return
    for one in made:
        console(stderr=True).print(f"Open it in a browser ({one['bytes'] / 1e6:.1f} MB):")
        typer.echo(visible(one["report"]))


def _studies(path: Path) -> list[Path]:
    """Files of the studies in a folder, or the one that was named; none where there is a run or an evaluation."""
    from menura.report.study import find_studies

    if path.is_file() and path.suffix == ".json" and path.name != "evaluation.json":
        return [path]
    if not path.is_dir() or any((path / name).is_file() for name in ("run.json", "evaluation.json")):
        return []
    return find_studies(path)


def _run(run: Path, out: Path | None, figures: Path | None) -> dict[str, Any]:
    from menura.report.build import write_run_report

    made = write_run_report(run, out, figures=figures)
    return _told(made.path, made.methods, made.figures)


def _study(path: Path, out: Path | None, figures: Path | None) -> dict[str, Any]:
    from menura.report.study_page import write_study_figures, write_study_report

    page = write_study_report(path, out)
    methods, files = write_study_figures(path, figures)
    return _told(page, methods, files)


def _comparison(runs: list[Path], out: Path) -> dict[str, Any]:
    from menura.report.comparison_page import write_comparison

    page, numbers, table = write_comparison(runs, out)
    return {"report": str(page), "bytes": page.stat().st_size, "json": str(numbers), "csv": str(table)}


def _told(page: Path, methods: Any, figures: tuple[Path, ...]) -> dict[str, Any]:
    said = {"methods": methods.text, "bibtex": dict(methods.bibtex)} if methods is not None else {}
    drawn = {"figures": [str(path) for path in figures]} if figures else {}
    return {"report": str(page), "bytes": page.stat().st_size, **said, **drawn}
