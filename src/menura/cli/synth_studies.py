"""``menura study pair-similarity``, ``spectra``, ``uncertainty``, ``distance`` and ``sweep``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from menura.cli.engine_options import HERE, AskedEngine, with_engine
from menura.cli.output import JsonFlag, console, on_disk, progress_bar, resumable
from menura.cli.run_options import ConfigOption, read_settings
from menura.cli.study_files import finish

if TYPE_CHECKING:
    from menura.datasets.dataset import Dataset
    from menura.studies.sound_sets import SoundSet, SoundSettings
    from menura.types import Progress

__all__ = ["distance", "pair_similarity", "spectra", "sweep", "uncertainty"]

Data = Annotated[str, typer.Argument(metavar="DATA", help="Folder, manifest or name of a dataset of real sounds.")]
Out = Annotated[Path, typer.Option("-o", "--out", callback=on_disk, help="Folder for the plots and tables.")]
Voices = Annotated[str, typer.Option(help="voice, voice_fm, parametric and scene, with commas between.")]
Deltas = Annotated[str, typer.Option(help="Strengths of the perturbation, with commas between; 0 is none.")]
Count = Annotated[int, typer.Option(help="Sounds in each set, at least 8.")]
Duration = Annotated[float, typer.Option(help="Length of a sound in seconds.")]
Rate = Annotated[int, typer.Option("--sample-rate", help="In Hz; real clips of a lower rate bring all sets down.")]
Layers = Annotated[int, typer.Option(help="Slices of a real clip that a dense mixture adds up.")]
Encoder = Annotated[str, typer.Option(help="An encoder, a file of a trained one, or several with + between.")]
Raw = Annotated[bool, typer.Option("--raw", help="Leave embeddings as they are; for encoders made to be compared so.")]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn.")]

_VOICES = "voice,voice_fm,parametric,scene"


def pair_similarity(
    out: Out,
    voices: Voices = _VOICES,
    deltas: Deltas = "0.01,0.05,0.1,0.25,0.5",
    count: Count = 200,
    duration_s: Duration = 1.0,
    sample_rate: Rate = 16_000,
    encoder: Encoder = "acoustic",
    raw: Raw = False,
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Example: menura study pair-similarity -o studies/

    How similar the two sounds of a doppelganger pair are, by voice and by delta, and where the pairs lie.
    """
    from menura.backends.registry import load_encoder
    from menura.report.figures import Curve, curves, pair_maps
    from menura.studies.pair_similarity import pair_similarity as measure
    from menura.studies.sound_sets import SoundSettings

    settings = SoundSettings(count=count, duration_s=duration_s, sample_rate=sample_rate, seed=seed)
    names, strengths = _names(voices), _numbers(deltas)
    heard = load_encoder(encoder)
    with progress_bar() as progress:
        found = measure(
            heard, settings, voices=names, deltas=strengths, standardise=not raw, progress=_into(out, progress)
        )
    by_voice = {name: [row for row in found.rows if row.voice == name] for name in names}
    lines = [
        Curve(
            name,
            [row.similarity for row in rows],
            [row.interval for row in rows],
            [row.unrelated for row in rows],
        )
        for name, rows in by_voice.items()
    ]
    figures = {
        "": curves(
            lines,
            [f"{strength:g}" for strength in strengths],
            x_label="delta",
            y_label=f"cosine similarity ({found.encoder})",
            reference="sounds of different pairs",
        ),
        "-map": pair_maps(
            {
                f"{voice}, {sum(plane.shares):.0%} of variance": {
                    f"delta {strength:g}": positions for strength, positions in plane.positions.items()
                }
                for voice, plane in found.maps.items()
            }
        ),
    }
    pairs = [
        {"voice": voice, "delta": delta, "pair": number, "similarity": float(similarity)}
        | dict(zip(("first_x", "first_y", "second_x", "second_y"), map(float, place.ravel()), strict=True))
        for (voice, delta), similarities in found.similarities.items()
        for number, (similarity, place) in enumerate(zip(similarities, found.maps[voice].positions[delta], strict=True))
    ]
    finish(
        out, "pair-similarity", figures, found.rows, pairs,
        about={"encoder": encoder, "standardised": not raw, "settings": settings,
               "map_variance": {voice: plane.shares for voice, plane in found.maps.items()}},
        notes=_silent_pairs(sum(row.left_out for row in found.rows)), json=json,
        shown=[
            {"voice": row.voice, "delta": row.delta, "similarity": row.similarity, "95 % interval": row.interval,
             "unrelated": row.unrelated, "partner found": row.found}
            for row in found.rows
        ],
    )  # fmt: skip


