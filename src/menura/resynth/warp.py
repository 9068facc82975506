"""Fine structure at another pitch and tempo: grains warped along frequency, phases carried on from frame to frame.

Each output frame copies one frame of the parent. A pitch ratio ``r`` reads the copied spectrum at bin ``k / r``,
which scales the grain in time about its middle; the phase then has to advance from frame to frame as the partials of
the parent do, times ``r``. At the start of each piece and at onsets the phases of the parent are taken over as they
are, so that attacks stay sharp. Where neither pitch nor tempo changes, frames are copied with their phases.

Source:
    Dolson 1986, "The phase vocoder: a tutorial"; Laroche and Dolson 1999, "New phase-vocoder techniques for
    pitch-shifting, harmonizing and other exotic effects"; Röbel 2003 for taking over phases at transients.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from menura.resynth.analysis import Analysis
from menura.resynth.layout import Piece
from menura.resynth.stft import OVERLAP, Floats, Spectra

__all__ = ["Voice", "VoiceFrames", "read_bins", "sounding_voice"]


_EDGE_FRAMES = OVERLAP // 2
"""Frames at either end of a recording that are centred on its first or last sample or beyond."""


class Voice(NamedTuple):
    """One source frame for each sounding output frame.

    Attributes:
        at: Output frame, ascending, ``[frames]``.
        source: Frame of the parent.
        restart: Position in this list of the last frame whose phases are taken over.
        ratio: Pitch ratio.
        gain_db: Gain.
        since: Frames since the last onset or gap; another piece that joins on is none.
        is_rigid: Whether all frames move along at the parent's own tempo and pitch.
    """

    at: NDArray[np.intp]
    source: NDArray[np.intp]
    restart: NDArray[np.intp]
    ratio: Floats
    gain_db: Floats
    since: NDArray[np.intp]
    is_rigid: bool


def sounding_voice(
    analysis: Analysis, pieces: list[Piece], *, tempo: Floats, ratio: Floats, allowed: NDArray[np.bool_]
) -> Voice:
    """Pieces as a list of frames.

    Args:
        analysis: The parent.
        pieces: In the order of time.
        tempo: Parent frames per output frame, at each output frame, ``[num_frames]``.
        ratio: Pitch ratio at each output frame, ``[num_frames]``; the pieces' own shifts come on top.
        allowed: Where this voice may sound, ``[num_frames]``.
    """
    num_frames = len(tempo)
    travelled = np.concatenate([[0.0], np.cumsum(tempo, dtype=np.float64)])
    is_onset = np.zeros(analysis.num_frames + 1, bool)
    is_onset[analysis.onsets] = True
    at: list[NDArray[np.intp]] = []
    source: list[NDArray[np.intp]] = []
    fresh: list[NDArray[np.bool_]] = []
    struck: list[NDArray[np.bool_]] = []
    gains: list[Floats] = []
    shifts: list[Floats] = []
    fits: list[NDArray[np.bool_]] = []
    for position, piece in enumerate(pieces):
        limit = pieces[position + 1].at if position + 1 < len(pieces) else num_frames
        progress = travelled[piece.at : limit] - travelled[min(piece.at, num_frames)]
        length = int(np.searchsorted(progress, piece.stop - piece.start - 0.25))
        frames = np.minimum(piece.start + np.round(progress[:length]).astype(np.intp), piece.stop - 1)
        begins = is_onset[frames]
        begins[1:] &= frames[1:] != frames[:-1]
        struck.append(begins.copy())
        begins[:1] = True
        at.append(np.arange(piece.at, piece.at + length))
        source.append(frames)
        fresh.append(begins)
        gains.append(np.full(length, piece.gain_db, np.float32))
        shifts.append(np.full(length, piece.semitones, np.float32))
        fits.append(
            _without_edges(analysis, frames, is_first=not piece.at, is_last=piece.at + length > num_frames - OVERLAP)
        )
    if not at:
        empty = np.zeros(0, np.intp)
        return Voice(empty, empty, empty, np.zeros(0, np.float32), np.zeros(0, np.float32), empty, True)
    places, rows, begins_here = np.concatenate(at), np.concatenate(source), np.concatenate(fresh)
    struck_here = np.concatenate(struck)
    shift, gain_db = np.concatenate(shifts), np.concatenate(gains)
    kept = allowed[places] & np.concatenate(fits)
    if not kept.all():
        places, rows, begins_here, struck_here = places[kept], rows[kept], begins_here[kept], struck_here[kept]
        shift, gain_db = shift[kept], gain_db[kept]
    is_apart = np.ones(len(rows), bool)
    is_apart[1:] = places[1:] != places[:-1] + 1
    order = np.arange(len(rows))
    restart = np.maximum.accumulate(np.where(begins_here | is_apart, order, 0))
    onset = np.maximum.accumulate(np.where(struck_here | is_apart, order, 0))
    ratios = (ratio[places] * np.exp2(shift / 12)).astype(np.float32)
    steady = bool(np.all(ratios == 1.0)) and bool(np.all(rows - rows[restart] == order - restart))
    return Voice(places, rows, restart, ratios, gain_db, order - onset, steady)


def _without_edges(analysis: Analysis, frames: NDArray[np.intp], *, is_first: bool, is_last: bool) -> NDArray[np.bool_]:
    """Which frames of a piece may sound: where a recording begins or ends abruptly, it may do so at the same end only.

    In the midst of a new clip the jump would click, with a hole beside it; without these frames the sound rises and
    falls within a hop or two. A piece of little else keeps them.
    """
    fits = np.ones(len(frames), bool)
    if not is_first:
        fits &= frames >= _EDGE_FRAMES
    if not is_last:
        fits &= frames < analysis.num_frames - _EDGE_FRAMES
    return fits if fits.sum() >= 0.5 * len(fits) else np.ones(len(frames), bool)


class VoiceFrames:
    """Spectra of a voice, block by block in order: the phases of a block go on from the one before.

    Args:
        analysis: The parent.
        voice: Which frame goes where.
        gains: Amplitude gains of the tonal, transient and noise part.
    """

    def __init__(self, analysis: Analysis, voice: Voice, gains: tuple[float, float, float]) -> None:
        self._analysis, self._voice, self._gains = analysis, voice, gains
        self._phase = np.zeros(analysis.spectra.shape[2], np.float32)
        quarter_turns = np.arange(analysis.spectra.shape[2]) % OVERLAP
        self._turn = (np.where(quarter_turns == 3, -1, quarter_turns) * (2 * np.pi / OVERLAP)).astype(np.float32)

    def read(self, start: int, stop: int) -> Spectra:
        """Spectra ``[channels, stop - start, bins]`` of the voice's frames ``start`` to ``stop``."""
        source = self._voice.source[start:stop]
        grains = np.take(self._analysis.spectra, source, axis=1)
        tonal, transient, noise = self._gains
        if not tonal == transient == noise == 1.0:
            weight = self._analysis.tonal[source] * np.float32(tonal - noise)
            weight += self._analysis.transient[source] * np.float32(transient - noise)
            weight += np.float32(noise)
            grains *= weight
        if self._voice.is_rigid:
            return grains
        low, fraction = read_bins(self._voice.ratio[start:stop], grains.shape[2])
        grains = _interpolated(grains, low, fraction)
        advance = self._advance(start, stop, low, fraction)
        return _with_phases(grains, self._phases(grains[self._analysis.reference], advance, start), self._analysis)

    def _advance(self, start: int, stop: int, low: NDArray[np.int32], fraction: Floats) -> Floats:
        """Phase advance over one hop: that of the bin, and the drift of the nearest source bin times the ratio."""
        drift = self._analysis.drift[self._voice.source[start:stop]]
        above = fraction > 0.5
        advance = _taken(drift, low + above)
        advance += (above - fraction) * np.float32(2 * np.pi / OVERLAP)
        advance *= self._voice.ratio[start:stop, None]
        advance += self._turn
        return advance

    def _phases(self, grains: Spectra, advance: Floats, start: int) -> Floats:
        """Phase of each output bin: taken over at restarts, else the one before plus the advance. In place."""
        restart = self._voice.restart[start : start + len(advance)] == np.arange(start, start + len(advance))
        begins = np.flatnonzero(restart)
        advance[begins] = np.arctan2(grains[begins].imag, grains[begins].real)
        phase = self._phase
        for row, is_new in zip(advance, restart.tolist(), strict=True):
            if not is_new:
                row += phase
            phase = row
        self._phase = phase.copy()
        return advance


