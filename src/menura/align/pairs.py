"""Preference pairs: which of two sounds of one prompt is to be preferred, and which stretch of both is compared.

Both sides share prompt, duration, stretch and polarity. A real side comes from a training part and from nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np

from menura.datasets.dataset import TrainingPart
from menura.errors import DatasetError, RunError
from menura.files import disk_errors, write_text
from menura.records import parse_json, record_from
from menura.seeding import canonical_json, item_generator
from menura.types import Clip, Origin

__all__ = [
    "Cut",
    "Group",
    "Pair",
    "Sound",
    "crop_length_s",
    "decided_pairs",
    "draw_cut",
    "ranked_pairs",
    "read_pairs",
    "real_pairs",
    "real_sound",
    "told_s",
    "write_pairs",
]

_LONGEST_CROP_S = 10.0


@dataclass(frozen=True, slots=True)
class Sound:
    """One side of a pair.

    Attributes:
        id: Clip id, or id of the request that it answers.
        path: Audio file.
        origin: Real or synthetic.
    """

    id: str
    path: str
    origin: Origin = "synthetic"


@dataclass(frozen=True, slots=True)
class Cut:
    """The stretch that is compared, the same one of both sides.

    Attributes:
        start_s, length_s: In seconds; silence where a sound ends before.
        polarity: 1, or -1 for both waveforms turned over.
    """

    start_s: float
    length_s: float
    polarity: Literal[1, -1] = 1


@dataclass(frozen=True, slots=True)
class Pair:
    """Winner and loser of one prompt.

    Attributes:
        winner: To be preferred.
        loser: Not to be; None for plain fine-tuning, which has no use for one.
        prompt: Of both.
        labels: Of both.
        duration_s: That the model is told, in seconds.
        cut: Of both.
    """

    winner: Sound
    loser: Sound | None
    prompt: str
    labels: tuple[str, ...]
    duration_s: float
    cut: Cut


@dataclass(frozen=True, slots=True)
class Group:
    """Generated sounds of one prompt, beside the training clip that it was written for.

    Attributes:
        clip: The real clip.
        prompt: Of all of them.
        sounds: Generated.
    """

    clip: Clip
    prompt: str
    sounds: tuple[Sound, ...]


def real_sound(training: TrainingPart, clip_id: str) -> Sound:
    """A real side.

    Raises:
        DatasetError: It is no training clip.
    """
    clip = training.by_id.get(clip_id)
    if clip is None:
        raise DatasetError(
            f"clip {clip_id} is no training clip of {training.name}; only training clips may be learned from"
        )
    return Sound(clip.id, clip.path, "real")


def told_s(clip: Clip, longest_s: float) -> float:
    """Duration that the generator is asked for beside a real clip: its own, but no more than ``longest_s``."""
    return round(min(clip.duration_s, longest_s), 3)


def crop_length_s(training: TrainingPart, *, crop_s: float | None, longest_s: float) -> float:
    """Length of both sides, in seconds: as asked, else that of the median clip, at most ten seconds."""
    if crop_s is not None:
        return min(crop_s, longest_s)
    return round(min(_LONGEST_CROP_S, median(told_s(clip, longest_s) for clip in training.clips)), 3)


def draw_cut(duration_s: float, length_s: float, generator: np.random.Generator) -> Cut:
    """Where both sides begin, drawn evenly, and their polarity."""
    start_s = round(float(generator.uniform(0, max(0.0, duration_s - length_s))), 4)
    return Cut(start_s, length_s, 1 if generator.random() < 0.5 else -1)


def real_pairs(
    training: TrainingPart, groups: Sequence[Group], *, length_s: float, longest_s: float, seed: int
) -> list[Pair]:
    """Each real clip against each clip that was generated for its prompt; without any, the real clip alone.

    Source:
        Ghosh et al. 2025, arXiv:2410.02056 (Synthio), section 3.1.
    """
    pairs = []
    for group in groups:
        winner, duration_s = real_sound(training, group.clip.id), told_s(group.clip, longest_s)
        for number, loser in enumerate(group.sounds or (None,)):
            cut = draw_cut(duration_s, length_s, item_generator(seed, "cut", group.clip.id, number))
            pairs.append(Pair(winner, loser, group.prompt, group.clip.labels, duration_s, cut))
    return pairs


def ranked_pairs(
    groups: Sequence[Group], scores: Mapping[str, float], *, length_s: float, longest_s: float, seed: int
) -> list[Pair]:
    """Of each prompt the clip with the highest score against the one with the lowest; none where they are equal.

    Source:
        Hung et al. 2024, arXiv:2412.21037 (TangoFlux), section 2.4: CLAP-ranked preference optimisation.
    """
    pairs = []
    for group in groups:
        order = sorted(group.sounds, key=lambda sound: (scores[sound.id], sound.id))
        if len(order) < 2 or scores[order[0].id] >= scores[order[-1].id]:
            continue
        duration_s = told_s(group.clip, longest_s)
        cut = draw_cut(duration_s, length_s, item_generator(seed, "cut", order[-1].id, order[0].id))
        pairs.append(Pair(order[-1], order[0], group.prompt, group.clip.labels, duration_s, cut))
    if not pairs:
        raise DatasetError("all generated clips of each prompt have the same score, expected differences to learn from")
    return pairs


def decided_pairs(
    accepted: Sequence[tuple[Sound, str, tuple[str, ...], float]],
    rejected: Sequence[tuple[Sound, tuple[str, ...], float]],
    *,
    losers: int,
    length_s: float,
    seed: int,
) -> list[Pair]:
    """Each accepted clip against up to ``losers`` rejected ones of the same labels, drawn.

    Args:
        accepted: Sound, prompt, labels and duration in seconds.
        rejected: Sound, labels and duration in seconds.
        losers: Most rejected clips for an accepted one.
        length_s: Of the stretch, in seconds.
        seed: Of what is drawn.

    Raises:
        DatasetError: No label has clips of both kinds.
    """
    pairs = []
    for winner, prompt, labels, duration_s in accepted:
        against = [(sound, other_s) for sound, others, other_s in rejected if set(others) == set(labels)]
        generator = item_generator(seed, "decided", winner.id)
        for row in generator.permutation(len(against))[:losers]:
            loser, other_s = against[row]
            cut = draw_cut(min(duration_s, other_s), length_s, generator)
            pairs.append(Pair(winner, loser, prompt, labels, duration_s, cut))
    if not pairs:
        raise DatasetError(
            f"{len(accepted)} accepted and {len(rejected)} rejected clips give no pair; expected a label with both"
        )
    return pairs


def write_pairs(path: Path, pairs: Sequence[Pair]) -> None:
    """One pair a line, whole or not at all."""
    with disk_errors(str(path)):
        write_text(path, "".join(canonical_json(asdict(pair)) + "\n" for pair in pairs))


def read_pairs(path: Path) -> list[Pair]:
    """What :func:`write_pairs` wrote.

    Raises:
        RunError: The file is damaged.
    """
    try:
        return [record_from(Pair, parse_json(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}); delete it to make the pairs again") from error
