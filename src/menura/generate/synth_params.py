"""Everything that is drawn for one clip of the generator ``synth``, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np

from menura.errors import ConfigError
from menura.resynth import ResynthSettings
from menura.resynth.presets import ranges_for
from menura.synth.scenes import SourceName
from menura.types import JsonValue, Params

__all__ = ["KINDS", "MOST_EVENTS", "Kind", "SynthEvent", "SynthParams", "draw_synth_params"]

Kind = Literal["background", "layers", "match"]

KINDS: dict[Kind, float] = {"background": 0.55, "layers": 0.3, "match": 0.15}
"""What is made of the parent, and the share of the requests that ask for it."""

MOST_EVENTS = 3
"""Events over one parent."""

_SNR_DB = (25.0, -2.5)
_EVENT_DB = (-30.0, -3.0)
_GAIN_DB, _SPEED_OCTAVES, _SHIFT, _PERTURBATION = 6.0, 0.1, 0.5, 0.25
_EVENT_S = (0.2, 2.0)
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class SynthEvent:
    """A soft synthetic sound over the parent.

    Attributes:
        source: Which source of a drawn scene is heard.
        at: Where it starts, from 0, at the start of the clip, to 1, where it just ends with the clip.
        duration_s: Length.
        level_db: Its level over that of the parent, both where they sound.
    """

    source: SourceName = "impact"
    at: float = 0.0
    duration_s: float = 1.0
    level_db: float = -30.0


@dataclass(frozen=True, slots=True)
class SynthParams:
    """The numbers of one clip.

    Attributes:
        kind: ``background``: the parent before a synthetic scene; ``layers``: soft synthetic events over the parent;
            ``match``: a doppelganger of the synthesizer patch that is nearest to the parent.
        seed: Draws the scene, the events, or the doppelganger.
        gain_db: Change of the level.
        speed: How much faster the parent is played; its pitch goes along.
        shift: Shift of the parent around its end, as a share of its length.
        snr_db: Level of the parent over the scene, both where they sound.
        perturbation: Delta of the doppelganger.
        events: What is laid over the parent.
    """

    kind: Kind = "background"
    seed: int = 0
    gain_db: float = 0.0
    speed: float = 1.0
    shift: float = 0.0
    snr_db: float = 20.0
    perturbation: float = 0.0
    events: tuple[SynthEvent, ...] = ()

    def to_params(self) -> dict[str, JsonValue]:
        """As JSON holds it; only what the kind uses."""
        return {name: value for name, value in asdict(self).items() if name in _USED[self.kind]} | (
            {"events": [asdict(event) for event in self.events]} if self.kind == "layers" else {}
        )

    @classmethod
    def from_params(cls, values: Mapping[str, JsonValue]) -> SynthParams:
        """Undoes :meth:`to_params`.

        Raises:
            ConfigError: A name is unknown or a value is of another kind.
        """
        plain = _typed(cls, values, skip=("events",))
        events = values.get("events", [])
        if not isinstance(events, list | tuple) or len(events) > MOST_EVENTS:
            raise ConfigError(f"events is {events!r}, expected a list of at most {MOST_EVENTS} objects")
        return cls(**plain, events=tuple(SynthEvent(**_typed(SynthEvent, event)) for event in events))


_USED: dict[Kind, tuple[str, ...]] = {
    "background": ("kind", "seed", "gain_db", "speed", "shift", "snr_db"),
    "layers": ("kind", "seed", "gain_db", "speed", "shift"),
    "match": ("kind", "seed", "gain_db", "perturbation"),
}
_LIMITS = {
    "seed": (0, 2**63), "gain_db": (-60, 60), "speed": (0.5, 2), "shift": (-1, 1), "snr_db": (-60, 120),
    "perturbation": (0, 1), "at": (0, 1), "duration_s": (0.001, 60), "level_db": (-120, 60),
}  # fmt: skip
_CHOICES: dict[str, tuple[str, ...]] = {"kind": get_args(Kind), "source": get_args(SourceName)}


def draw_synth_params(settings: ResynthSettings, generator: np.random.Generator) -> SynthParams:
    """Every number of one clip; all ranges grow with the strength.

    The same count of random numbers is consumed whatever the settings and the kind. What may change is said by the
    presets of resynthesis: the speed where pitch, formants and tempo may, the place in time where the order may.

    Args:
        settings: Domain, what to preserve, strength.
        generator: Random state of this item alone.

    Raises:
        ConfigError: The settings are impossible.
    """
    ranges, draw = ranges_for(settings), _Draw(settings.strength, generator)
    is_free = ranges.shuffle > 0
    octaves = min(_SPEED_OCTAVES, ranges.stretch_octaves, ranges.pitch_semitones / 12, ranges.formant_semitones / 12)
    drawn = SynthParams(
        kind=_kind(draw.unit(), background=ranges.background > 0, match=is_free and {*settings.preserve} <= {"level"}),
        seed=int(generator.integers(2**53)),
        gain_db=draw.symmetric(min(_GAIN_DB, ranges.gain_db)),
        speed=round(2 ** draw.symmetric(octaves if is_free or ranges.duration_follows else 0.0), _DIGITS),
        shift=draw.symmetric(_SHIFT if is_free and ranges.shift > 0 else 0.0),
        snr_db=draw.growing(*_SNR_DB),
        perturbation=draw.growing(0.0, _PERTURBATION),
    )
    count = 1 + int(MOST_EVENTS * draw.unit())
    events = tuple(_event(draw) for _ in range(MOST_EVENTS))
    return replace(drawn, events=events[:count] if drawn.kind == "layers" else ())


def _event(draw: _Draw) -> SynthEvent:
    sources: tuple[SourceName, ...] = get_args(SourceName)
    return SynthEvent(
        source=sources[int(len(sources) * draw.unit())],
        at=draw.between(0.0, 1.0),
        duration_s=round(_EVENT_S[0] * (_EVENT_S[1] / _EVENT_S[0]) ** draw.unit(), _DIGITS),
        level_db=draw.growing(*_EVENT_DB),
    )


@dataclass(frozen=True, slots=True)
class _Draw:
    """Numbers from ranges, of which some grow with the strength."""

    strength: float
    generator: np.random.Generator

    def unit(self) -> float:
        return float(self.generator.random())

    def between(self, low: float, high: float) -> float:
        return round(low + (high - low) * self.unit(), _DIGITS)

    def growing(self, low: float, high: float) -> float:
        return self.between(low, low + (high - low) * self.strength)

    def symmetric(self, most: float) -> float:
        return self.between(-most * self.strength, most * self.strength)


def _kind(share: float, *, background: bool, match: bool) -> Kind:
    """A background that carries the label gets no other one; a match keeps nothing that has to be kept."""
    allowed = {"background": background, "layers": True, "match": match}
    weights = {kind: weight for kind, weight in KINDS.items() if allowed[kind]}
    edges = np.cumsum(list(weights.values())) / sum(weights.values())
    return list(weights)[int(np.searchsorted(edges, share, side="right"))]


def _typed(record: type, values: JsonValue | Params, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ConfigError(f"an event is {values!r}, expected an object")
    known = {item.name: item.default for item in fields(record)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(f"no such parameter of generator synth: {', '.join(unknown)}; known: {', '.join(known)}")
    return {name: _value(name, value, known[name]) for name, value in values.items() if name not in skip}


def _value(name: str, value: JsonValue, default: object) -> str | int | float:
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise ConfigError(f"{name} is {value!r}, expected one of {', '.join(_CHOICES[name])}")
        return str(value)
    low, high = _LIMITS[name]
    kinds = int if isinstance(default, int) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        what = "an integer" if kinds is int else "a number"
        raise ConfigError(f"{name} is {value!r}, expected {what} in [{low:g}, {high:g}]")
    return value
