"""``menura worker``: any other program as a generator."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from menura.cli.output import JsonFlag, console, emit_json, on_disk

if TYPE_CHECKING:
    from menura.backends.worker.check import Checked

__all__ = ["app"]

app = typer.Typer(
    help="Any other program as a generator, in an environment of its own (docs/extend/worker.md).", no_args_is_help=True
)


class Template(StrEnum):
    """What a new worker starts from."""

    BLANK = "blank"
    STABLE_AUDIO_3 = "stable-audio-3"
    TANGOFLUX = "tangoflux"
    AUDIOGEN = "audiogen"


@app.command("new")
def new(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new or empty folder.")],
    template: Annotated[Template, typer.Option(help="What to start from.")] = Template.BLANK,
    json: JsonFlag = False,
) -> None:
    """Example: menura worker new workers/tangoflux --template tangoflux

    Writes a worker: worker.toml, worker.py, menura_worker.py, requirements.txt and README.md with the commands that
    set it up. In a folder that holds a worker, only menura_worker.py is written again. The blank one runs as it is.
    """
    from menura.backends.worker.skeleton import write_skeleton

    written = write_skeleton(folder, template.value)
    if json:
        emit_json({"folder": str(folder), "template": template.value, "files": [str(path) for path in written]})
        return
    for path in written:
        console().print(str(path), markup=False, soft_wrap=True)
    console().print(
        f"next: read {folder / 'README.md'}, then menura worker check {folder}", markup=False, soft_wrap=True
    )


@app.command("check")
def check(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the worker.")],
    prompt: Annotated[str, typer.Option(help="What to ask for.")] = "a dog barks twice",
    duration_s: Annotated[float, typer.Option(min=0.1, help="Length of the clip in seconds.")] = 2.0,
    strength: Annotated[
        float | None, typer.Option(min=0.01, max=1, help="Start from a clip of noise and go this far from it.")
    ] = None,
    twice: Annotated[bool, typer.Option("--twice", help="Ask for the same clip again and compare.")] = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", callback=on_disk, help="Write the clip here, as WAV.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Example: menura worker check workers/tangoflux --twice -o clip.wav

    Starts a worker, asks it for one short clip, and looks at all that it gives. Exits with 2 and one line when
    something is not as it should be.
    """
    from menura.audio import encode
    from menura.backends.worker.check import check_worker
    from menura.types import Recording

    found = check_worker(folder, prompt=prompt, duration_s=duration_s, strength=strength, twice=twice)
    if out is not None:
        encode(Recording(found.candidate.waveform, found.candidate.sample_rate), out, container="WAV")
    if json:
        emit_json(_as_json(found))
    else:
        _print(found)


def _as_json(found: Checked) -> dict[str, Any]:
    waveform = found.candidate.waveform
    return {
        "ready": found.ready.model_dump(mode="json", exclude={"type"}),
        "facts": dict(found.candidate.facts),
        "clip": {
            "channels": waveform.shape[0], "samples": waveform.shape[1], "sample_rate": found.candidate.sample_rate,
        },
        "start_s": round(found.start_s, 3),
        "clip_s": round(found.clip_s, 3),
        "repeatable": found.repeatable,
        "chatter": list(found.chatter),
        "hints": list(found.hints),
    }  # fmt: skip


def _print(found: Checked) -> None:
    out = console()

    def say(text: str) -> None:
        out.print(text, markup=False, soft_wrap=True)

    ready = found.ready
    weights = f"revision {ready.revision or 'not stated'}, licence {ready.licence or 'not stated'}"
    say(f"{ready.name} {ready.version}: {weights}")
    longest = "any length" if ready.max_duration_s is None else f"at most {ready.max_duration_s:g} s"
    say(f"{ready.sample_rate} Hz, {ready.channels} channels, {longest}; takes {', '.join(ready.takes) or 'nothing'}")
    samples = found.candidate.waveform.shape[1]
    say(
        f"ready after {found.start_s:.1f} s; a clip of {samples / found.candidate.sample_rate:.2f} s took "
        f"{found.clip_s:.2f} s, peak {found.candidate.facts['peak']}"
    )
    if found.repeatable is not None:
        say("the same request again: " + ("the same samples" if found.repeatable else "other samples"))
    for hint in found.hints:
        say(f"hint: {hint}")
    say("this worker works")
