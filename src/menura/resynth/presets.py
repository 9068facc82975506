"""How far each attribute may go, per domain, and what ``preserve`` takes out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from menura.config import Domain
from menura.errors import ConfigError

__all__ = ["Attribute", "Preset", "Ranges", "ResynthSettings", "preset", "ranges_for"]

Attribute = Literal[
    "pitch", "formants", "speaker", "timbre", "tempo", "timing", "order", "rhythm", "duration", "level", "dynamics",
    "background", "room",
]  # fmt: skip
"""What a label may live in, and ``preserve`` keeps as it is."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """Largest change of each attribute, reached at ``delta = 1``; every range shrinks with ``delta``.

    Symmetric ranges are drawn uniformly from [-value, value]; shares and probabilities from [0, value].

    Attributes:
        pitch_semitones, event_pitch_semitones, drift_semitones, formant_semitones: See
            :class:`~menura.resynth.params.ResynthParams`.
        stretch_octaves: Binary logarithm of the stretch.
        warp_octaves: Slow change of the tempo.
        duration_follows: Whether a stretch changes the length of the clip.
        shift, shuffle, relay: Probabilities of these layouts.
        density_octaves: Binary logarithm of the change of the number of events.
        fill_padding: Probability that gaps get a background.
        event_gain_db, part_gain_db, gain_db: Levels.
        redraw: Probability that the noise part is drawn anew.
        dynamics: Binary logarithm of the exponent of the temporal envelope.
        decay_db_per_s: Faster or slower decay.
        modulation_db: Slow random modulation of bands.
        tilt_db_per_octave, eq_db: Equaliser.
        band_limit: Probability of a microphone with a narrower band.
        room: Probability of a room.
        room_s: Longest reverberation time.
        background: Probability of an added bed.
        scene: Probability that the background of a clip of another label is laid under the sound.
        floor: Probability of an added hiss.
        blend, mix, splice, insert: Probabilities of what a second parent gives.
        follow_path: Whether a blend lines the parents up event by event (dynamic time warping) before it mixes
            their envelopes, as words and calls want, or goes by time alone.
    """

    pitch_semitones: float = 5.0
    event_pitch_semitones: float = 1.5
    drift_semitones: float = 0.5
    formant_semitones: float = 4.0
    stretch_octaves: float = 0.5
    warp_octaves: float = 0.25
    duration_follows: bool = False
    shift: float = 0.3
    shuffle: float = 0.25
    relay: float = 0.35
    density_octaves: float = 1.0
    fill_padding: float = 0.5
    event_gain_db: float = 6.0
    part_gain_db: float = 6.0
    gain_db: float = 8.0
    redraw: float = 0.5
    dynamics: float = 0.8
    decay_db_per_s: float = 10.0
    modulation_db: float = 2.0
    tilt_db_per_octave: float = 2.0
    eq_db: float = 8.0
    band_limit: float = 0.2
    room: float = 0.4
    room_s: float = 1.2
    background: float = 0.2
    scene: float = 0.85
    floor: float = 0.4
    blend: float = 0.3
    mix: float = 0.4
    splice: float = 0.1
    insert: float = 0.15
    follow_path: bool = False


@dataclass(frozen=True, slots=True)
class Preset:
    """Defaults of a domain: the strength and the ranges."""

    delta: float
    window_s: float
    ranges: Ranges


_PRESETS: dict[Domain, Preset] = {
    "environment": Preset(0.8, 0.046, Ranges()),
    "animal": Preset(
        0.6,
        0.040,
        Ranges(pitch_semitones=3.0, formant_semitones=2.5, stretch_octaves=0.4, duration_follows=True,
               shuffle=0.0, shift=0.5, relay=0.3, dynamics=0.8, follow_path=True, splice=0.1, scene=0.5),
    ),
    "speech": Preset(
        0.7,
        0.032,
        Ranges(pitch_semitones=8.0, event_pitch_semitones=0.0, drift_semitones=0.6, formant_semitones=1.2,
               stretch_octaves=0.45, warp_octaves=0.15, duration_follows=True, shuffle=0.0, relay=0.0, shift=0.5,
               event_gain_db=3.0, part_gain_db=8.0, redraw=0.4, dynamics=1.2, decay_db_per_s=20.0,
               eq_db=5.0, tilt_db_per_octave=2.5, band_limit=0.1, room=0.3, room_s=0.4, background=0.05, floor=0.6,
               scene=0.2, follow_path=True, blend=0.4, mix=0.0, splice=0.0, insert=0.1),
    ),
    "music": Preset(
        0.5,
        0.064,
        Ranges(pitch_semitones=0.0, event_pitch_semitones=0.0, drift_semitones=0.0, formant_semitones=2.0,
               stretch_octaves=0.0, warp_octaves=0.0, shuffle=0.0, relay=0.0, shift=0.6, event_gain_db=3.0,
               mix=0.2, splice=0.2, blend=0.4, insert=0.0, dynamics=0.3, scene=0.0),
    ),
    "machine": Preset(
        0.5,
        0.046,
        Ranges(pitch_semitones=0.5, event_pitch_semitones=0.0, drift_semitones=0.1, formant_semitones=1.0,
               stretch_octaves=0.08, warp_octaves=0.03, shuffle=0.0, relay=0.0, shift=0.8, event_gain_db=3.0,
               part_gain_db=4.0, room_s=0.8, eq_db=6.0, splice=0.2, insert=0.0, dynamics=0.2, scene=0.0),
    ),
}  # fmt: skip

_PRESERVED: dict[Attribute, dict[str, float | bool]] = {
    "pitch": {"pitch_semitones": 0.0, "event_pitch_semitones": 0.0, "drift_semitones": 0.0},
    "formants": {"formant_semitones": 0.0},
    "speaker": {
        "pitch_semitones": 0.0, "event_pitch_semitones": 0.0, "formant_semitones": 0.0, "blend": 0.0, "mix": 0.0,
        "splice": 0.0,
    },
    "timbre": {
        "formant_semitones": 0.0, "part_gain_db": 0.0, "tilt_db_per_octave": 0.0, "eq_db": 0.0, "band_limit": 0.0,
        "blend": 0.0, "modulation_db": 0.0,
    },
    "tempo": {"stretch_octaves": 0.0, "warp_octaves": 0.0, "relay": 0.0, "shuffle": 0.0},
    "timing": {
        "stretch_octaves": 0.0, "warp_octaves": 0.0, "relay": 0.0, "shuffle": 0.0, "shift": 0.0, "splice": 0.0,
        "duration_follows": False,
    },
    "order": {"shuffle": 0.0, "relay": 0.0, "splice": 0.0},
    "rhythm": {"stretch_octaves": 0.0, "warp_octaves": 0.0, "shuffle": 0.0, "relay": 0.0, "splice": 0.0, "mix": 0.0},
    "duration": {"duration_follows": False},
    "level": {"gain_db": 0.0, "event_gain_db": 0.0},
    "dynamics": {"dynamics": 0.0, "decay_db_per_s": 0.0, "modulation_db": 0.0, "event_gain_db": 0.0},
    "background": {"background": 0.0, "scene": 0.0, "floor": 0.0, "insert": 0.0, "fill_padding": 0.0, "redraw": 0.0},
    "room": {"room": 0.0},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResynthSettings:
    """What resynthesis may change, and how far.

    Attributes:
        domain: Kind of sound; chooses the preset.
        preserve: Attributes that carry the label and stay as they are.
        delta: Strength in [0, 1]; 0 returns the parent; None takes that of the preset.
        ranges: Largest changes; None takes those of the preset. ``preserve`` applies to both.
    """

    domain: Domain = "environment"
    preserve: tuple[str, ...] = ()
    delta: float | None = None
    ranges: Ranges | None = field(default=None)

    @property
    def strength(self) -> float:
        """``delta``, or the preset's."""
        return preset(self.domain).delta if self.delta is None else self.delta

    @property
    def resolved(self) -> ResynthSettings:
        """The same settings in one spelling: the strength counts, not how it was chosen."""
        return replace(self, delta=self.strength, preserve=tuple(sorted(self.preserve)))

    @property
    def window_s(self) -> float:
        """Length of a frame in seconds."""
        return preset(self.domain).window_s


def preset(domain: Domain) -> Preset:
    """Preset of a domain.

    Raises:
        ConfigError: There is no such domain.
    """
    if domain not in _PRESETS:
        raise ConfigError(f"no domain {domain!r}; known: {', '.join(_PRESETS)}")
    return _PRESETS[domain]


def ranges_for(settings: ResynthSettings) -> Ranges:
    """Ranges of the settings, with everything that ``preserve`` names set to nought.

    Raises:
        ConfigError: ``delta`` is outside of [0, 1], or an attribute or the domain is unknown.
    """
    if not 0.0 <= settings.strength <= 1.0:
        raise ConfigError(f"delta is {settings.strength}, expected a number in [0, 1]")
    ranges = preset(settings.domain).ranges if settings.ranges is None else settings.ranges
    for attribute in settings.preserve:
        if attribute not in get_args(Attribute):
            raise ConfigError(f"preserve names {attribute!r}, expected any of: {', '.join(get_args(Attribute))}")
        ranges = replace(ranges, **_PRESERVED[attribute])  # type: ignore[arg-type, index]
    return ranges
