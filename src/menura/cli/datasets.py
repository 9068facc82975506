"""``menura datasets``: public datasets by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from menura.cli.output import JsonFlag, console, emit_json, progress_bar

__all__ = ["app"]

app = typer.Typer(help="Public datasets by name: list them, fetch them, or point at a copy.", no_args_is_help=True)


@app.command("list")
def list_sets(json: JsonFlag = False) -> None:
    """Example: menura datasets list

    Lists the public datasets that Menura knows: licence, size, official split, and where a local copy lies.
    """
    from menura.datasets.local import find_local
    from menura.datasets.public import PUBLIC_SETS

    found = {name: find_local(name) for name in PUBLIC_SETS}
    if json:
        emit_json(
            {
                "datasets": [
                    {
                        "name": public.name, "title": public.title, "licence": public.licence,
                        "size_mb": public.size_mb,
                        "split": public.split, "url": public.url, "checksum": public.checksum, "note": public.note,
                        "by_hand": public.by_hand,
                        "local": str(found[name]) if found[name] else None,
                    }
                    for name, public in PUBLIC_SETS.items()
                ]
            }
        )  # fmt: skip
        return
    from rich.table import Table

    table = Table("name", "what", "licence", "MB", "official split", "local copy")
    for name, public in PUBLIC_SETS.items():
        where = str(found[name]) if found[name] else "by hand" if public.by_hand else "-"
        table.add_row(name, public.title, public.licence, f"{public.size_mb:,}", public.split, where)
    out = console()
    out.print(table)
    out.print("by hand: no single archive can be fetched; menura datasets get NAME says how to get a copy.")


@app.command("get")
def get(
    name: Annotated[str, typer.Argument(help="Name of the dataset, see `menura datasets list`.")],
    to: Annotated[Path, typer.Option("--to", help="Folder that will hold a folder of that name.")] = Path("data"),
    url: Annotated[str | None, typer.Option(help="Another address of the same archive.")] = None,
    local: Annotated[Path | None, typer.Option(help="A copy that is here already: only remember where it is.")] = None,
    json: JsonFlag = False,
) -> None:
    """Example: menura datasets get esc50 --to data/

    Downloads a public dataset, goes on where an earlier download broke off, checks and unpacks it. Afterwards its name
    works wherever DATA is asked for. Licences differ: `menura datasets list` shows them.
    """
    from menura.datasets.local import fetch, remember
    from menura.datasets.public import public_set

    public = public_set(name)
    checksum: str | None = None
    if local is not None:
        folder = remember(name, local)
    else:
        with progress_bar() as progress:
            folder, checksum = fetch(name, to, url=url, progress=progress)
    if json:
        emit_json({"name": name, "folder": str(folder), "checksum": checksum, "licence": public.licence})
        return
    out = console()
    out.print(f"{name} is in {folder} ({public.licence}).")
    if checksum and public.checksum is None:
        out.print(f"Nobody publishes a checksum for it; this download is pinned: {checksum}")
    if public.note:
        out.print(public.note)
    out.print(f"Next: menura audit {name}")
