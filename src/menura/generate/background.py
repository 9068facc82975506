"""The background of a recording, without the events in it, for as long as it is needed. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np

from menura.generate.mixing import faded, fitted, frame_powers
from menura.resynth.events import SILENCE_DB, find_events, spans
from menura.types import Waveform

__all__ = ["background_of", "event_span", "frame_levels"]

FRAME_S = 0.02
_LEAST_S, _CROSS_S = 0.2, 0.05


def background_of(
    waveform: Waveform, sample_rate: int, *, num_samples: int, generator: np.random.Generator
) -> Waveform:
    """What is heard between the events of a recording, in pieces of it, cross-faded, from a drawn place on.

    A recording without events (rain, a fan) is background as a whole. One that is never quiet for 0.2 s gives its
    quietest 0.2 s over and over; a silent one gives silence.

    Args:
        waveform: ``[channels, samples]``, at least one sample.
        sample_rate: In Hz.
        num_samples: How much of it.
        generator: Decides the order of the pieces and where the first one begins.
    """
    pieces = [waveform[:, start:stop] for start, stop in _quiet_spans(waveform, sample_rate)]
    first = pieces[int(generator.integers(len(pieces)))]
    start = int(generator.integers(max(1, first.shape[1] - round(_LEAST_S * sample_rate))))
    order = [first[:, start:], *(pieces[index] for index in generator.permutation(len(pieces)))]
    if sum(piece.shape[1] for piece in order) >= num_samples + len(order) * round(_CROSS_S * sample_rate):
        return _joined(order, sample_rate)[:, :num_samples]
    return fitted(_joined(order, sample_rate), sample_rate, num_samples=num_samples)


def event_span(waveform: Waveform, sample_rate: int) -> tuple[int, int]:
    """First and last sample (exclusive) of the events; of all that sounds where there are none; (0, 0) for silence."""
    level_db, hop = frame_levels(waveform, sample_rate)
    events = find_events(level_db, hop_s=hop / sample_rate)
    if events:
        start, stop = events[0].start, events[-1].stop
    else:
        sounding = np.flatnonzero(level_db > SILENCE_DB)
        start, stop = (int(sounding[0]), int(sounding[-1]) + 1) if sounding.size else (0, 0)
    return start * hop, min(stop * hop, waveform.shape[1])


def frame_levels(waveform: Waveform, sample_rate: int) -> tuple[np.ndarray, int]:
    """Level of each 20 ms in dB of full scale, all channels together, and the samples of one step."""
    hop = max(1, round(FRAME_S * sample_rate))
    power, _ = frame_powers(waveform, hop=hop)
    return 10 * np.log10(power + 1e-20), hop


def _quiet_spans(waveform: Waveform, sample_rate: int) -> list[tuple[int, int]]:
    """Samples between events that are not digital silence, at least 0.2 s each; never empty."""
    level_db, hop = frame_levels(waveform, sample_rate)
    total, least = waveform.shape[1], round(_LEAST_S * sample_rate)
    quiet = level_db > SILENCE_DB
    for event in find_events(level_db, hop_s=hop / sample_rate):
        quiet[event.start : event.stop] = False
    found = [(start * hop, min(stop * hop, total)) for start, stop in spans(quiet) if (stop - start) * hop >= least]
    if found or total <= least:
        return found or [(0, total)]
    width = max(1, least // hop)
    smoothed = np.convolve(10 ** (level_db / 10), np.ones(width) / width, mode="valid")
    quietest = int(np.argmin(np.where(smoothed > 10 ** (SILENCE_DB / 10), smoothed, np.inf))) * hop
    return [(quietest, min(quietest + least, total))]


def _joined(pieces: list[Waveform], sample_rate: int) -> Waveform:
    """One after the other with raised-cosine cross-fades, which add up to one."""
    whole = pieces[0]
    for piece in pieces[1:]:
        cross = min(round(_CROSS_S * sample_rate), whole.shape[1] // 2, piece.shape[1] // 2)
        if not cross:
            whole = np.concatenate([whole, piece], axis=1)
            continue
        falling = faded(whole, sample_rate, rise_s=0, fall_s=cross / sample_rate)
        rising = faded(piece, sample_rate, rise_s=cross / sample_rate, fall_s=0)
        seam = falling[:, -cross:] + rising[:, :cross]
        whole = np.concatenate([falling[:, :-cross], seam, rising[:, cross:]], axis=1)
    return whole
