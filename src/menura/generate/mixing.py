"""Sounds put together: levels where they sound, shifts, slopes, scenes of any length. Arrays in, arrays out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from menura.audio.descriptors import active_frames
from menura.audio.level import within_full_scale
from menura.synth import Sounds, Synthesizer, voice_named
from menura.types import Waveform

__all__ = ["SECTION_S", "at_level", "faded", "fitted", "frame_powers", "rendered", "shifted", "sounding_level"]

SECTION_S = 10.0
"""Longest stretch of a scene, but for a cross-fade, that is rendered at once: its strokes are over by then."""

_FRAME_S = 0.05
_CROSS_S = 0.5
_SEAM_S = 0.005


def sounding_level(waveform: Waveform, sample_rate: int) -> float:
    """Root mean square over the frames that belong to the sound, not to the silence around it; 0 for silence.

    Args:
        waveform: ``[channels, samples]``, at least one sample.
        sample_rate: In Hz.
    """
    power, lengths = frame_powers(waveform, hop=max(1, round(_FRAME_S * sample_rate)))
    active = active_frames(10 * np.log10(power + 1e-20))
    return float(np.sqrt(np.average(power[active], weights=lengths[active])))


def frame_powers(waveform: Waveform, *, hop: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Mean square of each stretch of ``hop`` samples, all channels together, and how many samples it has.

    Args:
        waveform: ``[channels, samples]``, at least one sample; the last stretch may be shorter.
        hop: At least 1.
    """
    starts = np.arange(0, waveform.shape[1], hop)
    lengths = np.diff(np.append(starts, waveform.shape[1]))
    return np.add.reduceat(np.square(waveform, dtype=np.float64).mean(axis=0), starts) / lengths, lengths


def at_level(sound: Waveform, sample_rate: int, *, beside: Waveform, level_db: float) -> Waveform:
    """A sound brought to a level over that of another one, both where they sound; its shape stays.

    Args:
        sound, beside: ``[channels, samples]``, of any lengths.
        sample_rate: In Hz, of both.
        level_db: Above 0 the sound is the louder one. Beside silence it becomes silent.
    """
    reference, own = sounding_level(beside, sample_rate), sounding_level(sound, sample_rate)
    factor = reference / own * 10 ** (level_db / 20) if own > 0 else 0.0
    return np.asarray(sound * np.float32(factor), dtype=np.float32)


def fitted(waveform: Waveform, sample_rate: int, *, num_samples: int) -> Waveform:
    """Cut at the end, or started over with smoothed seams, to the length."""
    if waveform.shape[1] >= num_samples:
        return waveform[:, :num_samples]
    smooth = faded(waveform, sample_rate, rise_s=_SEAM_S, fall_s=_SEAM_S)
    return np.tile(smooth, (1, -(-num_samples // waveform.shape[1])))[:, :num_samples]


def shifted(waveform: Waveform, sample_rate: int, *, share: float) -> Waveform:
    """Moved later by a share of its length, around the end; the seam between end and start is smoothed."""
    step = round(share * waveform.shape[1])
    if step == 0:
        return waveform
    return np.roll(faded(waveform, sample_rate, rise_s=_SEAM_S, fall_s=_SEAM_S), step, axis=1)


def faded(waveform: Waveform, sample_rate: int, *, rise_s: float, fall_s: float) -> Waveform:
    """With raised-cosine slopes at both ends, each at most half as long as the waveform."""
    rise, fall = (min(round(length_s * sample_rate), waveform.shape[1] // 2) for length_s in (rise_s, fall_s))
    return _sloped(waveform, rise, fall)


def _sloped(waveform: Waveform, rise: int, fall: int) -> Waveform:
    changed = waveform.copy()
    changed[:, :rise] *= _slope(rise)
    changed[:, changed.shape[1] - fall :] *= _slope(fall)[::-1]
    return changed


def _slope(num_samples: int) -> Waveform:
    """From 0 to 1; a rising and a falling one add up to 1."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * (np.arange(num_samples) + 0.5) / max(1, num_samples)), np.float32)


def rendered(sounds: Sounds, num_samples: int, sample_rate: int) -> Waveform:
    """The first of the scenes, ``[1, num_samples]``.

    A long one starts anew in each of its sections, with fresh noise; sections are cross-faded.
    """
    count = -(-num_samples // round(SECTION_S * sample_rate))
    edges = np.linspace(0, num_samples, count + 1).astype(int).tolist()
    cross = min(round(_CROSS_S * sample_rate), num_samples // (2 * count))
    whole = np.zeros((1, num_samples), np.float32)
    for number, (start, end) in enumerate(pairwise(edges)):
        is_last = number + 1 == count
        stop = end if is_last else end + cross
        piece = _section(sounds, number, stop - start, sample_rate)
        whole[:, start:stop] += _sloped(piece, cross if number else 0, 0 if is_last else cross)
    return within_full_scale(whole)


def _section(sounds: Sounds, number: int, num_samples: int, sample_rate: int) -> Waveform:
    synthesizer = Synthesizer(voice_named("scene"), num_samples / sample_rate, sample_rate)
    one = Sounds(sounds.parameters[:1], sounds.noise_seeds[:1] + number)
    with torch.no_grad():
        waveform: Waveform = synthesizer.render(one).numpy()
    return waveform
