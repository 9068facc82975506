"""One HTML file about a run, an evaluation, or both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from menura.report.gather import gather
from menura.report.methods import Methods, methods_of
from menura.report.page import render_page
from menura.report.plots import write_plots
from menura.report.written import write_page

__all__ = ["REPORT_NAME", "RunReport", "write_report", "write_run_report"]

REPORT_NAME = "report.html"


@dataclass(frozen=True, slots=True)
class RunReport:
    """What was written.

    Attributes:
        path: The page.
        methods: What a paper says of it; None for a run that was not evaluated.
        figures: Files of the charts.
    """

    path: Path
    methods: Methods | None
    figures: tuple[Path, ...] = ()


def write_report(run_or_dir: str | Path, out: str | Path | None = None) -> Path:
    """Writes the report and returns its path. The file opens offline and loads nothing from anywhere.

    Args:
        run_or_dir: A run, or a folder with an ``evaluation.json``.
        out: Where to write; None writes ``report.html`` into ``run_or_dir``.

    Raises:
        RunError: There is nothing to report on, something is damaged, or the file cannot be written.

    Example:
        >>> write_report("runs/first")  # doctest: +SKIP
        PosixPath('runs/first/report.html')
    """
    return write_run_report(run_or_dir, out).path


def write_run_report(
    run_or_dir: str | Path, out: str | Path | None = None, *, figures: str | Path | None = None
) -> RunReport:
    """The same, and every chart as a file of its own.

    Args:
        run_or_dir, out: See :func:`write_report`.
        figures: Folder of the charts as SVG and CSV; None writes none.
    """
    folder = Path(run_or_dir)
    if folder.name == "evaluation.json" and folder.is_file():
        folder = folder.parent
    material = gather(folder)
    path = write_page(Path(out) if out is not None else folder / REPORT_NAME, render_page(material))
    methods = methods_of(material.evaluation.to_json()) if material.evaluation else None
    return RunReport(path, methods, () if figures is None else write_plots(Path(figures), material))
