"""Scenes with labels that are true by construction: a label is what the caption of the scene says first.

A label narrows a few ranges of the scene's parameters, so that its source is the loudest; scenes are drawn until the
first phrase of the caption has the words of the label and none of another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from menura.errors import ConfigError
from menura.synth.captions import caption
from menura.synth.parameters import Parameter
from menura.synth.render import Sounds, draw_sounds
from menura.synth.scenes import SourceName, scene_space

__all__ = ["LABELS", "SceneLabel", "draw_labelled", "head_of", "label_named", "label_of"]

Ranges = Mapping[str, tuple[float, float]]

_MOST_TRIES = 400
_BETWEEN_PHRASES = re.compile(r" over | with | and |, ")
_COMMON: Ranges = {
    "hiss.level": (0.0, 0.05), "room.level": (0.0, 0.25), "impact.pitch": (40, 100), "voice.keyboard_1.pitch": (36, 96),
}  # fmt: skip
_BEHIND = (0.0, 0.2)


@dataclass(frozen=True, slots=True)
class SceneLabel:
    """One label of the world.

    Attributes:
        name: Of the label.
        source: Which source is the loudest.
        says: Beginnings of words of which each stands in the first phrase of the caption.
        never: Beginnings of words of which none does.
        ranges: Parameters of the scene that are drawn from a part of their range, in their units.
    """

    name: str
    source: SourceName
    says: tuple[str, ...]
    never: tuple[str, ...] = ()
    ranges: Ranges = field(default_factory=dict)


def _tone(source: int, **others: tuple[float, float]) -> Ranges:
    """The voice with one of its oscillators open, or with its noise (0)."""
    names = {0: "noise", 1: "source_1", 2: "source_2"}
    levels = {f"voice.mixer.{name}": (0.8, 1.0) if key == source else (0.0, 0.15) for key, name in names.items()}
    opened = {f"voice.matrix.envelope_1_to_{names[source]}_amplitude": (0.7, 1.0)}
    return levels | opened | {f"voice.{name.replace('__', '.')}": ends for name, ends in others.items()}


LABELS: tuple[SceneLabel, ...] = (
    SceneLabel(
        "bell-like impacts", "impact", ("bell-like",),
        ranges={"impact.stretch": (1.5, 2.2), "impact.damping": (0, 0.8), "impact.decay": (0.9, 2),
                "impact.brightness": (-9, 0), "impact_rhythm.strokes": (1, 4), "impact_rhythm.period": (0.3, 0.8)},
    ),
    SceneLabel(
        "metallic impacts", "impact", ("metallic",),
        ranges={"impact.stretch": (1.5, 2.2), "impact.damping": (0, 0.8), "impact.decay": (0.12, 0.35),
                "impact.brightness": (-6, 3), "impact_rhythm.strokes": (2, 12)},
    ),
    SceneLabel(
        "woody impacts", "impact", ("woody",),
        ranges={"impact.stretch": (0.7, 1.3), "impact.damping": (1.2, 3), "impact.decay": (0.06, 0.2),
                "impact.brightness": (-11, -4), "impact.strike": (0, 0.15), "impact_rhythm.strokes": (2, 12)},
    ),
    SceneLabel(
        "clicking impacts", "impact", ("clicking",),
        ranges={"impact.decay": (0.01, 0.03), "impact.strike": (0.6, 1), "impact_rhythm.strokes": (2, 12)},
    ),
    SceneLabel(
        "gliding tones", "voice", ("gliding", "tone"), ("buzzing",),
        _tone(1, matrix__envelope_1_to_source_1_pitch=(0.5, 1.0)),
    ),
    SceneLabel("buzzing tones", "voice", ("buzzing", "tone"), ("gliding", "wavering"), _tone(2)),
    SceneLabel("bursts of noise", "voice", ("burst", "noise"), (), _tone(0)),
    SceneLabel(
        "rain-like patter", "texture", ("rain-like", "patter"),
        ranges={"texture.sharpness": (6, 20), "texture.rate": (60, 200)},
    ),
    SceneLabel("crackling", "texture", ("crackling",), (), {"texture.sharpness": (6, 20), "texture.rate": (2, 25)}),
    SceneLabel(
        "surging noise", "texture", ("surging", "noise"),
        ranges={"texture.sharpness": (1, 4), "texture.rate": (0.8, 4)},
    ),
)  # fmt: skip
"""The labels of the world, in the order in which they are told."""


def label_named(name: str) -> SceneLabel:
    """The label of that name.

    Raises:
        ConfigError: There is none.
    """
    for label in LABELS:
        if label.name == name:
            return label
    raise ConfigError(f"no label {name!r} in the world; known labels: {', '.join(label.name for label in LABELS)}")


def head_of(text: str) -> str:
    """First phrase of a caption, that of the loudest source.

    Example:
        >>> head_of("three short woody impacts over steady hiss, dry")
        'three short woody impacts'
    """
    return _BETWEEN_PHRASES.split(text)[0]


def label_of(text: str) -> str | None:
    """The label that the first phrase of a caption names; None where it names none of the world.

    Example:
        >>> label_of("bright rain-like patter with a tone, dry"), label_of("steady hiss")
        ('rain-like patter', None)
    """
    words = head_of(text).split()

    def stands(start: str) -> bool:
        return any(word.startswith(start) for word in words)

    for label in LABELS:
        if all(map(stands, label.says)) and not any(map(stands, label.never)):
            return label.name
    return None


def draw_labelled(name: str, *, seed: int, keys: Sequence[str], duration_s: float) -> tuple[Sounds, list[str]]:
    """Scenes of one label with their captions, one for each key.

    A scene depends on the seed, the label, its key and the duration alone, whatever else is drawn beside it.

    Args:
        name: Of the label.
        seed: Of the whole stream.
        keys: Name of each scene within the label.
        duration_s: Of the clip, which decides what of a scene is heard and told.

    Raises:
        ConfigError: There is no such label, or the clip is so short that the label cannot be heard in it.
    """
    label, space = label_named(name), scene_space()
    low, width = _part(label)
    rows: list[torch.Tensor | None] = [None] * len(keys)
    seeds, texts = torch.zeros(len(keys), dtype=torch.int64), [""] * len(keys)
    pending = list(range(len(keys)))
    for attempt in range(_MOST_TRIES):
        if not pending:
            break
        drawn = draw_sounds(space, seed=seed, keys=[f"{name} {keys[place]} {attempt}" for place in pending])
        placed = (low + width * drawn.parameters.double()).float()
        refused = []
        for place, row, noise_seed in zip(pending, placed, drawn.noise_seeds, strict=True):
            text = caption(space.as_patch(row), duration_s=duration_s)
            if label_of(text) == name:
                rows[place], seeds[place], texts[place] = row, noise_seed, text
            else:
                refused.append(place)
        pending = refused
    if pending:
        raise ConfigError(
            f"{_MOST_TRIES} draws gave no {name} that can be heard within {duration_s:g} s; expected a longer duration"
        )
    found = [row for row in rows if row is not None]
    return Sounds(torch.stack(found) if found else torch.zeros(0, len(space)), seeds), texts


def _part(label: SceneLabel) -> tuple[torch.Tensor, torch.Tensor]:
    """Low ends and widths of the normalised ranges, ``[parameters]`` each."""
    levels = {f"levels.{source}": _BEHIND for source in ("voice", "impact", "texture")}
    ranges = {**_COMMON, **levels, **label.ranges, f"levels.{label.source}": (0.9, 1.0)}
    ends = torch.tensor([_ends(parameter, ranges.get(name)) for name, parameter in scene_space()], dtype=torch.float64)
    return ends[:, 0], ends[:, 1] - ends[:, 0]


def _ends(parameter: Parameter, limits: tuple[float, float] | None) -> tuple[float, float]:
    if limits is None:
        return 0.0, 1.0
    low, high = (float(parameter.normalised(torch.tensor(float(end), dtype=torch.float64))) for end in limits)
    return low, high
