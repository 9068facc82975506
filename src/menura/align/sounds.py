"""Generated clips of an alignment: asked for with seeds of their own, made once, kept as FLAC files to listen to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from menura.align.pairs import Group, Sound, told_s
from menura.audio import decode, encode
from menura.audio.level import within_full_scale
from menura.backends.base import Generator
from menura.errors import AudioError, RunError
from menura.files import disk_errors, write_bytes
from menura.seeding import item_generator
from menura.types import Clip, Progress, Recording, Request

__all__ = ["CALL", "Asks", "group_sounds", "make_sounds", "read_sound", "requests_beside", "sound_path"]

CALL = 16
"""Clips that are asked for at once. A part of the method: in a model, neighbours move the last bits of a clip."""

Asks: TypeAlias = Callable[[Clip, int, tuple[str | int, ...]], str]
"""Gives the prompt beside a real clip, by its place among the clips and the key of its random stream."""


def requests_beside(
    clips: Sequence[Clip],
    generator: Generator,
    asks: Asks,
    *,
    each: int,
    longest_s: float,
    seed: int,
    key: Sequence[str | int],
) -> list[Request]:
    """So many requests beside each clip, with one prompt, its labels and its duration, and nothing else of it.

    Equal keys give equal seeds, whatever has been learned between.
    """
    asked = []
    for place, clip in enumerate(clips):
        prompt = asks(clip, place, ("align", seed, *key, clip.id))
        for number in range(each):
            own = ("align", seed, *key, clip.id, number)
            asked.append(
                Request(
                    labels=clip.labels,
                    generator=generator.fingerprint,
                    prompt=prompt,
                    duration_s=told_s(clip, longest_s),
                    seed_key=own,
                    params=generator.draw([], item_generator(0, "draw", *own)),
                )
            )
    return asked


def sound_path(folder: Path, request: Request) -> Path:
    """Where the clip of a request lies."""
    return folder / f"{request.id}.flac"


def make_sounds(
    requests: Sequence[Request],
    generator: Generator,
    folder: Path,
    *,
    stage: str = "generating",
    progress: Progress | None = None,
) -> list[Sound]:
    """The clips of the requests, in order; only what is missing is made.

    The requests are cut into calls of equal size, and a call is made whole: a run that was stopped gives the same
    bytes as one that was not.

    Raises:
        BackendError: The generator failed.
        RunError: The folder cannot be written.
    """
    for done, call in _calls(requests):
        if not all(sound_path(folder, request).is_file() for request in call):
            made = generator.generate(call, _no_parents)
            with disk_errors(str(folder)):
                folder.mkdir(parents=True, exist_ok=True)
                for candidate in made:
                    recording = Recording(within_full_scale(candidate.waveform), candidate.sample_rate)
                    tags = {"title": " + ".join(candidate.request.labels), "comment": "synthetic, made by Menura"}
                    write_bytes(sound_path(folder, candidate.request), encode(recording, tags=tags))
        if progress is not None:
            progress(stage, done, len(requests))
    return [Sound(request.id, str(sound_path(folder, request))) for request in requests]


def group_sounds(clips: Sequence[Clip], requests: Sequence[Request], sounds: Sequence[Sound]) -> list[Group]:
    """The sounds that :func:`requests_beside` asked for, clip by clip."""
    each = len(requests) // max(1, len(clips))
    return [
        Group(clip, str(requests[place * each].prompt), tuple(sounds[place * each : (place + 1) * each]))
        for place, clip in enumerate(clips)
    ]


def read_sound(path: str) -> Recording:
    """A side of a pair, decoded.

    Raises:
        RunError: It is gone or damaged.
    """
    try:
        return decode(path)
    except AudioError as error:
        raise RunError(
            f"{path} cannot be read ({error}); put the file back, or delete the folder and start again"
        ) from error


def _calls(requests: Sequence[Request]) -> Iterator[tuple[int, Sequence[Request]]]:
    for start in range(0, len(requests), CALL):
        call = requests[start : start + CALL]
        yield start + len(call), call


def _no_parents(name: str) -> Recording:
    raise RunError(f"a clip of an alignment has no parents, but {name} was asked for")
