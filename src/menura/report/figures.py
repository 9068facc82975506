"""Figures of studies as SVG files that stand alone: curves, boxes, intervals and pairs on a plane.

Numbers in, text out. The same numbers give the same bytes, for one version of matplotlib.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from menura.metrics.statistics import Interval

__all__ = ["COLOURS", "Curve", "IntervalPanel", "boxes", "curves", "drawing", "intervals", "literal", "pair_maps"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
_STYLE = {
    "svg.hashsalt": "menura", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#e4e4e4", "axes.axisbelow": True,
    "legend.frameon": False,
}  # fmt: skip


@dataclass(frozen=True)
class Curve:
    """Values over places, each with an interval.

    Attributes:
        name: For the legend.
        values: One for each place.
        intervals: Low and high end of each.
        reference: Values of the thin dashed curve of the same colour; empty for none.
    """

    name: str
    values: Sequence[float]
    intervals: Sequence[Interval]
    reference: Sequence[float] = ()


@dataclass(frozen=True)
class IntervalPanel:
    """One measure of several sets.

    Attributes:
        title: Of the measure.
        values: One for each set.
        intervals: Low and high end of each; empty for none.
        floor: Where a vertical line stands; None for none.
    """

    title: str
    values: Sequence[float]
    intervals: Sequence[Interval] = ()
    floor: float | None = None


def curves(found: Sequence[Curve], places: Sequence[str], *, x_label: str, y_label: str, reference: str = "") -> str:
    """SVG of curves over places that stand at equal distances.

    Args:
        found: The curves.
        places: Names of the places.
        x_label, y_label: Of the axes.
        reference: What the dashed curves are; empty when there are none.
    """
    with drawing(6.4, 4.0) as (figure, svg):
        axes = figure.add_subplot()
        for position, curve in enumerate(found):
            colour = COLOURS[position % len(COLOURS)]
            at = np.arange(len(places)) + 0.06 * (position - (len(found) - 1) / 2)
            low, high = (np.array([ends[side] for ends in curve.intervals]) for side in (0, 1))
            values = np.asarray(curve.values)
            spread = np.maximum(0.0, np.stack([values - low, high - values]))
            axes.errorbar(at, values, spread, color=colour, marker="o", markersize=4, capsize=2, label=curve.name)
            if len(curve.reference):
                axes.plot(at, curve.reference, color=colour, linestyle="--", linewidth=0.9)
        if reference:
            axes.plot([], [], color="#555555", linestyle="--", linewidth=0.9, label=reference)
        axes.set_xticks(range(len(places)), places)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.legend()
    return svg.getvalue()


def boxes(panels: Mapping[str, Mapping[str, NDArray[np.float64]]], *, columns: int = 5) -> str:
    """SVG of a panel for each measure with a box for each set: quartiles, median, and whiskers from 5 to 95 %.

    Args:
        panels: Title to name of the set to values ``[sounds]``; all with the same sets.
        columns: Panels side by side.
    """
    names = list(next(iter(panels.values())))
    across = min(columns, len(panels))
    rows = math.ceil(len(panels) / across)
    with drawing(1.6 + 2.5 * across, rows * (0.9 + 0.27 * len(names))) as (figure, svg):
        for position, (title, values) in enumerate(panels.items()):
            axes = figure.add_subplot(rows, across, position + 1)
            drawn = axes.boxplot(
                [values[name] for name in names], orientation="horizontal", whis=(5, 95), showfliers=False, widths=0.6,
                patch_artist=True, medianprops={"color": "black"},
            )  # fmt: skip
            for number, box in enumerate(drawn["boxes"]):
                box.set(facecolor=_shade(names[number]), edgecolor="#444444", linewidth=0.7)
            axes.axvline(float(np.median(values[names[0]])), color=COLOURS[0], linestyle="--", linewidth=0.9)
            axes.set_title(title, fontsize=9)
            _name_rows(axes, names if position % across == 0 else [""] * len(names), start=1)
    return svg.getvalue()


def intervals(names: Sequence[str], panels: Sequence[IntervalPanel]) -> str:
    """SVG of a panel for each measure with a point for each set, its interval, and a line for the floor."""
    with drawing(2.2 + 3.0 * len(panels), 0.9 + 0.3 * len(names)) as (figure, svg):
        for position, panel in enumerate(panels):
            axes = figure.add_subplot(1, len(panels), position + 1)
            for row, (name, value) in enumerate(zip(names, panel.values, strict=True)):
                colour = _shade(name, strong=True)
                if panel.intervals:
                    axes.plot(panel.intervals[row], [row, row], color=colour, linewidth=2.5, alpha=0.5)
                axes.plot([value], [row], "o", color=colour, markersize=5)
            if panel.floor is not None:
                axes.axvline(panel.floor, color=COLOURS[0], linestyle="--", linewidth=0.9)
            axes.set_title(panel.title, fontsize=9)
            axes.set_ylim(-0.6, len(names) - 0.4)
            _name_rows(axes, list(names) if position == 0 else [""] * len(names), start=0)
    return svg.getvalue()


def pair_maps(rows: Mapping[str, Mapping[str, NDArray[np.float64]]], *, most: int = 60) -> str:
    """SVG of planes with a segment from the first to the second sound of each pair.

    Args:
        rows: Name of the row to title of the panel to positions ``[pairs, 2 sounds, 2 axes]``; the panels of a row
            share their axes.
        most: Pairs that are drawn in a panel.
    """
    across = max(map(len, rows.values()))
    with drawing(0.6 + 2.1 * across, 0.4 + 2.1 * len(rows)) as (figure, svg):
        for row, (name, panels) in enumerate(rows.items()):
            every = np.concatenate([positions[:most].reshape(-1, 2) for positions in panels.values()])
            low, high = every.min(axis=0), every.max(axis=0)
            margin = 0.05 * np.maximum(high - low, 1e-9)
            for column, (title, positions) in enumerate(panels.items()):
                axes = figure.add_subplot(len(rows), across, row * across + column + 1)
                for number, colour in enumerate(COLOURS):
                    pairs = positions[:most][number :: len(COLOURS)]
                    segments = np.pad(pairs, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan).reshape(-1, 2)
                    axes.plot(*segments.T, color=colour, linewidth=0.8, marker="o", markersize=2)
                axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
                axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
                axes.set_xticks([])
                axes.set_yticks([])
                if row == 0:
                    axes.set_title(title, fontsize=9)
                if column == 0:
                    axes.set_ylabel(name)
    return svg.getvalue()


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, io.StringIO]]:
    """A figure in inches, and where its SVG stands afterwards."""
    import matplotlib
    from matplotlib.figure import Figure

    written = io.StringIO()
    settings: dict[Any, Any] = dict(_STYLE)
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, written
        figure.savefig(written, format="svg", metadata={"Date": None})


def _name_rows(axes: Axes, names: Sequence[str], *, start: int) -> None:
    axes.set_yticks(range(start, start + len(names)), [literal(name) for name in names])
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)


def _shade(name: str, *, strong: bool = False) -> str:
    """Blue for real sounds, orange for synthetic ones."""
    is_real = name.startswith("real")
    if strong:
        return COLOURS[0] if is_real else COLOURS[1]
    return "#a6cde6" if is_real else "#f3c09c"


def literal(name: str) -> str:
    """Text as it is: a pair of dollar signs would be read as a formula."""
    return name.replace("$", r"\$")
