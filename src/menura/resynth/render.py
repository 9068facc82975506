"""One new clip from the analyses of one or two parents and the drawn numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from menura.resynth.analysis import Analysis, Scene, loud_level_db
from menura.resynth.bands import FLOOR_DB, amplitude, bin_places, read_at
from menura.resynth.params import ResynthParams
from menura.resynth.room import impulse_response, in_room
from menura.resynth.stft import Floats, FrameWriter, Spectra, blocks, num_frames
from menura.resynth.texture import ShapedNoise
from menura.resynth.voices import Part, prepare_parts, with_channels
from menura.types import Waveform

__all__ = ["MAX_PEAK", "render"]

MAX_PEAK = 0.99
"""A louder clip is scaled down to it, never clipped."""


def render(
    analyses: Sequence[Analysis],
    params: ResynthParams,
    *,
    generator: np.random.Generator,
    num_samples: int | None = None,
    scene: Scene | None = None,
) -> Waveform:
    """A waveform that was never recorded, at the rate of the parents.

    Args:
        analyses: One parent or two, at one rate; the first one leads and gives channels, level and length.
        params: The drawn numbers.
        generator: Draws noise and room of this item.
        num_samples: Length; None is that of the first parent times ``params.duration_scale``.
        scene: Background of another recording to lay under the sound, at ``params.scene_db``; None for none.

    Returns:
        ``[channels, num_samples]``, finite, peak at most 0.99. With the parameters of ``delta = 0`` the error is
        more than 90 dB below the parent (unless its peak passes 0.99).
    """
    first = analyses[0]
    if num_samples is None:
        num_samples = max(1, round(first.num_samples * params.duration_scale))
    frames = num_frames(num_samples, first.size)
    noise_power = np.zeros((len(first.spectra), frames, first.envelope_db.shape[1]), np.float32)
    parts = prepare_parts(analyses, params, noise_power, scene)
    waveform = _summed(first, parts, noise_power, generator).waveform(num_samples)
    if params.room_s:
        response = impulse_response(
            sample_rate=first.sample_rate, room_s=params.room_s, level_db=params.room_db,
            damping=params.room_damping, channels=waveform.shape[0], generator=generator,
        )  # fmt: skip
        waveform = in_room(waveform, response)
    return _levelled(waveform, first, params)


def _summed(first: Analysis, parts: list[Part], noise_power: Floats, generator: np.random.Generator) -> FrameWriter:
    """All voices and the noise, block by block."""
    channels, frames = noise_power.shape[:2]
    bins = first.spectra.shape[2]
    writer = FrameWriter(channels, frames, first.size)
    noise = None
    if noise_power.any():
        noise = ShapedNoise(noise_power, sample_rate=first.sample_rate, size=first.size, generator=generator)
    for start, stop in blocks(frames, channels * bins):
        total = np.zeros((channels, stop - start, bins), np.complex64) if noise is None else noise.frames(start, stop)
        for part in parts:
            low, high = np.searchsorted(part.voice.at, (start, stop))
            if high > low:
                total[:, part.voice.at[low:high] - start] += _part_spectra(first, part, int(low), int(high), channels)
        writer.add(total, start)
    return writer


def _part_spectra(first: Analysis, part: Part, low: int, high: int, channels: int) -> Spectra:
    spectrum = part.frames.read(low, high)
    gain_db = part.gain_db[low:high]
    if gain_db.any():
        spectrum *= amplitude(read_at(gain_db, bin_places(first.sample_rate, first.size)))
    return with_channels(spectrum, channels)


def _levelled(waveform: Waveform, first: Analysis, params: ResynthParams) -> Waveform:
    """At the first parent's level plus the drawn gain, scaled down where the peak would pass the limit."""
    found_db = loud_level_db(waveform, first.sample_rate)
    if found_db <= FLOOR_DB or first.loud_db <= FLOOR_DB:
        return np.zeros_like(waveform)
    factor = 10 ** ((first.loud_db - found_db + params.gain_db) / 20) * (-1 if params.invert else 1)
    peak = float(np.abs(waveform).max()) * abs(factor)
    if peak > MAX_PEAK:
        factor *= MAX_PEAK / peak
    return np.asarray(waveform * np.float32(factor), dtype=np.float32)
