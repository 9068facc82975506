"""What every study leaves behind: plots, tables, all numbers, a page that tells it, and the table on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from menura.cli.output import console, emit_json

__all__ = ["as_csv", "finish"]


def finish(
    out: Path,
    study: str,
    figures: Mapping[str, str],
    rows: Sequence[Any],
    sounds: Sequence[Mapping[str, object]],
    *,
    about: Mapping[str, Any],
    notes: Sequence[str],
    json: bool,
    shown: Sequence[Mapping[str, object]] | None = None,
    more: Mapping[str, tuple[Sequence[Any], Sequence[Mapping[str, object]]]] | None = None,
) -> None:
    """Writes figures, the table, the single sounds, all numbers and the page; prints the table or the numbers.

    Args:
        out: Folder, which is there.
        study: What file names begin with.
        figures: End of the file name to SVG.
        rows: Records of the table.
        sounds: One record for each sound or pair; none writes no file.
        about: What was asked for and measured besides.
        notes: What a reader must know.
        json: Print the numbers instead of the table.
        shown: Another table to print; None prints the rows.
        more: Name of each further table to its records and to what is printed; without records it has no file.
    """
    from dataclasses import asdict, is_dataclass

    from menura.files import disk_errors, remove_leftovers_of_the_dead, write_text
    from menura.report.study_page import write_study_report
    from menura.seeding import canonical_json
    from menura.studies.conclude import library_versions

    records = [asdict(row) for row in rows]
    known = {key: asdict(value) if is_dataclass(value) else value for key, value in about.items()}  # type: ignore[arg-type]
    result = {"study": study, "versions": library_versions(), **known, "rows": records, "notes": list(notes)}
    texts = {f"{study}{end}.svg": text for end, text in figures.items()} | {f"{study}.csv": as_csv(records)}
    if sounds:
        texts[f"{study}-sounds.csv"] = as_csv(sounds)
    for name, (others, _) in (more or {}).items():
        if others:
            further = [asdict(one) for one in others]
            texts[f"{study}-{name}.csv"] = as_csv(further)
            result[name] = further
    tables = {name: printed for name, (others, printed) in (more or {}).items() if others}
    if tables:
        result["tables"] = {
            name: {"columns": list(printed[0]), "rows": [list(map(str, row.values())) for row in printed]}
            for name, printed in tables.items()
        }
    texts[f"{study}.json"] = canonical_json(result) + "\n"
    with disk_errors(str(out)):
        remove_leftovers_of_the_dead(out)
        for name, text in texts.items():
            write_text(out / name, text)
    page = write_study_report(out / f"{study}.json")
    files = [*(str(out / name) for name in texts), str(page)]
    if json:
        emit_json(result | {"files": files})
        return
    _print_table(records if shown is None else shown)
    for name, (_, printed) in (more or {}).items():
        console().print(f"\n{name}:", markup=False)
        _print_table(printed)
    for note in notes:
        console().print(f"note: {note}", markup=False)
    console().print(f"wrote {', '.join(files)}", markup=False, soft_wrap=True)


def as_csv(records: Sequence[Mapping[str, Any]]) -> str:
    """Records as CSV; an interval becomes two columns."""
    import csv
    import io

    flat = [
        {
            column: number
            for key, value in record.items()
            for column, number in (
                [(f"{key}_low", value[0]), (f"{key}_high", value[1])] if isinstance(value, tuple) else [(key, value)]
            )
        }
        for record in records
    ]
    written = io.StringIO(newline="")
    table = csv.DictWriter(written, list(flat[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(flat)
    return written.getvalue()


def _print_table(records: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    table = Table(*records[0])
    for record in records:
        table.add_row(*(_cell(value) for value in record.values()))
    console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return " to ".join(map(_cell, value))
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