def read_bins(ratio: Floats, num_bins: int) -> tuple[NDArray[np.int32], Floats]:
    """Where each output bin reads: lower neighbour and fraction, ``[frames or 1, bins]``.

    Above the parent's band the spectrum is read backwards, so that a lower pitch leaves no hole at the top.
    """
    steady = ratio[:1] if np.all(ratio == ratio[0]) else ratio
    place = np.arange(num_bins, dtype=np.float32) / steady[:, None]
    top = np.float32(num_bins - 1)
    if steady.min() < 1:
        place = np.maximum(top - np.abs(top - place), 0)
    low = np.minimum(place.astype(np.int32), num_bins - 2)
    return low, place - low


def _taken(values: NDArray[Any], columns: NDArray[np.int32]) -> NDArray[Any]:
    """``values[..., row, columns[row]]``; one row of columns serves all rows."""
    if len(columns) == 1:
        return np.asarray(np.take(values, columns[0], axis=-1))
    rows = (np.arange(len(columns), dtype=np.int32) * values.shape[-1])[:, None]
    return np.asarray(np.take(values.reshape(*values.shape[:-2], -1), rows + columns, axis=-1))


def _interpolated(grains: Spectra, low: NDArray[np.int32], fraction: Floats) -> Spectra:
    lower = _taken(grains, low)
    upper = _taken(grains, low + 1)
    upper -= lower
    upper *= fraction
    upper += lower
    return upper


def _with_phases(grains: Spectra, phases: Floats, analysis: Analysis) -> Spectra:
    """Grains turned so that the reference channel has the phases; all channels turn alike."""
    turn = np.empty(phases.shape, np.complex64)
    np.cos(phases, out=turn.real)
    np.sin(phases, out=turn.imag)
    size = np.abs(grains[analysis.reference])
    if len(grains) == 1:
        turn *= size
        return turn[None]
    turn *= np.where(size > 0, np.conj(grains[analysis.reference]) / np.maximum(size, np.float32(1e-20)), 1)
    return np.asarray(grains * turn)
