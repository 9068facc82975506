"""Distance, overlap and variety of a set beside a reference, each with the value of two halves of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from menura.metrics.distance import frechet_distance, frechet_limit, kernel_distance
from menura.metrics.diversity import vendi_score
from menura.metrics.manifolds import overlap
from menura.metrics.projection import Standard
from menura.metrics.statistics import Interval, holm
from menura.studies.even_sets import EvenSets, even_sets, same_mix
from menura.types import Clip

__all__ = ["FEWEST", "NEIGHBOURS", "ScoreRow", "label_values", "set_values"]

FEWEST = 8
"""Clips of each set, and of each half of the reference, below which nothing is said of the sets as a whole."""

NEIGHBOURS = 5
_FEWEST_OF_LABEL = 4
_DRAWS = 5
_LIMIT_CLIPS = 8

Places = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One figure of one label, or of all clips.

    Attributes:
        label: Which clips; empty for all.
        measure: Such as ``KAD``.
        value: Of the other set beside the reference.
        floor: The same of one half of the reference beside the other: what no difference looks like; NaN if there are
            too few clips for halves.
        interval: 95 % of the value; NaN where none is known.
        p: That the sets differ by chance; corrected over labels for rows of a label. NaN where none is known.
        clips: In each of the sets that were compared; for KAD of the smaller one.
        heard_by: Name of the encoder or of the text model; empty for none.
    """

    label: str
    measure: str
    value: float
    floor: float
    interval: Interval = (float("nan"), float("nan"))
    p: float = float("nan")
    clips: int = 0
    heard_by: str = ""


@dataclass(frozen=True)
class _Sets:
    """Clips of both sets, and where the encoder puts them."""

    reference: Sequence[Clip]
    other: Sequence[Clip]
    placed: Places
    placed_other: Places

    def of(self, label: str) -> _Sets:
        """The clips that carry the label, as if it were their only one."""
        rows, others = (
            [row for row, clip in enumerate(part) if label in clip.labels] for part in (self.reference, self.other)
        )
        return _Sets(
            [replace(self.reference[row], labels=(label,)) for row in rows],
            [replace(self.other[row], labels=(label,)) for row in others],
            self.placed[rows],
            self.placed_other[others],
        )


def set_values(
    reference: Sequence[Clip],
    other: Sequence[Clip],
    embeddings: NDArray[np.float32],
    other_embeddings: NDArray[np.float32],
    *,
    measures: frozenset[str],
    heard_by: str,
    standardise: bool = True,
    seed: int = 0,
) -> list[ScoreRow]:
    """KAD, FAD, precision, recall, density, coverage and Vendi score of all clips.

    KAD takes all clips of the reference, and of the others as many as have the same mix of labels. All other figures
    depend on the number of sounds: they are means over five draws of equal sets (:mod:`menura.studies.even_sets`).

    Args:
        reference, other: Clips of both sets.
        embeddings, other_embeddings: Of these, ``[clips, dim]``.
        measures: Of ``kad``, ``fad``, ``overlap`` and ``vendi``.
        heard_by: Name of the encoder.
        standardise: Whether each dimension is standardised by the reference first.
        seed: Of all draws.
    """
    sets = _sets(reference, other, embeddings, other_embeddings, standardise=standardise)
    return _values(sets, "", measures, heard_by, fewest=FEWEST, seed=seed)


def label_values(
    reference: Sequence[Clip],
    other: Sequence[Clip],
    embeddings: NDArray[np.float32],
    other_embeddings: NDArray[np.float32],
    *,
    labels: Sequence[str],
    measures: frozenset[str],
    heard_by: str,
    standardise: bool = True,
    seed: int = 0,
) -> list[ScoreRow]:
    """The same for each label that has enough clips, without FAD; p-values are corrected over labels after Holm.

    Args: as :func:`set_values`, and

        labels: Which ones.
    """
    sets = _sets(reference, other, embeddings, other_embeddings, standardise=standardise)
    rows = [
        row
        for label in labels
        for row in _values(sets.of(label), label, measures - {"fad"}, heard_by, fewest=_FEWEST_OF_LABEL, seed=seed)
    ]
    tested = [place for place, row in enumerate(rows) if np.isfinite(row.p)]
    for place, p in zip(tested, holm([rows[place].p for place in tested]), strict=True):
        rows[place] = replace(rows[place], p=p)
    return rows


