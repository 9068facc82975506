"""Everything that was drawn for one new clip, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from menura.errors import ConfigError
from menura.types import JsonValue

__all__ = ["Layout", "Morph", "ResynthParams"]

Layout = Literal["keep", "shift", "shuffle", "relay"]
"""Where the sounds of the parent go: unmoved, moved as one, cut and put in another order, or laid anew with other
gaps, some dropped and some repeated."""

Morph = Literal["none", "blend", "mix", "splice", "insert"]
"""What a second parent of the label gives: its spectral and temporal envelope, a second voice, sections in turn (a
second voice where digital silence surrounds either), or its background under the events of the first."""


@dataclass(frozen=True, slots=True)
class ResynthParams:
    """The numbers of one new clip; the defaults leave the parent as it is.

    Attributes:
        layout: How the sounds are laid out.
        layout_seed: Draws order, gaps, cuts and the like, whose count depends on the parent.
        density: Events after re-laying over events before.
        grain_s: Length of the pieces that a texture is cut into.
        fill_padding: Whether digital silence gets a background; gaps of a parent without padding always do.
        fill_db: Level of that background relative to the quietest parts of the parent.
        starts_over: Whether a clip without padding starts over when it ends before the new one does; else the rest
            gets its background.
        pitch_semitones: Shift of the pitch.
        event_pitch_semitones: Largest shift of a single event on top.
        drift_semitones: Standard deviation of a slow drift of the pitch.
        formant_semitones: Shift of the spectral envelope, whatever the pitch does.
        stretch: Duration of the sounds over that in the parent.
        warp_octaves: Standard deviation of the slow change of the tempo.
        duration_scale: Length of the new clip over that of the first parent, unless the request names one.
        event_gain_db: Largest gain or loss of a single event.
        tonal_db, transient_db, noise_db: Gain of the three parts.
        noise_redraw: Share of the noise part that is another realisation of the same texture.
        dynamics: Exponent of the temporal envelope; above 1 sharpens, below 1 levels it.
        decay_db_per_s: Extra fall of the level after each onset, up to 10 dB; negative holds it up.
        modulation_db: Standard deviation of a slow random modulation of each band.
        tilt_db_per_octave: Slope of the spectrum around 1 kHz.
        eq_db: Gains at points spread evenly over the bands.
        low_cut_hz, high_cut_hz: Band limits of the microphone; 0 for none.
        room_s: Reverberation time; 0 for no room.
        room_db: Level of the reverberation relative to the direct sound.
        room_damping: How much faster the treble dies away than the bass, in [0, 1].
        background_db: Level of an added bed with the spectrum of the parent's background, relative to it.
        scene_db: Level of the background of a scene, a clip of another label, under the sound: 0 keeps the distance
            from loud parts to background that the scene itself has; -120 for no scene.
        floor_db: Level of an added hiss relative to the loud parts; 0 for none.
        floor_tilt_db_per_octave: Slope of the hiss.
        gain_db: Change of the level.
        invert: Whether the polarity is turned.
        morph: What the second parent gives.
        morph_amount: Weight of the second parent in [0, 1].
        morph_db: Level of the second voice relative to the first.
        morph_path: Whether a blend lines the parents up by dynamic time warping first.
    """

    layout: Layout = "keep"
    layout_seed: int = 0
    density: float = 1.0
    grain_s: float = 0.5
    fill_padding: bool = False
    fill_db: float = 0.0
    starts_over: bool = False
    pitch_semitones: float = 0.0
    event_pitch_semitones: float = 0.0
    drift_semitones: float = 0.0
    formant_semitones: float = 0.0
    stretch: float = 1.0
    warp_octaves: float = 0.0
    duration_scale: float = 1.0
    event_gain_db: float = 0.0
    tonal_db: float = 0.0
    transient_db: float = 0.0
    noise_db: float = 0.0
    noise_redraw: float = 0.0
    dynamics: float = 1.0
    decay_db_per_s: float = 0.0
    modulation_db: float = 0.0
    tilt_db_per_octave: float = 0.0
    eq_db: tuple[float, ...] = ()
    low_cut_hz: float = 0.0
    high_cut_hz: float = 0.0
    room_s: float = 0.0
    room_db: float = 0.0
    room_damping: float = 0.0
    background_db: float = -120.0
    scene_db: float = -120.0
    floor_db: float = 0.0
    floor_tilt_db_per_octave: float = 0.0
    gain_db: float = 0.0
    invert: bool = False
    morph: Morph = "none"
    morph_amount: float = 0.0
    morph_db: float = 0.0
    morph_path: bool = False

    def to_params(self) -> dict[str, JsonValue]:
        """As JSON holds it; only what differs from the defaults."""
        names = [field.name for field in fields(self)]
        drawn = {name: getattr(self, name) for name in names if getattr(self, name) != getattr(_UNTOUCHED, name)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in drawn.items()}

    @classmethod
    def from_params(cls, values: Mapping[str, JsonValue]) -> ResynthParams:
        """Undoes :meth:`to_params`.

        Raises:
            ConfigError: A name is unknown or a value is of another kind.
        """
        known = {item.name: item.default for item in fields(cls)}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigError(f"no such parameter of a resynthesis: {', '.join(unknown)}; known: {', '.join(known)}")
        return cls(**{name: _typed(name, value, known[name]) for name, value in values.items()})


_UNTOUCHED = ResynthParams()
_CHOICES = {"layout": get_args(Layout), "morph": get_args(Morph)}


def _typed(name: str, value: JsonValue, default: object) -> Any:
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise ConfigError(f"{name} is {value!r}, expected one of {', '.join(_CHOICES[name])}")
        return value
    if name == "eq_db" and isinstance(value, list | tuple):
        return tuple(_number(name, item) for item in value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ConfigError(f"{name} is {value!r}, expected true or false")
        return value
    number = _number(name, value)
    return int(number) if isinstance(default, int) else number


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name} is {value!r}, expected a number")
    return value
