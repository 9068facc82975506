"""Draws the numbers of one new clip from one strength."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from menura.resynth.params import Layout, Morph, ResynthParams
from menura.resynth.presets import Ranges, ResynthSettings, ranges_for

__all__ = ["draw_params", "scene_share"]

_EQ_POINTS = 8
_DIGITS = 4
_DRIFTING = 0.35
_SCENE_DB = (-12.0, 6.0)


def scene_share(settings: ResynthSettings) -> float:
    """Share of the new clips that should get the background of a clip of another label.

    Raises:
        ConfigError: The settings are impossible.
    """
    return ranges_for(settings).scene * _growth(settings.strength)


def draw_params(
    settings: ResynthSettings, *, num_parents: int, generator: np.random.Generator, has_scene: bool = False
) -> ResynthParams:
    """Every number of one new clip.

    All ranges and probabilities shrink in proportion to ``delta``; at 0 the clip stays as it is. The same count of
    random numbers is consumed whatever the settings, so that one attribute preserved leaves the others unchanged.

    Args:
        settings: Domain, what to preserve, strength.
        num_parents: 1 or 2; a second parent allows morphs.
        generator: Random state of this item alone.
        has_scene: Whether there is a clip of another label to take a background from.

    Raises:
        ConfigError: The settings are impossible.
    """
    draw = _Draw(generator, settings.strength)
    ranges = ranges_for(settings)
    stretch = 2 ** draw.symmetric(ranges.stretch_octaves)
    drawn = ResynthParams(
        layout=_draw_layout(draw, ranges),
        layout_seed=draw.seed(),
        density=_rounded(2 ** draw.symmetric(ranges.density_octaves)),
        grain_s=_rounded(0.2 * 5 ** draw.unit()),
        fill_padding=draw.chance(ranges.fill_padding),
        fill_db=_rounded(-15 * draw.unit()),
        starts_over=not ranges.duration_follows,
        pitch_semitones=draw.symmetric(ranges.pitch_semitones),
        event_pitch_semitones=draw.share(ranges.event_pitch_semitones),
        drift_semitones=draw.now_and_then(_DRIFTING, ranges.drift_semitones),
        formant_semitones=draw.symmetric(ranges.formant_semitones),
        stretch=_rounded(stretch),
        warp_octaves=draw.share(ranges.warp_octaves),
        duration_scale=_rounded(stretch) if ranges.duration_follows else 1.0,
        event_gain_db=draw.share(ranges.event_gain_db),
        tonal_db=draw.symmetric(ranges.part_gain_db),
        transient_db=draw.symmetric(ranges.part_gain_db),
        noise_db=draw.symmetric(ranges.part_gain_db),
        noise_redraw=draw.gated(ranges.redraw, 0.3, 1.0),
        dynamics=_rounded(2 ** draw.symmetric(ranges.dynamics)),
        decay_db_per_s=draw.symmetric(ranges.decay_db_per_s),
        modulation_db=draw.share(ranges.modulation_db),
        tilt_db_per_octave=draw.symmetric(ranges.tilt_db_per_octave),
        eq_db=draw.curve(ranges.eq_db),
        low_cut_hz=draw.gated(ranges.band_limit, np.log(40), np.log(300), exponential=True),
        high_cut_hz=draw.gated(ranges.band_limit, np.log(4000), np.log(14000), exponential=True),
        room_s=draw.gated(ranges.room, np.log(0.1), np.log(max(0.11, ranges.room_s)), exponential=True),
        room_db=_rounded(-20 + 18 * draw.unit()),
        room_damping=draw.unit(),
        background_db=_or_none(draw.gated(ranges.background, 1.0, 16.0), -8.0),
        floor_db=-draw.gated(ranges.floor, 25.0, 75.0),
        floor_tilt_db_per_octave=_rounded(-6 * draw.unit()),
        gain_db=draw.symmetric(ranges.gain_db),
        invert=draw.chance(0.5),
    )
    drawn = _with_morph(drawn, draw, ranges, num_parents)
    low_db, high_db = _SCENE_DB
    scene_db = _rounded(low_db + (high_db - low_db) * draw.unit())
    return replace(drawn, scene_db=scene_db) if has_scene else drawn


def _growth(strength: float) -> float:
    """What probabilities are multiplied by; the full ones are reached at two thirds of the strength."""
    return min(1.0, 1.5 * strength)


class _Draw:
    """Draws that shrink with the strength."""

    def __init__(self, generator: np.random.Generator, strength: float) -> None:
        self._generator, self._strength = generator, strength

    def unit(self) -> float:
        return _rounded(self._generator.random())

    def seed(self) -> int:
        return int(self._generator.integers(2**31))

    def symmetric(self, limit: float) -> float:
        return _rounded(self._strength * limit * (2 * self._generator.random() - 1))

    def share(self, limit: float) -> float:
        return _rounded(self._strength * limit * self._generator.random())

    def chance(self, probability: float) -> bool:
        return bool(self._generator.random() < probability * _growth(self._strength))

    def now_and_then(self, probability: float, limit: float) -> float:
        """A share of the limit with the probability, else 0."""
        is_on, value = self.chance(probability), self.share(limit)
        return value if is_on else 0.0

    def gated(self, probability: float, low: float, high: float, *, exponential: bool = False) -> float:
        """A number in [low, high] with the probability, else 0; with ``exponential`` its exponential."""
        is_on, value = self.chance(probability), low + (high - low) * self._generator.random()
        return _rounded(float(np.exp(value) if exponential else value)) if is_on else 0.0

    def curve(self, limit: float) -> tuple[float, ...]:
        """Gains at the points of the equaliser; its depth is drawn first, so that some clips get hardly any."""
        depth = self._strength * limit * self._generator.random()
        points = depth * self._generator.uniform(-1, 1, _EQ_POINTS)
        return tuple(_rounded(point) for point in points) if limit * self._strength else ()

    def choice(self, names: tuple[str, ...], probabilities: tuple[float, ...]) -> str:
        """One of the names, or the empty text for what is left of the probability."""
        limits = np.cumsum(probabilities) * _growth(self._strength)
        position = int(np.searchsorted(limits, self._generator.random(), side="right"))
        return names[position] if position < len(names) else ""


def _draw_layout(draw: _Draw, ranges: Ranges) -> Layout:
    names: tuple[Layout, ...] = ("shift", "shuffle", "relay")
    chosen = draw.choice(names, (ranges.shift, ranges.shuffle, ranges.relay))
    return next((name for name in names if name == chosen), "keep")


def _with_morph(drawn: ResynthParams, draw: _Draw, ranges: Ranges, num_parents: int) -> ResynthParams:
    names: tuple[Morph, ...] = ("blend", "mix", "splice", "insert")
    chosen = draw.choice(names, (ranges.blend, ranges.mix, ranges.splice, ranges.insert))
    amount, level_db = _rounded(0.15 + 0.7 * draw.unit()), _rounded(-12 + 14 * draw.unit())
    if num_parents < 2 or not chosen:
        return drawn
    morph: Morph = next(name for name in names if name == chosen)
    return replace(drawn, morph=morph, morph_amount=amount, morph_db=level_db, morph_path=ranges.follow_path)


def _or_none(value: float, offset: float) -> float:
    return _rounded(value + offset) if value else ResynthParams().background_db


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
