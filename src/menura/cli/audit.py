"""``menura audit``: what is wrong with a dataset."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from menura.cli.output import JsonFlag, console, emit_json, progress_bar

if TYPE_CHECKING:
    from rich.table import Table

    from menura.datasets import AuditReport
    from menura.types import Finding

__all__ = ["audit"]

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_SHOWN_PATHS = 3


def audit(
    data: Annotated[str, typer.Argument(help="Folder, manifest file, or name of a public dataset that is local.")],
    test_fold: Annotated[
        str | None, typer.Option(help="Fold to hold out; by default the split column decides.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option(help="folders, manifest or the name of a public dataset; by default guessed.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Example: menura audit my_sounds/

    Counts, durations, rates and licences of a dataset, and what is wrong with it: unreadable, silent, clipped,
    duplicate or leaking clips, labels with slips, and cues that give the label away. Changes nothing; findings do
    not change the exit status.
    """
    from menura import datasets

    with progress_bar() as progress:
        dataset = datasets.load(data, test_fold=test_fold, layout=layout, progress=progress)
        report = datasets.audit(dataset, progress=progress)
    if as_json:
        emit_json(report.to_json())
    else:
        _show(report, root=dataset.root)


def _show(report: AuditReport, *, root: str) -> None:
    out = console()
    shortest, median, longest = report.durations_s
    out.print(f"{report.name}: {report.layout}", markup=False, style="bold")
    out.print(
        f"{report.num_clips} clips, {len(report.labels)} labels, {report.num_groups or 'no'} groups, "
        f"{report.duration_s / 60:.1f} min (clips {shortest:.2f} to {longest:.2f} s, median {median:.2f} s)"
    )
    for title, counts in (
        ("rates", {f"{rate} Hz": count for rate, count in report.sample_rates.items()}),
        ("channels", report.channels),
        ("formats", report.formats),
        ("licences", report.licences),
        ("folds", report.folds),
        ("parts", report.roles),
    ):
        if counts:
            out.print(f"{title}: " + ", ".join(f"{name} ({count})" for name, count in counts.items()), markup=False)
    out.print(_labels(report))
    if report.shortcuts:
        out.print(_shortcuts(report))
    if not report.findings:
        out.print("Nothing was found that needs doing.", style="green")
    for finding in report.findings:
        _print_finding(finding, root)
    counted = ", ".join(_amount(report.count(severity), severity) for severity in _STYLES)
    out.print(f"\n{_amount(len(report.findings), 'finding')}: {counted}")


def _labels(report: AuditReport) -> Table:
    from rich.table import Table

    table = Table("label", box=None, pad_edge=False)
    for name in ("clips", "groups", "seconds"):
        table.add_column(name, justify="right")
    for label, summary in report.labels.items():
        table.add_row(label, str(summary.clips), str(summary.groups), f"{summary.duration_s:.1f}")
    return table


def _shortcuts(report: AuditReport) -> Table:
    from rich.table import Table

    table = Table("label named by nothing but", box=None, pad_edge=False)
    for name in ("balanced accuracy", "chance", "p"):
        table.add_column(name, justify="right")
    for shortcut in report.shortcuts:
        style = "yellow" if shortcut.is_clear else ""
        table.add_row(
            shortcut.cue.text,
            f"{shortcut.accuracy:.1%}",
            f"{shortcut.chance:.1%}",
            f"{shortcut.p:.3f}",
            style=style,
        )
    return table


def _print_finding(finding: Finding, root: str) -> None:
    from rich.text import Text

    out = console()
    out.print(Text.assemble("\n", (finding.severity, _STYLES[finding.severity]), f"  {finding.message}"))
    if finding.remedy:
        out.print(Text(f"  do: {finding.remedy}"))
    shown = [os.path.relpath(path, root) if os.path.isdir(root) else path for path in finding.paths[:_SHOWN_PATHS]]
    if shown:
        more = f" and {len(finding.paths) - _SHOWN_PATHS} more" if len(finding.paths) > _SHOWN_PATHS else ""
        out.print(Text(f"  in: {', '.join(shown)}{more}", style="dim"))


def _amount(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
