"""The pairs of a round: what is generated for them, how it is ranked, and the file that keeps them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from menura.align.ears import Ears
from menura.align.held_out import Division
from menura.align.pairs import Group, Pair, crop_length_s, ranked_pairs, read_pairs, real_pairs, write_pairs
from menura.align.settings import AlignSettings
from menura.align.sounds import Asks, group_sounds, make_sounds, requests_beside
from menura.backends.base import Encoder, Generator
from menura.files import disk_errors
from menura.types import Progress

__all__ = ["Makes", "Work", "check_pairs", "check_sounds", "pairs_of_round"]

Makes = Callable[[Path | None], Generator]
"""Gives the generator with the adapter of a folder, or without any."""


@dataclass(frozen=True)
class Work:
    """All that a training by preference needs from outside.

    Attributes:
        settings: What to train.
        division: The training clips.
        asks: Writes prompts.
        makes: Loads the generator.
        encoder: Hears real and generated clips.
        out: Folder of the adapter.
        decided: Pairs of a person's decisions, where pairs are `decided`.
    """

    settings: AlignSettings
    division: Division
    asks: Asks
    makes: Makes
    encoder: Encoder
    out: Path
    decided: Sequence[Pair] = ()

    @property
    def hidden(self) -> Path:
        """Folder of what only a resumed run needs; its name begins with a dot, so that the adapter's identity is
        that of its weights."""
        return self.out / ".work"

    @property
    def length_s(self) -> float:
        """Of both sides of a pair, in seconds."""
        return crop_length_s(self.division.learned, crop_s=self.settings.crop_s, longest_s=self.settings.longest_s)


def pairs_of_round(
    work: Work,
    round_index: int,
    generator: Callable[[], Generator],
    ears: Callable[[], Ears],
    progress: Progress | None = None,
) -> list[Pair]:
    """The pairs of a round, made where they are not on disk yet.

    Args:
        work: The training.
        round_index: From 0.
        generator: Gives the generator with what was learned until then.
        ears: For rewards.
        progress: Called while clips are generated.

    Raises:
        BackendError: The generator failed.
        DatasetError: No pair comes out.
        RunError: A file cannot be read or written.
    """
    path = work.hidden / f"pairs-{round_index:03d}.jsonl"
    if path.is_file():
        return read_pairs(path)
    pairs = _made(work, round_index, generator, ears, progress)
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_pairs(path, pairs)
    return pairs


def check_sounds(work: Work, generator: Generator, step: int, progress: Progress | None = None) -> list[Group]:
    """What is generated for a check, beside validation clips: the same prompts and seeds at every step."""
    settings, clips = work.settings, work.division.validation.clips
    count = min(len(clips), settings.check_clips)
    chosen = [clips[place * len(clips) // count] for place in range(count)]
    requests = requests_beside(
        chosen, generator, work.asks,
        each=math.ceil(settings.check_clips / count), longest_s=settings.longest_s, seed=settings.seed, key=("check",),
    )  # fmt: skip
    folder = work.out / "sounds" / f"step-{step:06d}"
    sounds = make_sounds(requests, generator, folder, progress=progress, stage="clips of checks")
    return group_sounds(chosen, requests, sounds)


def check_pairs(work: Work, before: Sequence[Group], first: Sequence[Pair]) -> list[Pair]:
    """The pairs whose errors checks follow.

    With real winners: validation clips, which nothing is learned from, against clips of the untrained model. Else,
    pairs of the first round, which are learned from.

    Args:
        work: The training.
        before: Clips of the first check.
        first: Pairs of the first round.
    """
    settings, pairs = work.settings, list(first)
    if settings.pairs == "real":
        pairs = real_pairs(
            work.division.validation, before, length_s=work.length_s, longest_s=settings.longest_s, seed=settings.seed
        )
    count = min(len(pairs), settings.check_pairs)
    return [pairs[place * len(pairs) // count] for place in range(count)]


def _made(
    work: Work,
    round_index: int,
    generator: Callable[[], Generator],
    ears: Callable[[], Ears],
    progress: Progress | None,
) -> list[Pair]:
    settings, learned, key = work.settings, work.division.learned, ("round", round_index)
    if settings.pairs == "decided":
        return list(work.decided)
    lengths = {"length_s": work.length_s, "longest_s": settings.longest_s}
    if not settings.needs_losers:
        alone = [
            Group(clip, work.asks(clip, place, ("align", settings.seed, *key, clip.id)), ())
            for place, clip in enumerate(learned.clips)
        ]
        return real_pairs(learned, alone, **lengths, seed=settings.seed)
    each = settings.losers if settings.pairs == "real" else settings.candidates
    made_by = generator()
    requests = requests_beside(
        learned.clips, made_by, work.asks, each=each, longest_s=settings.longest_s, seed=settings.seed, key=key
    )
    folder, stage = work.out / "sounds" / f"round-{round_index:03d}", f"clips of round {round_index + 1}"
    sounds = make_sounds(requests, made_by, folder, progress=progress, stage=stage)
    groups = group_sounds(learned.clips, requests, sounds)
    if settings.pairs == "real":
        return real_pairs(learned, groups, **lengths, seed=settings.seed)
    scores = ears().scores(settings.reward, sounds, [request.labels for request in requests])
    return ranked_pairs(groups, scores, **lengths, seed=settings.seed)
