"""The built-in captioner: what is measured in a clip, in words. It hears how a sound is, not what makes it.

Each word stands for a range of one number; the ranges and their reasons are in ``docs/captions.md``.
"""

from __future__ import annotations

from collections.abc import Sequence

from menura.captions.grammar import capitalised
from menura.captions.heard import Heard, listen
from menura.captions.words import article, joined
from menura.types import Recording

__all__ = ["AcousticCaptioner", "in_words"]

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


class AcousticCaptioner:
    """Captions made of acoustic words, by fixed thresholds; needs no weights and always says the same."""

    name = "acoustic"

    @property
    def fingerprint(self) -> str:
        """Version of the thresholds and the wording."""
        return "acoustic-captioner-1"

    def caption(self, recordings: Sequence[Recording]) -> list[str]:
        """One caption for each recording.

        Example:
            >>> import numpy as np
            >>> tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000, dtype=np.float32)[None]
            >>> AcousticCaptioner().caption([Recording(tone, 16000)])
            ['A steady tone of medium pitch, continuous throughout']
        """
        return [in_words(listen(recording)) for recording in recordings]


def in_words(heard: Heard) -> str:
    """The measures of a clip as one phrase: loudness, brightness, pitch, then what happens when, then the room."""
    if heard.is_silent:
        return "Silence"
    events, count = _events(heard)
    kind = f"{_motion(heard)} {_source(heard)}" if count == 1 else _plural(_source(heard))
    described = ", ".join(word for word in (_loudness(heard), _brightness(heard)) if word)
    subject = " ".join(f"{described} {kind}".split())
    head = f"{article(subject)} {subject}" if count == 1 else f"{_number(count)} {subject}"
    return capitalised(", ".join(part for part in (head + _pitch(heard), events, _change(heard), _room(heard)) if part))


def _loudness(heard: Heard) -> str:
    """Around -23 LUFS, the level of broadcast programmes (EBU R 128), nothing is said."""
    return _below(heard.loudness_lufs, (-50, "very quiet"), (-36, "quiet"), (-14, ""), otherwise="loud")


def _brightness(heard: Heard) -> str:
    """By the middle of the spectrum, for what has no single pitch: the pitch says it of the others."""
    if _is_tonal(heard):
        return ""
    return _below(heard.centroid_hz, (250, "dull, low"), (800, "dark"), (2500, ""), (5000, "bright"), otherwise="sharp")


def _is_tonal(heard: Heard) -> bool:
    return heard.pitch_hz > 0 and heard.tonality > 0.5


def _source(heard: Heard) -> str:
    """A tone, a mixture, a click, an impact that dies away, or noise."""
    if _is_tonal(heard):
        return "tone" if heard.purity > 0.5 else "harmonic sound"
    if heard.tonality > 0.2:
        return "partly tonal sound"
    if _stroke_s(heard) < 0.12 and len(heard.onsets_s) > 0:
        return "click"
    if heard.decay_s > 0:
        return "impact"
    if heard.centroid_hz < 250:
        return "rumble"
    return "hiss" if heard.centroid_hz > 5000 else "noise"


def _stroke_s(heard: Heard) -> float:
    """Mean active time for each onset."""
    return heard.active_share * heard.duration_s / max(1, len(heard.onsets_s))


def _plural(noun: str) -> str:
    return {"hiss": "bursts of hiss", "noise": "bursts of noise"}.get(noun, f"{noun}s")


def _pitch(heard: Heard) -> str:
    if not _is_tonal(heard):
        return ""
    word = _below(
        heard.pitch_hz, (100, "very low"), (260, "low"), (1050, "medium"), (2500, "high"), otherwise="very high"
    )
    return f" of {word} pitch"


def _motion(heard: Heard) -> str:
    """A third of an octave is a step that anyone hears as a change of pitch."""
    if not _is_tonal(heard):
        return "steady" if heard.active_share > 0.8 and abs(heard.trend_db) < 6 else ""
    return "rising" if heard.glide_octaves > 1 / 3 else "falling" if heard.glide_octaves < -1 / 3 else "steady"


def _events(heard: Heard) -> tuple[str, int]:
    """When it is heard, and how many times."""
    count = max(1, len(heard.onsets_s))
    if count == 1:
        return ("continuous throughout" if heard.active_share > 0.8 else _place(heard)), 1
    span_s = heard.onsets_s[-1] - heard.onsets_s[0]
    rate_hz = (count - 1) / span_s if span_s > 0 else 0.0
    if count == 2:
        return f"{span_s:.1f} seconds apart", 2
    pace = _below(rate_hz, (1.0, "slow"), (4.0, "unhurried"), (9.0, "rapid"), otherwise="rattling")
    order = "regular" if heard.regularity > 0.8 else "irregular" if heard.regularity < 0.5 else ""
    words = [word for word in (order, pace) if word]
    return f"{joined(words)}, about {_rate(rate_hz)} a second", count


def _rate(rate_hz: float) -> str:
    return f"{rate_hz:.1f}" if rate_hz < 0.95 else _number(round(rate_hz))


def _place(heard: Heard) -> str:
    length = _below(heard.active_share * heard.duration_s, (0.15, "very short"), (0.8, "short"), otherwise="")
    where = _below(heard.centre, (1 / 3, "near the start"), (2 / 3, "in the middle"), otherwise="near the end")
    return f"{length}, {where}" if length else where


def _change(heard: Heard) -> str:
    """Six decibels are twice the amplitude."""
    if len(heard.onsets_s) < 2 and heard.active_share < 0.3:
        return ""
    return "growing louder" if heard.trend_db > 6 else "fading" if heard.trend_db < -6 else ""


def _room(heard: Heard) -> str:
    """What goes on after the strongest stroke: ringing when it has a pitch, else a room (seconds for 60 dB)."""
    if not heard.decay_s:
        return ""
    if _is_tonal(heard):
        return f"ringing for about {heard.decay_s:.1f} seconds" if heard.decay_s > 0.6 else ""
    return _below(
        heard.decay_s,
        (0.2, "dry"),
        (0.6, "in a small room"),
        (1.2, "in a reverberant room"),
        otherwise="in a large hall",
    )


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else f"about {round(count, -1)}" if count > 20 else str(count)


def _below(value: float, *words: tuple[float, str], otherwise: str) -> str:
    return next((word for limit, word in words if value < limit), otherwise)
