"""Is a clip nearer to a clip of the reference, or to a test clip, than those are to each other? Is it a copy?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from menura.judge.agreement import space_of
from menura.judge.copies import CopyRule, best_match, calibrate_copies
from menura.judge.reference import References, copy_pairs, real_pairs
from menura.metrics.diversity import nearest, row_distances
from menura.studies.measured_clips import MeasuredClips
from menura.types import Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["CopyCheck", "Nearness", "check_copies"]

_EXPECTED = 0.05


@dataclass(frozen=True, slots=True)
class Nearness:
    """One clip and what is nearest to it.

    Attributes:
        path: Of the clip.
        against: ``reference`` or ``test``.
        nearest: Path of the nearest clip there by embedding, or of the one that it seems to be a copy of.
        distance: To that clip, in the placed space of the encoder; a typical real clip has length 1.
        nearer_than: Share of the reference clips that are further from their own nearest one than this clip is from
            the nearest clip, by embedding.
        nearest_mel: Path of the nearest clip there by mel picture.
        mel_db: Distance to that, the root of the mean squared difference in dB.
        mel_nearer_than: As ``nearer_than``, by mel picture.
        correlation: Of the course in time with ``nearest``, in [0, 1].
        is_copy: Whether the judges' rule calls it a copy: as near, and of the same course, as trivial copies are.
    """

    path: str
    against: str
    nearest: str
    distance: float
    nearer_than: float
    nearest_mel: str
    mel_db: float
    mel_nearer_than: float
    correlation: float
    is_copy: bool


@dataclass(frozen=True)
class CopyCheck:
    """What was found of all clips against one set.

    Attributes:
        against: ``reference`` or ``test``.
        copies: Number of clips that are copies.
        clips: Number of clips.
        own_copies: Share of the reference clips that the rule calls copies of another one: recordings that are there
            twice, or sounds so alike that the rule cannot tell. What it finds beyond this share is a finding.
        near_share, mel_near_share: Share of the clips that are nearer to it than all but 5 % of the reference clips are
            to each other, by embedding and by mel picture: 0.05 for further clips of the same kind.
        rule: When a clip counts as a copy, calibrated on the reference.
        rows: One for each clip.
    """

    against: str
    copies: int
    clips: int
    own_copies: float
    near_share: float
    mel_near_share: float
    rule: CopyRule
    rows: tuple[Nearness, ...]


def check_copies(
    reference: MeasuredClips,
    other: MeasuredClips,
    test: MeasuredClips | None,
    *,
    encoder: Encoder,
    encoder_name: str,
    hear: Callable[[str], Recording],
) -> list[CopyCheck]:
    """Each clip of the other set against the reference, and against test clips if there are any.

    The rule is that of the judges (:mod:`menura.judge.copies`), calibrated on trivially changed copies of reference
    clips. What is near but no copy is not hidden: it is in the shares.

    Args:
        reference, other, test: Measured with the same encoders.
        encoder: The one that hears.
        encoder_name: Its name in the measured sets.
        hear: Gives the recording of a reference clip, by its row as text.
    """
    found = reference.embeddings[encoder_name]
    space = space_of(found)
    placed = space.place(found)
    rows = References(
        tuple(f"{row}" for row in range(len(reference))), (), np.zeros((len(reference), 0), bool), reference.facts,
        reference.signatures,
    )  # fmt: skip
    pairs, own_nearest, _ = real_pairs(rows, placed)
    rule = calibrate_copies(copy_pairs(rows, placed, space, hear, encoder), pairs, own_nearest)
    own_mel = _own_nearest(reference.mels)
    own_copies = float(np.mean([_is_own_copy(row, reference, placed, rule) for row in range(len(reference))]))
    there = space.place(other.embeddings[encoder_name])
    checks = []
    for against, part in (("reference", reference), ("test", test)):
        if part is None:
            continue
        known = placed if part is reference else space.place(part.embeddings[encoder_name])
        near = [
            _look(row, other, there, against, part, known, rule=rule, own=np.sort(own_nearest), own_mel=own_mel)
            for row in range(len(other))
        ]
        checks.append(
            CopyCheck(
                against=against,
                copies=sum(one.is_copy for one in near),
                clips=len(near),
                own_copies=own_copies,
                near_share=float(np.mean([one.nearer_than >= 1 - _EXPECTED for one in near])),
                mel_near_share=float(np.mean([one.mel_nearer_than >= 1 - _EXPECTED for one in near])),
                rule=rule,
                rows=tuple(near),
            )
        )
    return checks


def _look(
    row: int,
    other: MeasuredClips,
    there: NDArray[np.float32],
    against: str,
    part: MeasuredClips,
    known: NDArray[np.float32],
    *,
    rule: CopyRule,
    own: NDArray[np.float64],
    own_mel: NDArray[np.float64],
) -> Nearness:
    distances = np.sqrt(np.square(known - there[row]).sum(axis=1))
    found, correlation = best_match(
        other.signatures[row], part.signatures, distances, named=(), limit=rule.distance
    )  # fmt: skip
    which, mel = nearest(other.mels[row : row + 1], part.mels)
    return Nearness(
        path=other.clips[row].path,
        against=against,
        nearest=part.clips[found].path,
        distance=float(distances[found]),
        nearer_than=_share_above(own, float(distances.min())),
        nearest_mel=part.clips[int(which[0])].path,
        mel_db=float(mel[0]),
        mel_nearer_than=_share_above(own_mel, float(mel[0])),
        correlation=correlation,
        is_copy=bool(distances[found] <= rule.distance and correlation >= rule.correlation),
    )


def _is_own_copy(row: int, reference: MeasuredClips, placed: NDArray[np.float32], rule: CopyRule) -> bool:
    """Whether a reference clip would pass for a copy of another one."""
    distances = np.sqrt(np.square(placed - placed[row]).sum(axis=1))
    distances[row] = np.inf
    found, correlation = best_match(
        reference.signatures[row], reference.signatures, distances, named=(), limit=rule.distance
    )
    return bool(distances[found] <= rule.distance and correlation >= rule.correlation)


def _share_above(ordered: NDArray[np.float64], value: float) -> float:
    return float(1 - np.searchsorted(ordered, value, side="right") / len(ordered))


def _own_nearest(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
    """Distance of each picture to the nearest other one, ascending."""
    found, start = [], 0
    for rows in row_distances(pictures, pictures):
        rows[np.arange(len(rows)), start + np.arange(len(rows))] = np.inf
        found.append(rows.min(axis=1))
        start += len(rows)
    return np.sort(np.concatenate(found))
