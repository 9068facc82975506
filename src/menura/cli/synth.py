"""``menura synth``: sounds without recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from menura.cli.output import JsonFlag, console, emit_json, on_disk

if TYPE_CHECKING:
    from menura.synth import Sounds, Synthesizer

__all__ = ["app"]

app = typer.Typer(help="Sounds without recordings, from a parametric synthesizer.", no_args_is_help=True)

Voice = Annotated[str, typer.Option(help="voice, voice_fm, parametric or scene.")]
Duration = Annotated[float, typer.Option(help="Length of a sound in seconds.")]
Rate = Annotated[int, typer.Option("--sample-rate", help="In Hz.")]
Seed = Annotated[int, typer.Option(help="Seed; a sound depends on it and its number alone.")]
Out = Annotated[Path, typer.Option("-o", "--out", callback=on_disk, help="Folder for the sounds.")]


@app.command("draw")
def draw(
    out: Out,
    voice: Voice = "voice",
    count: Annotated[int, typer.Option(min=1, help="Number of sounds.")] = 8,
    delta: Annotated[
        float | None, typer.Option(min=0, help="Make a doppelganger pair of each: two sounds perturbed this much.")
    ] = None,
    duration_s: Duration = 1.0,
    sample_rate: Rate = 16_000,
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Example: menura synth draw -o sounds/ --voice voice_fm --count 8 --delta 0.25

    Draws sounds and writes each as a WAV file beside its patch, a JSON file with every parameter by name.
    """
    from menura.synth import doppelgangers, draw_sounds

    synthesizer = _synthesizer(voice, duration_s, sample_rate)
    sounds = draw_sounds(synthesizer.space, seed=seed, keys=range(count))
    names = [f"{number:04d}" for number in range(count)]
    if delta is None:
        written = _write(out, synthesizer, sounds, names)
    else:
        pair = doppelgangers(sounds, delta=delta, seed=seed, keys=range(count))
        written = [
            path
            for twin, which in zip(pair, "ab", strict=True)
            for path in _write(out, synthesizer, twin, [name + which for name in names])
        ]
    _report(written, json=json, words=_captions(written) if voice == "scene" else None)


