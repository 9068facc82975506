"""Which piece of the parent sounds when: pieces moved, cut, re-ordered, dropped, repeated, laid anew."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from menura.resynth.analysis import Analysis
from menura.resynth.params import ResynthParams

__all__ = ["Piece", "lay_out"]

_MIN_FRAMES = 4


class Piece(NamedTuple):
    """Frames ``start`` to ``stop`` of a parent, played from output frame ``at`` on.

    ``gain_db`` and ``semitones`` apply to this piece alone.
    """

    start: int
    stop: int
    at: int
    gain_db: float = 0.0
    semitones: float = 0.0


def lay_out(
    analysis: Analysis, params: ResynthParams, *, num_frames: int, generator: np.random.Generator
) -> list[Piece]:
    """Pieces of one parent over the output's frames, in the order of time, without overlap.

    Args:
        analysis: The parent.
        params: Layout, density, stretch and the like.
        num_frames: Frames of the output.
        generator: Draws what depends on the number of events; seeded by ``params.layout_seed``.
    """
    start, stop = analysis.sounding
    if stop <= start:
        return []
    if params.layout == "relay" and analysis.events:
        return _relaid_events(analysis, params, num_frames, generator)
    if params.layout in ("shuffle", "relay"):
        cut = _cut_at_events(analysis) if analysis.events else _cut_evenly(analysis, params, generator)
        return _played_in_turn(analysis, params, _permuted(cut, generator), num_frames, generator)
    return _moved_whole(analysis, params, num_frames, generator)


def _moved_whole(
    analysis: Analysis, params: ResynthParams, num_frames: int, generator: np.random.Generator
) -> list[Piece]:
    """The sound in one piece: at another time where silence surrounds it, else turned round in a circle."""
    start, stop = analysis.sounding if analysis.is_padded else (0, analysis.num_frames)
    where = generator.random()
    is_moved = params.layout == "shift"
    if is_moved and not analysis.is_padded and params.starts_over:
        start, stop = analysis.inside
        middle = start + int(where * (stop - start))
        return _played_in_turn(analysis, params, [(middle, stop), (start, middle)], num_frames, generator)
    start, stop = _loudest_part(analysis, start, stop, longest=int(num_frames / params.stretch))
    spare = max(0, num_frames - max(1, round((stop - start) * params.stretch)))
    if is_moved:
        return [Piece(start, stop, int(where * spare))]
    if analysis.is_padded:
        return [Piece(start, stop, min(spare, round(start * params.stretch)))]
    if not params.starts_over:
        return [Piece(start, stop, 0)]
    again = _played_in_turn(analysis, params, [analysis.inside if spare else (start, stop)], num_frames, generator)
    return [again[0]._replace(start=start), *again[1:]]


def _loudest_part(analysis: Analysis, start: int, stop: int, *, longest: int) -> tuple[int, int]:
    """The ``longest`` frames between ``start`` and ``stop`` that hold the most energy."""
    longest = max(1, longest)
    if stop - start <= longest:
        return start, stop
    energy = np.cumsum(np.concatenate([[0.0], 10 ** (analysis.level_db[start:stop] / 10)]))
    best = start + int(np.argmax(energy[longest:] - energy[:-longest]))
    return best, best + longest


def _relaid_events(
    analysis: Analysis, params: ResynthParams, num_frames: int, generator: np.random.Generator
) -> list[Piece]:
    """Events with other gaps; about ``density`` times as many a second, each chosen with replacement."""
    events = analysis.events
    total = sum(event.stop - event.start for event in events)
    gap = max(0.5, (analysis.num_frames - total) / len(events) / params.density)
    pieces: list[Piece] = []
    order = generator.permutation(len(events))
    at = round(generator.exponential(0.5 * gap))
    count = 0
    while not pieces or at < num_frames - _MIN_FRAMES:
        repeats = count >= len(events)
        event = events[int(generator.integers(len(events))) if repeats else int(order[count])]
        length = max(1, round((event.stop - event.start) * params.stretch))
        at = at if pieces else max(0, min(at, num_frames - length))
        if pieces and num_frames - at < 0.5 * length:
            break
        pieces.append(_coloured(Piece(event.start, event.stop, at), params, generator))
        at += length + round(generator.exponential(gap))
        count += 1
    return pieces


def _cut_at_events(analysis: Analysis) -> list[tuple[int, int]]:
    """The sounding span cut before each event, so that every piece is an event with what follows it."""
    start, stop = _cut_span(analysis)
    cuts = sorted({start, *(event.start for event in analysis.events if start < event.start < stop), stop})
    return [(low, high) for low, high in pairwise(cuts) if high - low >= 1]


def _cut_span(analysis: Analysis) -> tuple[int, int]:
    """What may be cut: all that sounds where silence surrounds it, else what hears no edge of the recording."""
    return analysis.sounding if analysis.is_padded else analysis.inside


def _cut_evenly(analysis: Analysis, params: ResynthParams, generator: np.random.Generator) -> list[tuple[int, int]]:
    """The sounding span cut into pieces of about ``grain_s``."""
    start, stop = _cut_span(analysis)
    grain = max(_MIN_FRAMES, params.grain_s / analysis.hop_s)
    count = max(1, round((stop - start) / grain))
    inner = np.linspace(start, stop, count + 1)[1:-1]
    inner = inner + generator.uniform(-0.4, 0.4, len(inner)) * grain
    cuts = [start, *np.unique(np.clip(np.round(inner), start, stop)).astype(int), stop]
    return [(int(low), int(high)) for low, high in pairwise(cuts) if high > low]


def _permuted(pieces: list[tuple[int, int]], generator: np.random.Generator) -> list[tuple[int, int]]:
    return [pieces[int(index)] for index in generator.permutation(len(pieces))]


def _played_in_turn(
    analysis: Analysis,
    params: ResynthParams,
    order: list[tuple[int, int]],
    num_frames: int,
    generator: np.random.Generator,
) -> list[Piece]:
    """Pieces one after the other; a clip without padding starts over until the time is filled."""
    pieces: list[Piece] = []
    at = 0
    if analysis.is_padded:
        length = sum(max(1, round((stop - start) * params.stretch)) for start, stop in order)
        at = int(generator.random() * max(0, num_frames - length))
    while order:
        for start, stop in order:
            if at >= num_frames:
                return pieces
            pieces.append(_coloured(Piece(start, stop, at), params, generator))
            at += max(1, round((stop - start) * params.stretch))
        if analysis.is_padded:
            return pieces
    return pieces


def _coloured(piece: Piece, params: ResynthParams, generator: np.random.Generator) -> Piece:
    gain, shift = generator.uniform(-1, 1, 2)
    return piece._replace(
        gain_db=float(params.event_gain_db * gain), semitones=float(params.event_pitch_semitones * shift)
    )
