"""What a scene sounds like, in one English phrase, told from its parameters alone.

``three short low metallic impacts over steady hiss, in a small room``: the loudest source first, soft ones in the
background, those that are hardly heard not at all, and nothing of what comes after the end of the clip. The words are
thresholds on single numbers, so a phrase is as good as they are; nobody has listened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from menura.synth.scenes import scene_space

if TYPE_CHECKING:
    from menura.synth.render import Sounds

__all__ = ["caption", "captions", "num_strokes"]

Patch = Mapping[str, float]

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SOFT, _INAUDIBLE = 0.25, 0.06  # of the loudest source: -12 and -24 dB
_SOFTEST_STROKE, _SHORTEST_S = 0.25, 0.02
_FAINTEST_HISS, _FAINT_HISS = 0.02, 0.06
_DRIEST, _SHORTEST_ROOM_S = 0.05, 0.1


def captions(sounds: Sounds, *, duration_s: float) -> list[str]:
    """One phrase for each scene, see :func:`caption`.

    Raises:
        ConfigError: The sounds are not scenes.
    """
    space = scene_space()
    return [caption(space.as_patch(row), duration_s=duration_s) for row in sounds.parameters]


def caption(patch: Patch, *, duration_s: float) -> str:
    """The phrase of one scene.

    Args:
        patch: Every parameter of the scene by name, in its unit.
        duration_s: Length of the clip; what comes later is not named.

    Returns:
        The phrase, never empty.

    Example:
        >>> from menura.synth import draw_sounds
        >>> captions(draw_sounds(scene_space(), seed=0, keys=[11]), duration_s=2.0)
        ['crackling with two long very low tones, with background rumble, dry']
    """
    heard = _heard(patch, duration_s)
    loudest = max(heard.values(), default=0.0)
    phrases = {name: _PHRASES[name](patch, duration_s) for name in sorted(heard, key=lambda name: -heard[name])}
    loud = [name for name in phrases if heard[name] >= _SOFT * loudest]
    soft = [phrases[name] for name in phrases if _INAUDIBLE * loudest <= heard[name] < _SOFT * loudest]
    hiss = _hiss(patch)
    if not loud:
        return hiss or "silence"
    parts = [
        _joined(loud, phrases),
        soft and f"{' and '.join(soft)} in the background",
        hiss and f"with {'faint ' * (patch['hiss.level'] < _FAINT_HISS)}background {hiss}",
        _room(patch),
    ]
    return ", ".join(part for part in parts if part)


def num_strokes(patch: Patch, source: str, *, duration_s: float) -> int:
    """Number of strokes of ``voice`` or ``impact`` that start before the end and are not too soft to be heard.

    Unsteady strokes come late by a random time, which is in no parameter; its mean is taken.
    """
    onset_s, period_s, strokes, unsteadiness = (
        patch[f"{source}_rhythm.{name}"] for name in ("onset", "period", "strokes", "unsteadiness")
    )
    at_s = [onset_s + (k + unsteadiness / 2) * period_s for k in range(len(_NUMBERS) - 1)]
    return sum(at < duration_s - _SHORTEST_S and strokes - k >= _SOFTEST_STROKE for k, at in enumerate(at_s))


def _heard(patch: Patch, duration_s: float) -> dict[str, float]:
    """Level of each source that sounds before the end."""
    found = {name: patch[f"levels.{name}"] for name in _PHRASES}
    strokes = {name: num_strokes(patch, name, duration_s=duration_s) for name in ("voice", "impact")}
    return {name: level for name, level in found.items() if level > 1e-3 and strokes.get(name, 1)}


def _joined(names: Sequence[str], phrases: Mapping[str, str]) -> str:
    """``impacts over noise with a tone``: a texture follows "over", what comes after it "with", all else "and"."""
    text = phrases[names[0]]
    for before, name in pairwise(names):
        text += " over " if name == "texture" else " with " if before == "texture" else " and "
        text += phrases[name]
    return text


def _below(value: float, *words: tuple[float, str], otherwise: str) -> str:
    """The word of the first limit that the value is below."""
    return next((word for limit, word in words if value < limit), otherwise)


def _phrase(*words: str) -> str:
    return " ".join(word for word in words if word)


def _counted(count: int, words: Sequence[str], noun: str, nouns: str) -> str:
    if count > 1:
        return _phrase(_NUMBERS[count], *words, nouns)
    text = _phrase(*words, noun)
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def _tempo(patch: Patch, rhythm: str, count: int) -> str:
    if count == 1:
        return ""
    is_rapid = count > 3 and patch[f"{rhythm}.period"] < 0.12
    return "rapid" if is_rapid else "uneven" if patch[f"{rhythm}.unsteadiness"] > 0.2 else ""


def _pitch(note: float) -> str:
    return _below(note, (28, "very low"), (52, "low"), (79, ""), (100, "high"), otherwise="very high")


def _impact(patch: Patch, duration_s: float) -> str:
    count = num_strokes(patch, "impact", duration_s=duration_s)
    rings_s = min(patch["impact.decay"], duration_s - patch["impact_rhythm.onset"])
    length = _below(rings_s, (0.1, "short"), (0.7, ""), otherwise="long")
    tempo = _tempo(patch, "impact_rhythm", count)
    return _counted(count, (tempo, length, _pitch(patch["impact.pitch"]), _material(patch)), "impact", "impacts")


def _material(patch: Patch) -> str:
    """Stiff bodies have modes wider than a string's; wood dies fast, its higher modes faster."""
    stretch, decay_s, damping = patch["impact.stretch"], patch["impact.decay"], patch["impact.damping"]
    if patch["impact.brightness"] < -12:
        return "dull"
    if decay_s < 0.06:
        return "clicking" if patch["impact.strike"] > 0.3 else "woody"
    if stretch > 1.25 and damping < 1.5:
        return "bell-like" if decay_s > 0.7 else "metallic"
    if decay_s < 0.4:
        return "woody"
    return "string-like" if 0.85 <= stretch <= 1.15 else "hollow"