@app.command("sweep")
def sweep(
    out: Out,
    voice: Voice = "voice",
    deltas: Annotated[str, typer.Option(help="Strengths, with commas between.")] = "0,0.01,0.05,0.1,0.25,0.5",
    count: Annotated[int, typer.Option(min=1, help="Number of sounds to start from.")] = 1,
    duration_s: Duration = 1.0,
    sample_rate: Rate = 16_000,
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Example: menura synth sweep -o sweep/ --deltas 0,0.1,0.5

    Perturbs the same sounds more and more, in the same direction, to hear what a strength means.
    """
    from menura.errors import ConfigError
    from menura.synth import doppelgangers, draw_sounds

    synthesizer = _synthesizer(voice, duration_s, sample_rate)
    sounds = draw_sounds(synthesizer.space, seed=seed, keys=range(count))
    try:
        strengths = [float(text) for text in deltas.split(",")]
    except ValueError as error:
        raise ConfigError(f"--deltas is {deltas!r}, expected numbers with commas between, such as 0,0.1,0.5") from error
    written = []
    for strength in strengths:
        moved, _ = doppelgangers(sounds, delta=strength, seed=seed, keys=range(count))
        written += _write(out, synthesizer, moved, [f"{number:04d}-delta-{strength:g}" for number in range(count)])
    _report(written, json=json)


@app.command("render")
def render(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="A patch, as `menura synth draw` writes it.")],
    out: Annotated[Path, typer.Option("-o", "--out", callback=on_disk, help="WAV file to write.")],
    duration_s: Annotated[float | None, typer.Option(help="Another length than that of the patch.")] = None,
    sample_rate: Annotated[int | None, typer.Option(help="Another rate than that of the patch, in Hz.")] = None,
    json: JsonFlag = False,
) -> None:
    """Example: menura synth render sounds/0003.json -o third.wav --sample-rate 44100

    Renders a patch. Change numbers in it by hand; parameters that it leaves out lie in the middle of their range.
    """
    from dataclasses import replace

    from menura.synth.patches import load_patch

    synthesizer, sounds = load_patch(patch)
    synthesizer = replace(
        synthesizer,
        duration_s=synthesizer.duration_s if duration_s is None else duration_s,
        sample_rate=synthesizer.sample_rate if sample_rate is None else sample_rate,
    )
    _encode(out, synthesizer, sounds)
    _report([out], json=json)


@app.command("parameters")
def parameters(
    voice: Annotated[str, typer.Argument(metavar="VOICE", help="voice, voice_fm, parametric or scene.")],
    json: JsonFlag = False,
) -> None:
    """Example: menura synth parameters voice

    Lists every parameter of a voice: unit, range, curve, and what it does.
    """
    space = _synthesizer(voice, 1.0, 16_000).space
    if json:
        emit_json(
            {
                "voice": voice,
                "parameters": [
                    {
                        "name": name, "unit": p.unit, "low": p.low, "high": p.high, "curve": p.curve,
                        "symmetric": p.symmetric, "what": p.what,
                    }
                    for name, p in space
                ],
            }
        )  # fmt: skip
        return
    from rich.table import Table

    table = Table("parameter", "unit", "range", "curve", "what it does", title=f"{voice}: {len(space)} parameters")
    for name, p in space:
        curve = f"{p.curve:g}" + (", symmetric" if p.symmetric else "")
        table.add_row(name, p.unit, f"{p.low:g} to {p.high:g}", curve, p.what)
    console().print(table)


@app.command("world")
def world(
    out: Annotated[Path, typer.Option("-o", "--out", callback=on_disk, help="Folder for the dataset.")],
    shift: Annotated[str, typer.Option(help="none, room, microphone, pitch, noise or all.")] = "room",
    strength: Annotated[float, typer.Option(help="Share of the shift, in [0, 1].")] = 1.0,
    per_label: Annotated[int, typer.Option(help="Training clips of each of the ten labels.")] = 5,
    validation_per_label: Annotated[int, typer.Option(help="Validation clips of each label.")] = 5,
    test_per_label: Annotated[int, typer.Option(help="Held-out test clips of each label.")] = 50,
    duration_s: Duration = 2.0,
    sample_rate: Rate = 16_000,
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Example: menura synth world -o room/ --shift room --per-label 5 --test-per-label 50 --seed 0

    Writes a labelled dataset with captions whose truth is known: procedural scenes, as they are or under one shift.
    """
    from menura.cli.output import progress_bar
    from menura.studies.shifted_world import WorldSettings, write_world

    settings = WorldSettings(
        shift, strength, per_label, validation_per_label, test_per_label, duration_s, sample_rate, seed
    )
    with progress_bar() as progress:
        write_world(out, settings, progress=progress)
    if json:
        emit_json({"folder": str(out), "parts": settings.parts})
        return
    counts = ", ".join(f"{count} {part}" for part, count in settings.parts.items())
    console().print(f"wrote {out}: {counts} clips of each label", markup=False, soft_wrap=True)


def _synthesizer(voice: str, duration_s: float, sample_rate: int) -> Synthesizer:
    from menura.synth import Synthesizer, voice_named

    return Synthesizer(voice_named(voice), duration_s=duration_s, sample_rate=sample_rate)


def _write(out: Path, synthesizer: Synthesizer, sounds: Sounds, names: list[str]) -> list[Path]:
    from menura.synth import Sounds
    from menura.synth.patches import save_patch

    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for position, name in enumerate(names):
        paths.append(out / f"{name}.wav")
        one = slice(position, position + 1)
        _encode(paths[-1], synthesizer, Sounds(sounds.parameters[one], sounds.noise_seeds[one]))
        save_patch(synthesizer, sounds, position, out / f"{name}.json")
    return paths


def _encode(path: Path, synthesizer: Synthesizer, sounds: Sounds) -> None:
    from menura import __version__
    from menura.audio import encode
    from menura.types import Recording

    waveform = synthesizer.render(sounds).numpy()
    tags = {"comment": "synthetic sound", "software": f"menura {__version__}"}
    encode(Recording(waveform, synthesizer.sample_rate), path, container="WAV", tags=tags)


def _captions(written: list[Path]) -> list[str]:
    from json import loads

    return [loads(path.with_suffix(".json").read_text(encoding="utf-8"))["caption"] for path in written]


def _report(written: list[Path], *, json: bool, words: list[str] | None = None) -> None:
    if json:
        emit_json({"files": [str(path) for path in written]} | ({} if words is None else {"captions": words}))
        return
    for path, phrase in zip(written, words or [], strict=False):
        console().print(f"{path.name}: {phrase}", markup=False, soft_wrap=True)
    where = written[0] if len(written) == 1 else f"{written[0]} … {written[-1].name}"
    console().print(f"wrote {where}", markup=False, soft_wrap=True)
