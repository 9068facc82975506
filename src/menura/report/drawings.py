"""More figures as SVG files: stacked bars, tables of shares, points on a plane. Numbers in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from menura.report.figures import COLOURS, drawing, literal

__all__ = ["heat", "plane", "stacked"]

_PARTS = ("#009e73", "#9db8a8", "#d55e00")
_SINGLE = ("#d55e00",)
_SHAPES = ("o", "s", "^", "D")
_MOST_NAMED = 28


def stacked(names: Sequence[str], parts: Mapping[str, Sequence[float]], *, x_label: str) -> str:
    """SVG of a bar for each name, made of parts that follow each other.

    Args:
        names: Of the bars.
        parts: Name of a part to its length in each bar.
        x_label: What the lengths count.
    """
    with drawing(6.4, 1.0 + 0.28 * len(names)) as (figure, svg):
        axes = figure.add_subplot()
        start = np.zeros(len(names))
        for colour, (part, lengths) in zip(_PARTS if len(parts) > 1 else _SINGLE, parts.items(), strict=True):
            axes.barh(range(len(names)), lengths, left=start, color=colour, height=0.62, label=part)
            start = start + np.asarray(lengths, dtype=np.float64)
        axes.set_yticks(range(len(names)), [literal(name) for name in names])
        axes.invert_yaxis()
        axes.grid(False, axis="y")
        axes.set_xlabel(x_label)
        if len(parts) > 1:
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(parts))
    return svg.getvalue()


def heat(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """SVG of confusions: the share of the clips of each true label (rows) that got each predicted one (columns)."""
    shares = np.asarray(counts, dtype=np.float64)
    shares = shares / np.maximum(1.0, shares.sum(axis=1, keepdims=True))
    side = 2.2 + 0.34 * len(labels)
    with drawing(side, side) as (figure, svg):
        axes = figure.add_subplot()
        axes.imshow(shares, cmap="Purples", vmin=0, vmax=1)
        for true, row in enumerate(shares):
            for said, share in enumerate(row):
                colour = "white" if share > 0.55 else "black"
                axes.text(said, true, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=7)
        names = [literal(label) for label in labels]
        axes.set_xticks(range(len(labels)), names, rotation=90)
        axes.set_yticks(range(len(labels)), names)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.grid(False)
    return svg.getvalue()


def plane(positions: NDArray[np.float64], groups: Sequence[tuple[str, bool]], *, title: str) -> str:
    """SVG of points: filled for real clips, hollow for synthetic ones, a colour and a shape for each label.

    Args:
        positions: ``[clips, 2]``.
        groups: Label of each point, and whether it is synthetic.
        title: Above the points.
    """
    labels = sorted({label for label, _ in groups})
    with drawing(6.4, 5.2) as (figure, svg):
        axes = figure.add_subplot()
        for number, label in enumerate(labels):
            colour, shape = COLOURS[number % len(COLOURS)], _SHAPES[number // len(COLOURS) % len(_SHAPES)]
            for made in (True, False):
                rows = [row for row, group in enumerate(groups) if group == (label, made)]
                axes.plot(
                    positions[rows, 0], positions[rows, 1], shape, color=colour, markersize=4.5, markeredgewidth=1.1,
                    markerfacecolor="none" if made else colour, label=None if made else literal(label),
                )  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(f"{title}; hollow marks are synthetic", fontsize=9)
        if len(labels) <= _MOST_NAMED:
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=1 + (len(labels) > 14))
    return svg.getvalue()