def spectra(
    data: Data,
    out: Out,
    voices: Voices = _VOICES,
    deltas: Deltas = "0",
    count: Count = 200,
    layers: Layers = 5,
    duration_s: Duration = 1.0,
    sample_rate: Rate = 16_000,
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Example: menura study spectra my_sounds/ -o studies/

    Spectral features of synthetic sounds beside those of real ones, and of dense mixtures of real ones.
    """
    from menura.audio.clip_descriptors import SPECTRAL_FEATURES
    from menura.report.figures import boxes
    from menura.studies.sound_sets import SoundSettings
    from menura.studies.spectra import spectra as measure

    settings = SoundSettings(count, duration_s, sample_rate, layers, seed)
    names, strengths = _names(voices), _numbers(deltas)
    with progress_bar() as progress:
        report = _into(out, progress)
        dataset = _read(data, report)
        found = measure(_all_sets(dataset, settings, names, strengths, report), progress=report)
    panels = {
        f"{feature.name} ({feature.unit})": {name: values[:, position] for name, values in found.values.items()}
        for position, feature in enumerate(SPECTRAL_FEATURES)
    }
    sounds = [
        {"name": name, "sound": number}
        | {feature.name: float(value) for feature, value in zip(SPECTRAL_FEATURES, row, strict=True)}
        for name, values in found.values.items()
        for number, row in enumerate(values)
    ]
    finish(
        out, "spectra", {"": boxes(panels)}, found.rows, sounds,
        about={"data": dataset.name, "settings": settings, "mean_distances": dict(found.mean_distances)},
        notes=found.notes, json=json,
        shown=[
            *({"distance in": feature.name}
              | {row.name: row.distance for row in found.rows[len(SPECTRAL_FEATURES):] if row.feature == feature.name}
              for feature in SPECTRAL_FEATURES),
            {"distance in": "all, mean"} | dict(list(found.mean_distances.items())[1:]),
        ],
    )  # fmt: skip


def uncertainty(
    data: Data,
    out: Out,
    voices: Voices = _VOICES,
    deltas: Deltas = "0",
    count: Count = 200,
    layers: Layers = 5,
    duration_s: Duration = 1.0,
    sample_rate: Rate = 16_000,
    encoder: Encoder = "acoustic",
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Example: menura study uncertainty my_sounds/ -o studies/

    How unsure a tagger that learned the labels of DATA is of the cause of real, mixed and synthetic sounds.
    """
    from menura.backends.registry import load_encoder
    from menura.report.figures import boxes
    from menura.studies.sound_sets import SoundSettings, draw_clips, working_rate
    from menura.studies.uncertainty import causal_uncertainty

    settings = SoundSettings(count, duration_s, sample_rate, layers, seed)
    names, strengths = _names(voices), _numbers(deltas)
    heard = load_encoder(encoder)
    with progress_bar() as progress:
        report = _into(out, progress)
        dataset = _read(data, report)
        rate = working_rate(draw_clips(dataset, 2 * count, seed), settings)
        synthetic = _synthetic(settings, names, strengths, rate, report)
        found = causal_uncertainty(dataset, heard, settings, synthetic, progress=report)
    sounds = [
        {"name": name, "sound": number, "bits": float(value)}
        for name, values in found.bits.items()
        for number, value in enumerate(values)
    ]
    finish(
        out, "uncertainty", {"": boxes({f"entropy of {found.labels} labels (bits)": dict(found.bits)})},
        found.rows, sounds,
        about={"data": dataset.name, "encoder": encoder, "settings": settings, "labels": found.labels,
               "folds": found.folds, "accuracy": found.accuracy, "temperature": found.temperature},
        notes=(f"the tagger is right about {100 * found.accuracy:.0f} % of held-out real slices", *found.notes),
        json=json,
    )  # fmt: skip


def distance(
    data: Data,
    out: Out,
    voices: Voices = _VOICES,
    deltas: Deltas = "0,0.25",
    count: Count = 200,
    layers: Layers = 5,
    duration_s: Duration = 1.0,
    sample_rate: Rate = 16_000,
    encoder: Encoder = "acoustic",
    raw: Raw = False,
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Example: menura study distance my_sounds/ -o studies/

    Fréchet and kernel audio distance of synthetic sets to real sounds, beside that of two halves of the real ones.
    """
    from menura.backends.registry import load_encoder
    from menura.report.figures import IntervalPanel, intervals
    from menura.studies.set_distance import set_distances
    from menura.studies.sound_sets import SoundSettings

    settings = SoundSettings(count, duration_s, sample_rate, layers, seed)
    names, strengths = _names(voices), _numbers(deltas)
    heard = load_encoder(encoder)
    with progress_bar() as progress:
        report = _into(out, progress)
        dataset = _read(data, report)
        sets = _all_sets(dataset, settings, names, strengths, report)
        found = set_distances(heard, sets, standardise=not raw, seed=seed, progress=report)
    rows, floor = found.rows, found.rows[0]
    figure = intervals(
        [row.name for row in rows],
        [
            IntervalPanel(
                "kernel audio distance", [row.kernel for row in rows], [row.kernel_interval for row in rows],
                floor.kernel,
            ),
            IntervalPanel("Fréchet audio distance", [row.frechet for row in rows], floor=floor.frechet),
        ],
    )  # fmt: skip
    finish(
        out, "distance", {"": figure}, rows, [],
        about={"data": dataset.name, "encoder": encoder, "standardised": not raw, "settings": settings},
        notes=found.notes, json=json,
        shown=[
            {"set": row.name, "KAD": row.kernel, "95 % interval": row.kernel_interval, "p": row.p,
             "FAD": row.frechet, "FAD limit": row.frechet_limit}
            for row in rows
        ],
    )  # fmt: skip


@with_engine
def sweep(
    data: Data,
    out: Out,
    voices: Voices = "scene",
    deltas: Deltas = "0.01,0.05,0.1,0.25,0.5",
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps of each training.")] = 400,
    config: ConfigOption = None,
    per_label: Annotated[str, typer.Option(help="Training clips of each label, e.g. 5,all.")] = "all",
    seeds: Annotated[int, typer.Option(min=1, help="Draws of these clips.")] = 3,
    workers: Annotated[int, typer.Option(min=0, help="Processes of each training that render ahead.")] = 1,
    at_once: Annotated[
        int | None,
        typer.Option(
            min=1, help="Trainings at the same time. Default: 1 here, what the cluster has room for with ray."
        ),
    ] = None,
    seed: Seed = 0,
    made_by: AskedEngine = HERE,
    json: JsonFlag = False,
) -> None:
    """Example: menura study sweep my_sounds/ -o studies/ --deltas 0.05,0.1,0.25

    Trains an encoder for each voice and delta with one budget, and asks what each is worth on real clips. Minutes for
    each training; run it again to go on after a stop.
    """
    from menura.cli.probes import amounts
    from menura.config import settings_from
    from menura.pretrain.settings import PretrainSettings
    from menura.report.figures import Curve, curves
    from menura.studies.sweep import sweep as measure

    values = read_settings(config) if config else {}
    asked = settings_from(PretrainSettings, values | {"steps": steps, "seed": seed}, source=str(config or "options"))
    names, strengths, clips = _names(voices), _numbers(deltas), amounts([per_label])
    kept = f"what is finished is kept in {out}"
    with resumable(kept, price=made_by.price) as progress, made_by.jobs(at_once):
        report = _into(out, progress)
        rows = measure(
            _read(data, report), asked, voices=names, deltas=strengths, out=out, per_label=clips, seeds=seeds,
            workers=workers, at_once=at_once, progress=report,
        )  # fmt: skip
    lines = [
        Curve(f"{voice}, {amount or 'all'} per label", [row.value for row in found], [row.interval for row in found])
        for voice in names
        for amount in clips
        if (found := [row for row in rows if row.voice == voice and row.per_label == amount])
    ]
    places = [f"{strength:g}" for strength in strengths]
    finish(
        out, "sweep", {"": curves(lines, places, x_label="delta", y_label=f"accuracy on {Path(data).name}")}, rows, [],
        about={"data": Path(data).name, "settings": asked.model_dump(mode="json")}, notes=(), json=json,
    )  # fmt: skip


def _names(text: str) -> list[str]:
    from menura.synth import voice_named

    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        voice_named(name)
    return _each_once("--voices", names, text)


def _numbers(text: str) -> list[float]:
    from menura.errors import ConfigError

    try:
        found = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--deltas is {text!r}, expected numbers with commas between, such as 0.05,0.25") from error
    if not all(0 <= number <= 1 for number in found):
        raise ConfigError(f"--deltas is {text!r}, expected numbers from 0 to 1")
    return _each_once("--deltas", found, text)


def _each_once(option: str, found: list[Any], text: str) -> list[Any]:
    from menura.errors import ConfigError

    if not found or len(set(found)) < len(found):
        raise ConfigError(f"{option} is {text!r}, expected at least one entry and none twice")
    return found


def _into(out: Path, progress: Progress) -> Progress:
    """The same progress, after the folder is there and named: what cannot be written fails before the work."""
    from menura.files import disk_errors

    with disk_errors(str(out)):
        out.mkdir(parents=True, exist_ok=True)
    console(stderr=True).print(f"results go to {out}", markup=False, soft_wrap=True)
    return progress


def _read(data: str, progress: Progress) -> Dataset:
    from menura.datasets import load

    return load(data, progress=progress)


def _synthetic(
    settings: SoundSettings, voices: Sequence[str], deltas: Sequence[float], rate: int, progress: Progress
) -> list[SoundSet]:
    from menura.studies.sound_sets import synthetic_set

    found: list[SoundSet] = []
    for voice in voices:
        for delta in deltas:
            found.append(synthetic_set(voice, settings, delta=delta, sample_rate=rate))
            progress("rendering", len(found), len(voices) * len(deltas))
    return found


def _all_sets(
    dataset: Dataset, settings: SoundSettings, voices: Sequence[str], deltas: Sequence[float], progress: Progress
) -> list[SoundSet]:
    from menura.studies.sound_sets import real_sets

    real = real_sets(dataset, settings, progress=progress)
    rate = real[0].recordings[0].sample_rate
    return [*real, *_synthetic(settings, voices, deltas, rate, progress)]


def _silent_pairs(number: int) -> tuple[str, ...]:
    return (f"pairs left out because a sound is silent: {number}",) if number else ()