def _voice(patch: Patch, duration_s: float) -> str:
    """The louder one of both oscillators, or the noise; the square counts double, because its harmonics are heard."""
    sine, square, noise = (_amplitude(patch, source) for source in ("source_1", "source_2", "noise"))
    main, timbre = ("source_2", "buzzing") if 2 * square > sine else ("source_1", "")
    is_noise = noise > max(sine, square)
    length_s = min(_length_s(patch, "noise" if is_noise else main), duration_s - patch["voice_rhythm.onset"])
    length = _below(length_s, (0.2, "short"), (0.8, ""), otherwise="long")
    count = num_strokes(patch, "voice", duration_s=duration_s)
    tempo = _tempo(patch, "voice_rhythm", count)
    if is_noise:
        return _counted(count, (tempo, length), "burst of noise", "bursts of noise")
    glide, waver = _pitch_changes(patch, main)
    motion = "gliding" if abs(glide) > 4 else "wavering" if abs(waver) > 1 else ""
    note = patch["voice.keyboard_1.pitch"] + patch[f"voice.{main}.tuning"] + (glide + waver) / 2
    breath = "breathy" if noise > 0.3 * max(sine, square) else ""
    return _counted(count, (tempo, length, _pitch(note), motion, breath, timbre), "tone", "tones")


def _amplitude(patch: Patch, source: str) -> float:
    """Level in the mixer times what opens it; a low-frequency oscillator is half open on average."""
    opened = (patch[f"voice.matrix.{kind}_{m}_to_{source}_amplitude"] * share
              for kind, share in (("envelope", 1.0), ("lfo", 0.5)) for m in (1, 2))  # fmt: skip
    return patch[f"voice.mixer.{source}"] * sum(opened)


def _pitch_changes(patch: Patch, source: str) -> tuple[float, float]:
    """Semitones that the envelopes, and that the low-frequency oscillators which turn, move the pitch by."""
    depth = patch[f"voice.{source}.depth"]
    glide = sum(patch[f"voice.matrix.envelope_{m}_to_{source}_pitch"] for m in (1, 2))
    waver = sum(
        patch[f"voice.matrix.lfo_{m}_to_{source}_pitch"] for m in (1, 2) if patch[f"voice.lfo_{m}.frequency"] > 1
    )
    return depth * glide, depth * waver


def _length_s(patch: Patch, source: str) -> float:
    """How long the envelope that opens the source most stays within 20 dB of its peak."""
    opened = {
        f"{kind}_{m}{suffix}": patch[f"voice.matrix.{kind}_{m}_to_{source}_amplitude"]
        for kind, suffix in (("envelope", ""), ("lfo", "_amplitude"))
        for m in (1, 2)
    }
    name = max(opened, key=lambda key: opened[key])
    attack_s, decay_s, sustain, release_s, alpha = (
        patch[f"voice.{name}.{part}"] for part in ("attack", "decay", "sustain", "release", "alpha")
    )
    held_s = patch["voice.keyboard_1.duration"]
    fallen: float = 1 - 0.1 ** (1 / alpha)  # share of a ramp in which it loses 20 dB
    if sustain < 0.1:
        return min(held_s, attack_s + decay_s * fallen)
    return held_s + release_s * fallen


def _texture(patch: Patch, duration_s: float) -> str:
    """By its grains, and by where the middle of its power lies among the eight points of its spectrum."""
    sharpness, rate_hz = patch["texture.sharpness"], patch["texture.rate"]
    power = [10 ** (patch[f"texture.colour_{i + 1}"] / 10) for i in range(8)]
    middle = sum(i * part for i, part in enumerate(power)) / sum(power)
    colour = _below(middle, (2.2, "low"), (4.8, ""), otherwise="bright")
    if sharpness < 0.5 or rate_hz * duration_s < 1:
        return {"low": "steady rumble", "": "steady noise", "bright": "steady hiss"}[colour]
    if sharpness > 5:
        return _phrase(colour, "rain-like patter" if rate_hz > 40 else "crackling")
    return _phrase(_below(rate_hz, (4, "surging"), (20, "fluttering"), otherwise="rough"), colour, "noise")


def _hiss(patch: Patch) -> str:
    if patch["hiss.level"] < _FAINTEST_HISS:
        return ""
    return _below(patch["hiss.tilt"], (-5, "rumble"), otherwise="hiss")


def _room(patch: Patch) -> str:
    if patch["room.level"] < _DRIEST or patch["room.decay"] < _SHORTEST_ROOM_S:
        return "dry"
    return f"in a {'small' if patch['room.decay'] < 0.5 else 'large'} room"


_PHRASES = {"voice": _voice, "impact": _impact, "texture": _texture}
