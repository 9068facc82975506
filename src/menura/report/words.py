"""Numbers as words for people: points, percentages, durations, counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

__all__ = [
    "METRIC_WORDS",
    "count",
    "duration",
    "flatten",
    "hertz",
    "interval_points",
    "listed",
    "percent",
    "points",
    "probability",
    "sentence",
    "short_path",
    "whole",
]

METRIC_WORDS = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "uar": "unweighted average recall",
    "mean_average_precision": "mean average precision",
}
_MINUS = "−"


def percent(fraction: float | None, digits: int = 1) -> str:
    """``0.6712`` as ``67.1 %``; a dash for a value that is missing."""
    if fraction is None or not math.isfinite(fraction):
        return "–"
    return f"{100 * fraction:.{digits}f} %"


def points(fraction: float) -> str:
    """``0.063`` as ``+6.3``: a difference of two percentages, always with its sign."""
    if not math.isfinite(fraction):
        return "–"
    rounded = round(100 * fraction, 1)
    sign = "+" if rounded > 0 else _MINUS if rounded < 0 else "±"
    return f"{sign}{abs(rounded):.1f}"


def interval_points(interval: tuple[float, float]) -> str:
    """``(0.021, 0.104)`` as ``+2.1 to +10.4``."""
    return f"{points(interval[0])} to {points(interval[1])}"


def probability(p: float) -> str:
    """A p-value with as many digits as it deserves."""
    if not math.isfinite(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def duration(seconds: float) -> str:
    """``75.2`` as ``1 min 15 s``, ``0.04`` as ``40 ms``."""
    if not math.isfinite(seconds):
        return "–"
    if 0 < seconds < 0.0995:
        return f"{max(1, round(1000 * seconds))} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    rounded = round(seconds)
    hours, minutes, rest = rounded // 3600, rounded // 60 % 60, rounded % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def hertz(frequency_hz: float) -> str:
    """``8000`` as ``8 kHz``."""
    return f"{frequency_hz / 1000:g} kHz" if frequency_hz >= 1000 else f"{frequency_hz:g} Hz"


def whole(number: int) -> str:
    """A count; thousands are set apart by a narrow space that no line breaks at."""
    return f"{number:,}".replace(",", "\u202f")


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``3`` and ``clip`` as ``3 clips``."""
    return f"{whole(number)} {noun if number == 1 else plural or noun + 's'}"


def listed(items: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]])) if items else ""


def sentence(text: str) -> str:
    """The text with a capital first letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def short_path(path: str) -> str:
    """The last three parts of a path: enough to find the file, nothing of the machine that it is on."""
    parts = path.replace("\\", "/").split("/")
    return path if len(parts) <= 3 else "…/" + "/".join(parts[-3:])


def flatten(values: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested values as ``section.field`` to text; what is empty or None is left out."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{name}."))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            if value:
                flat[name] = ", ".join(map(_plain, value))
        elif value is not None and value != "":
            flat[name] = _plain(value)
    return flat


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return str(value)
