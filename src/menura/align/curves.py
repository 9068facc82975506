"""The checks of an alignment as one page of curves: inline pictures, nothing fetched, opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from menura.align.history import Entry

__all__ = ["Curve", "curves_page", "picture"]

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 560, 200, 64, 14, 26
_STYLE = """
:root{color-scheme:light dark;--ink:#1c1c1c;--paper:#fff;--grid:#ddd;--a:#2563a8;--b:#b4531a;--c:#767676}
@media(prefers-color-scheme:dark){:root{--ink:#eee;--paper:#171717;--grid:#3a3a3a;--a:#7db3ea;--b:#e79a63;--c:#9a9a9a}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;
padding:0 1rem}figure{margin:0 0 1.6rem}figcaption{font-weight:600}svg{width:100%;height:auto;max-width:560px}
text{font:11px system-ui,sans-serif;fill:var(--ink)}.grid{stroke:var(--grid)}.a{stroke:var(--a)}.b{stroke:var(--b)}
.c{stroke:var(--c);stroke-dasharray:5 4}polyline{fill:none;stroke-width:2}circle.a{fill:var(--a)}circle.b{fill:var(--b)}
circle.c{fill:var(--c)}li{margin:.2rem 0}.said{color:var(--b)}
"""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a picture.

    Attributes:
        name: Said beside it.
        values: At each check; None where there is no number.
    """

    name: str
    values: Sequence[float | None]


def curves_page(entries: Sequence[Entry]) -> str:
    """The page.

    Args:
        entries: Of the log, at least one.
    """
    steps = [entry.check.step for entry in entries]
    checks = [entry.check for entry in entries]
    errors = [check.errors for check in checks]
    figures = [
        picture("KAD to the validation clips (lower is nearer)", steps, [Curve("KAD", [c.kad for c in checks])]),
        picture(
            "Errors on pairs, less those of the untrained model (lower is better heard)",
            steps,
            [Curve("winner", [e.winner_change for e in errors]), Curve("loser", [e.loser_change for e in errors])],
        ),
        picture(
            "Implicit accuracy (share of pairs in which the winner gained more)",
            steps,
            [Curve("checks", [e.accuracy for e in errors])],
        ),
        picture("Implicit margin", steps, [Curve("checks", [e.margin for e in errors])]),
        picture("Label agreement of generated clips", steps, [Curve("share", [c.agreement for c in checks])]),
        picture("Diversity of generated clips (Vendi score)", steps, [Curve("worth", [c.vendi for c in checks])]),
        picture(
            "Distance to the nearest training clip (below the dashed line: copies)",
            steps,
            [
                Curve("generated", [c.nearest for c in checks]),
                Curve("share too near", [c.near_share for c in checks]),
                Curve("real clips", [c.real_nearest for c in checks]),
            ],
        ),
    ]
    said = [(entry.check.step, word) for entry in entries for word in entry.words]
    words = Markup("").join(Markup("<li class=said>Step {}: {}</li>").format(step, word) for step, word in said)
    return Markup(
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>Alignment</title><style>{}</style><h1>Alignment, step by step</h1><ul>{}</ul>{}</html>\n"
    ).format(Markup(_STYLE), words, Markup("").join(figures))


def picture(title: str, steps: Sequence[int], curves: Sequence[Curve]) -> Markup:
    """A figure with a line for each curve that has numbers; none where no curve has any.

    Args:
        title: Said above.
        steps: Where each value stands.
        curves: Up to three.
    """
    found = [value for curve in curves for value in curve.values if value is not None]
    if not found:
        return Markup("")
    low, high = min(found), max(found)
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    last = max(1, *steps)

    def place(step: int, value: float) -> tuple[float, float]:
        x = _LEFT + (_WIDTH - _LEFT - 110) * step / last
        return round(x, 1), round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low), 1)

    parts = [_scale(tick, place(0, tick)[1]) for tick in (low, (low + high) / 2, high)]
    parts += [Markup('<text x="{}" y="{}">step {}</text>').format(place(last, low)[0] - 30, _HEIGHT - 4, last)]
    for tone, curve in zip("abc", curves, strict=False):
        points = [place(step, value) for step, value in zip(steps, curve.values, strict=True) if value is not None]
        if not points:
            continue
        path = " ".join(f"{x},{y}" for x, y in points)
        parts.append(Markup('<polyline class="{}" points="{}"/>').format(tone, path))
        parts += [Markup('<circle class="{}" cx="{}" cy="{}" r="3"/>').format(tone, x, y) for x, y in points]
        x, y = points[-1]
        parts.append(Markup('<text x="{}" y="{}">{}</text>').format(x + 8, y + 4, curve.name))
    svg = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    drawn = svg.format(_WIDTH, _HEIGHT, title, Markup("").join(parts))
    return Markup("<figure><figcaption>{}</figcaption>{}</figure>").format(title, drawn)


def _scale(value: float, y: float) -> Markup:
    return Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="4" y="{}">{}</text>').format(
        _LEFT, _WIDTH - 110, y, y, y + 4, f"{value:.3g}"
    )
