"""Entry point of ``menura``: the list of commands, and what happens when one fails."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from menura.cli import datasets, diffusion, models, study, synth, worker
from menura.cli.align import align
from menura.cli.audit import audit
from menura.cli.augment import augment
from menura.cli.demo import demo
from menura.cli.doctor import doctor
from menura.cli.evaluate import evaluate
from menura.cli.export import export
from menura.cli.listing import list_installed
from menura.cli.output import fail
from menura.cli.plan import plan
from menura.cli.pretrain import pretrain
from menura.cli.prompts import prompts
from menura.cli.render import render
from menura.cli.report import report
from menura.cli.review import review
from menura.cli.score import score
from menura.cli.train_generator import train_generator
from menura.cli.upgrade import upgrade

__all__ = ["app", "main"]

app = typer.Typer(
    name="menura",
    help="Grow small labelled audio datasets with synthetic clips, and prove on real recordings whether they help.",
    epilog="Start with: menura demo   (or: menura audit my_sounds/)",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from menura import __version__

        typer.echo(f"menura {__version__}")
        raise typer.Exit()


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Reach no other machine, whatever asks for it; as MENURA_OFFLINE=1.")
    ] = False,
) -> None:
    import os

    from menura.offline import VARIABLE, forbid_connections

    if offline:
        os.environ[VARIABLE] = "1"  # for the processes that this one starts, too
    forbid_connections()


for _command, _does in (
    (audit, "What is wrong with my data?"),
    (plan, "What will it make and cost? Generates nothing."),
    (prompts, "What a text-to-audio model will be asked for, to read and to correct."),
    (augment, "Make new labelled clips; run it again to go on after a stop."),
    (evaluate, "Do they help, on real held-out recordings, and is that more than luck?"),
    (report, "One HTML file with players, pictures and the verdict."),
    (score, "How near, how varied, how different are two sets of clips, and does one copy the other?"),
    (review, "Listen; accept, reject and relabel by ear."),
    (export, "The kept clips in another form."),
    (render, "Make one clip again and compare the bytes."),
    (demo, "The whole job on sounds that Menura makes itself."),
    (align, "A text-to-audio model taught by preference, from your clips."),
    (pretrain, "An encoder from synthetic sound alone."),
    (train_generator, "A small text-to-audio model from procedural scenes, and from your clips."),
    (upgrade, "A run of an older format, brought to today's; keeps the old files."),
    (doctor, "What is installed; what a bug report needs."),
):
    app.command(short_help=_does)(_command)
app.command("list", short_help="Generators, encoders, recipes, datasets and classifiers.")(list_installed)
app.add_typer(datasets.app, name="datasets", short_help="Public datasets by name.")
app.add_typer(synth.app, name="synth", short_help="Sounds without recordings.")
app.add_typer(diffusion.app, name="diffusion", short_help="Spectrogram-diffusion models of your own clips.")
app.add_typer(study.app, name="study", short_help="The papers' experiments, one command each.")
app.add_typer(models.app, name="models", short_help="Pretrained models: safe to read, and trained further.")
app.add_typer(worker.app, name="worker", short_help="Any other program as a generator.")


def main() -> None:
    """Run the command line: exit status 0 on success, 2 on a user's mistake, 1 on a fault of Menura."""
    try:
        app()
    except Exception as error:  # the one place where every error ends
        sys.exit(fail(error))


if __name__ == "__main__":
    main()