def _sets(
    reference: Sequence[Clip],
    other: Sequence[Clip],
    embeddings: NDArray[np.float32],
    other_embeddings: NDArray[np.float32],
    *,
    standardise: bool,
) -> _Sets:
    if not standardise:
        return _Sets(reference, other, embeddings.astype(np.float64), other_embeddings.astype(np.float64))
    standard = Standard.of(embeddings)
    return _Sets(reference, other, standard.apply(embeddings), standard.apply(other_embeddings))


def _values(
    sets: _Sets, label: str, measures: frozenset[str], heard_by: str, *, fewest: int, seed: int
) -> list[ScoreRow]:
    draws = [even_sets(sets.reference, sets.other, seed=seed, number=number) for number in range(_DRAWS)]
    size = min(map(len, draws))
    rows: list[ScoreRow] = []
    if "kad" in measures and min(len(sets.reference), len(sets.other)) >= fewest:
        rows.append(_kernel_row(sets, draws if size >= 2 else [], seed))
    if size >= fewest:
        if "fad" in measures:
            rows += _frechet_rows(sets, draws, seed)
        if "overlap" in measures and size > NEIGHBOURS:
            rows += _overlap_rows(sets, draws)
        if "vendi" in measures:
            pairs = [(vendi_score(_centred(sets.placed_other[draw.rows], sets)),
                      vendi_score(_centred(sets.placed[draw.half], sets))) for draw in draws]  # fmt: skip
            rows.append(_mean_row("Vendi score", pairs, size))
    return [replace(row, label=label, heard_by=heard_by) for row in rows]


def _kernel_row(sets: _Sets, draws: Sequence[EvenSets], seed: int) -> ScoreRow:
    rows = same_mix(sets.reference, sets.other, seed=seed)
    found = kernel_distance(sets.placed, sets.placed_other[rows], seed=seed)
    floors = [
        kernel_distance(
            sets.placed[draw.half], sets.placed[draw.other_half], bandwidth=found.bandwidth, resamples=1, seed=seed
        ).value
        for draw in draws
    ]
    floor = float(np.mean(floors)) if floors else float("nan")
    return ScoreRow("", "KAD", found.value, floor, found.interval, found.p, min(len(sets.placed), len(rows)))


def _frechet_rows(sets: _Sets, draws: Sequence[EvenSets], seed: int) -> list[ScoreRow]:
    found, limits = [], []
    for draw in draws:
        half, rest, other = sets.placed[draw.half], sets.placed[draw.other_half], sets.placed_other[draw.rows]
        found.append((frechet_distance(half, other), frechet_distance(half, rest)))
        if len(draw) >= _LIMIT_CLIPS:
            limits.append((frechet_limit(half, other, seed=seed), frechet_limit(half, rest, seed=seed)))
    size = min(map(len, draws))
    return [_mean_row("FAD", found, size), *([_mean_row("FAD limit", limits, size)] if limits else [])]


def _overlap_rows(sets: _Sets, draws: Sequence[EvenSets]) -> list[ScoreRow]:
    pairs = [
        (
            overlap(sets.placed[draw.half], sets.placed_other[draw.rows], neighbours=NEIGHBOURS),
            overlap(sets.placed[draw.half], sets.placed[draw.other_half], neighbours=NEIGHBOURS),
        )
        for draw in draws
    ]
    size = min(map(len, draws))
    return [
        _mean_row(name, [(getattr(found, name), getattr(floor, name)) for found, floor in pairs], size)
        for name in ("precision", "recall", "density", "coverage")
    ]


def _centred(placed: Places, sets: _Sets) -> Places:
    return np.asarray(placed - sets.placed.mean(axis=0))


def _mean_row(measure: str, pairs: Sequence[tuple[float, float]], size: int) -> ScoreRow:
    value, floor = np.mean(pairs, axis=0).tolist()
    return ScoreRow("", measure, value, floor, clips=size)
