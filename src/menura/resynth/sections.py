"""Clips of any length: a long one is rendered section by section, so that memory does not grow with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from menura.resynth.analysis import Scene, analyse
from menura.resynth.params import ResynthParams
from menura.resynth.presets import ResynthSettings
from menura.resynth.render import MAX_PEAK, render
from menura.seeding import item_seed
from menura.types import Waveform

__all__ = ["SECTION_S", "is_long", "render_long", "scene_of"]

SECTION_S = 30.0
"""Longest stretch that is analysed at once, in seconds of one channel."""

_FADE_S = 0.05


def is_long(waveform: Waveform, sample_rate: int) -> bool:
    """Whether the clip has to be rendered by sections."""
    return waveform.size > SECTION_S * sample_rate


def render_long(
    parents: tuple[Waveform, ...],
    sample_rate: int,
    params: ResynthParams,
    settings: ResynthSettings,
    *,
    generator: np.random.Generator,
    num_samples: int | None = None,
    scene: Scene | None = None,
) -> Waveform:
    """Like :func:`~menura.resynth.render.render`, for parents of any length.

    Each section of the new clip comes from the same section of the parents, and is laid out on its own; neighbours
    are cross-faded over 50 ms.

    Args:
        parents: Waveforms ``[channels, samples]`` of one or two parents.
        sample_rate: In Hz, of both.
        params: The drawn numbers, the same in all sections but for the layout.
        settings: Say how long a frame is.
        generator: Draws noise and room.
        num_samples: Length; None is that of the first parent times ``params.duration_scale``.
        scene: Background to lay under all sections.
    """
    first = parents[0]
    total = max(1, round(first.shape[1] * params.duration_scale)) if num_samples is None else num_samples
    count = max(
        1, int(np.ceil(first.size / (SECTION_S * sample_rate))), int(np.ceil(total / (SECTION_S * sample_rate)))
    )
    fade = min(round(_FADE_S * sample_rate), total // (2 * count))
    edges = np.linspace(0, total, count + 1).astype(int)
    result = np.zeros((first.shape[0], total), np.float32)
    for index in range(count):
        analyses = [analyse(_section(parent, index, count, sample_rate), sample_rate, settings) for parent in parents]
        seed = params.layout_seed if index == 0 else item_seed(params.layout_seed, "section", index) % 2**31
        start, stop = int(edges[index]), min(total, int(edges[index + 1]) + fade)
        piece = render(
            analyses, replace(params, layout_seed=seed), generator=generator, num_samples=max(1, stop - start),
            scene=scene,
        )  # fmt: skip
        result[:, start:stop] += _faded(piece, fade, at_start=index > 0, at_end=index + 1 < count)[:, : stop - start]
    peak = float(np.abs(result).max(initial=0.0))
    return result if peak <= MAX_PEAK else np.asarray(result * np.float32(MAX_PEAK / peak))


def scene_of(waveform: Waveform, sample_rate: int, settings: ResynthSettings) -> Scene:
    """The scene of a clip; that of its first section when it is long.

    Args:
        waveform: ``[channels, samples]``.
        sample_rate: In Hz.
        settings: Say how long a frame is.
    """
    count = max(1, int(np.ceil(waveform.size / (SECTION_S * sample_rate))))
    return analyse(_section(waveform, 0, count, sample_rate), sample_rate, settings).scene


def _section(waveform: Waveform, index: int, count: int, sample_rate: int) -> Waveform:
    """Section ``index`` of ``count``, with the samples of the cross-fade, at most ``SECTION_S`` long."""
    edges = np.linspace(0, waveform.shape[1], count + 1).astype(int)
    start = min(int(edges[index]), waveform.shape[1] - 1)
    limit = round((SECTION_S / waveform.shape[0] + _FADE_S) * sample_rate)
    stop = max(start + 1, min(int(edges[index + 1]) + round(_FADE_S * sample_rate), start + limit))
    return waveform[:, start:stop]


def _faded(piece: Waveform, fade: int, *, at_start: bool, at_end: bool) -> Waveform:
    """Raised-cosine slopes, which add up to one where two pieces meet."""
    if not fade:
        return piece
    slope = (0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)).astype(np.float32)
    if at_start:
        piece[:, :fade] *= slope
    if at_end:
        piece[:, -fade:] *= slope[::-1]
    return piece
