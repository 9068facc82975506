"""``menura review``: listen, accept, reject, relabel; and what comes of it."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from menura.cli.output import JsonFlag, console, emit_json
from menura.errors import ConfigError

if TYPE_CHECKING:
    from menura.review.catalogue import Catalogue
    from menura.review.server import ReviewServer

__all__ = ["review"]


def review(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    reviewer: Annotated[str | None, typer.Option(help="Your name, beside each decision; default: your login.")] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Real or synthetic? A blind test of your ear.")] = False,
    blind_clips: Annotated[int, typer.Option(min=2, max=1000, help="Clips of the blind test.")] = 40,
    agreement: Annotated[bool, typer.Option("--agreement", help="Print how far reviewers agree, and stop.")] = False,
    recalibrate: Annotated[
        bool, typer.Option("--recalibrate", help="Print how the judges' thresholds would follow you, and stop.")
    ] = False,
    to_label_studio: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write tasks for Label Studio (JSON, and an XML beside it).")
    ] = None,
    from_label_studio: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take in the annotations of a JSON export of Label Studio.")
    ] = None,
    label_studio_root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Document root of its local files; default RUN.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; another one lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the link, open nothing.")] = False,
    json: JsonFlag = False,
) -> None:
    """Example: menura review runs/first

    Opens a page on this machine to listen to the clips of a run, kept and rejected, beside their real parents.
    Each decision is appended to RUN/review/decisions.jsonl at once; `menura export RUN --reviewed` uses them.
    """
    from menura.lock import locked
    from menura.pipeline.reading import writing
    from menura.pipeline.run import Run
    from menura.review.catalogue import REVIEW_FOLDER, catalogue_of

    does = [agreement, recalibrate, to_label_studio is not None, from_label_studio is not None, blind]
    if sum(does) > 1:
        raise ConfigError(
            "give one of --blind, --agreement, --recalibrate, --to-label-studio and --from-label-studio at a time"
        )
    name = " ".join((reviewer or _login()).split())[:60]
    if not name:
        raise ConfigError("--reviewer is empty; give a name")
    catalogue = catalogue_of(Run.open(run))
    if agreement:
        return _agreement(catalogue, json)
    if recalibrate:
        return _recalibrate(catalogue, json)
    if to_label_studio is not None:
        return _to_label_studio(catalogue, to_label_studio, label_studio_root, json)
    with writing(catalogue.folder), locked(catalogue.folder / REVIEW_FOLDER):
        if from_label_studio is not None:
            return _from_label_studio(catalogue, from_label_studio, json)
        return _serve(catalogue, name, blind_clips if blind else 0, host, port, no_browser=no_browser, as_json=json)


def _serve(
    catalogue: Catalogue, reviewer: str, blind_clips: int, host: str, port: int, *, no_browser: bool, as_json: bool
) -> None:
    from menura.review.application import Application, BlindApplication, ReviewApplication
    from menura.review.blind import BlindTest
    from menura.review.desk import Desk
    from menura.review.guard import is_loopback
    from menura.review.server import ReviewServer

    application: Application
    summary: Callable[[], dict[str, Any]]
    if blind_clips:
        test = BlindTest(catalogue, clips=blind_clips)
        application, summary = BlindApplication(test), lambda: {"answered": len(test.answered(reviewer))}
    else:
        desk = Desk(catalogue)
        application, summary = ReviewApplication(desk), lambda: dict(desk.counts(reviewer))
    with ReviewServer(application, host=host, port=port) as server:
        if not is_loopback(host):
            console(stderr=True).print(
                f"{host} lets other machines in, without encryption: use it in a network that you trust. In the link, "
                "write an address of this machine for 0.0.0.0."
            )
        link = server.link(reviewer)
        if as_json:
            emit_json({"link": link, "reviewer": reviewer, "clips": len(catalogue.items)})
        else:
            console(stderr=True).print("Open this link, once (Ctrl-C ends):")
            typer.echo(link)
        sys.stdout.flush()
        _run(server, link, no_browser=no_browser or as_json)
    counted = ", ".join(f"{number} {name}" for name, number in summary().items())
    console(stderr=True).print(f"{counted}; all of it is in {catalogue.decisions_path.parent}", soft_wrap=True)


def _run(server: ReviewServer, link: str, *, no_browser: bool) -> None:
    import webbrowser

    if not no_browser:
        webbrowser.open(link)
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        return


def _agreement(catalogue: Catalogue, as_json: bool) -> None:
    from dataclasses import asdict

    from menura.review.agreement import agreements, disputed
    from menura.review.desk import read_ledger

    ledger, _ = read_ledger(catalogue.decisions_path)
    found, open_ = agreements(ledger), disputed(ledger)
    if as_json:
        return emit_json({"agreements": [asdict(one) for one in found], "disputed": open_})
    out = console()
    for one in found:
        kappa = "undefined, as both always say the same"
        if one.kappa is not None and one.interval is not None:
            kappa = f"{one.kappa:.2f} ({one.interval[0]:.2f} to {one.interval[1]:.2f})"
        out.print(f"{' and '.join(one.reviewers)}: {one.same} of {one.clips} clips alike, kappa {kappa}", markup=False)
    if not found:
        out.print("No clip has been decided by two reviewers yet.")
    for request, said in open_.items():
        told = "; ".join(f"{who}: {what}" for who, what in said.items())
        out.print(
            f"{request} ({catalogue.by_id[request].label if request in catalogue.by_id else 'gone'}): {told}",
            markup=False,
        )
    return None


def _recalibrate(catalogue: Catalogue, as_json: bool) -> None:
    from menura.review.desk import read_ledger
    from menura.review.recalibrate import as_json as told
    from menura.review.recalibrate import recalibrate, write_shifts

    made = recalibrate(catalogue, read_ledger(catalogue.decisions_path)[0])
    path = write_shifts(catalogue, made) if made.helps else None
    if as_json:
        return emit_json({**told(made), "settings": str(path) if path else None})
    out = console()
    out.print(
        f"On {made.good} accepted and {made.bad} rejected clips the judges have a balanced accuracy of {made.now:.1%}, "
        f"with moved thresholds {made.then:.1%} on clips held out.", soft_wrap=True,
    )  # fmt: skip
    for label, shift in made.shifts.items():
        out.print(f"  {label}: agreement {shift.response:+.3f}, distance x {shift.distance:.3f}", markup=False)
    if path is None:
        out.print("That is no better: nothing was written. Decide more clips, and more of those that were rejected.")
    else:
        out.print(f"Written to {path}; use it with `menura augment DATA -o ANOTHER_RUN -c {path}`", soft_wrap=True)
    return None


def _to_label_studio(catalogue: Catalogue, path: Path, root: Path | None, as_json: bool) -> None:
    from menura.review.desk import read_ledger
    from menura.review.label_studio import write_tasks

    tasks, config = write_tasks(catalogue, read_ledger(catalogue.decisions_path)[0], path, root=root)
    if as_json:
        return emit_json({"tasks": str(tasks), "config": str(config), "clips": len(catalogue.items)})
    console().print(
        f"{len(catalogue.items)} tasks in {tasks}; the labelling configuration is {config}. Start Label Studio "
        "with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true "
        f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={(root or catalogue.folder).absolute()}, and add "
        f"{catalogue.folder.absolute() / 'shards'} as a storage of local files to its project (no need to sync), or "
        "nothing is heard there.",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    return None


def _from_label_studio(catalogue: Catalogue, path: Path, as_json: bool) -> None:
    from menura.review.desk import Desk
    from menura.review.label_studio import read_annotations

    desk = Desk(catalogue)
    found = read_annotations(catalogue, path, desk.ledger)
    taken = desk.take_in(found.decisions)
    known = len(found.decisions) - taken + found.own
    counts = {"taken": taken, "known": known, "skipped": found.skipped, "foreign": found.foreign}
    if as_json:
        return emit_json(counts)
    console().print(
        f"{taken} decisions taken in, {counts['known']} were known, {found.skipped} annotations are cancelled or "
        f"choose nothing, {found.foreign} tasks are of other clips", soft_wrap=True,
    )  # fmt: skip
    return None


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "me"
