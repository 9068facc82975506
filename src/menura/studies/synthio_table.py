"""The table of the study of the recipe ``synthio``: each method against real clips alone, and against the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from menura.classify.results import Difference
from menura.metrics.statistics import Interval, holm
from menura.studies.synthio_grid import Grid
from menura.studies.synthio_variants import FULL
from menura.studies.verdict import METRIC_NAMES, compared, p_text, points, span

__all__ = ["GridRow", "grid_notes", "grid_rows"]

_NOTHING: Interval = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class GridRow:
    """One method. Rates and differences are fractions; differences are paired by fold and seed.

    Attributes:
        method: Arm of real clips alone, or variant.
        asked, kept: Synthetic clips of a fold and seed, mean; 0 for real clips alone.
        passed: Share of the candidates of each round that the judges passed, in words.
        value, interval: Metric that decides, and its 95 % interval.
        gain_real: Over the arm ``real``, or the best of real clips alone where that is left out.
        gain_best, gain_best_interval, p_best, p_best_corrected: Over the best arm of real clips alone; the p-values of
            all variants are corrected together, after Holm.
        gain_full, gain_full_interval, p_full, p_full_corrected: Over ``synthio``; corrected over all other variants.
        kad, vendi: Of the kept clips, where they were measured.
    """

    method: str
    asked: float
    kept: float
    passed: str
    value: float
    interval: Interval
    gain_real: float
    gain_real_interval: Interval
    gain_best: float
    gain_best_interval: Interval
    p_best: float
    p_best_corrected: float | None
    gain_full: float
    gain_full_interval: Interval
    p_full: float
    p_full_corrected: float | None
    kad: float | None
    vendi: float | None


def grid_rows(grid: Grid) -> tuple[GridRow, ...]:
    """Arms of real clips alone first, then the variants in their order."""
    table = grid.table
    best = table.best_baseline
    plain = "real" if "real" in table.cells else best
    of_best = _corrected({name: _against(grid, name, best) for name in table.cells}, grid.variants)
    others = [name for name in grid.variants if name != FULL]
    of_full = _corrected({name: _against(grid, name, FULL) for name in table.cells}, others)
    return tuple(_row(grid, name, _against(grid, name, plain), of_best[name], of_full[name]) for name in table.cells)


def grid_notes(grid: Grid, rows: Sequence[GridRow]) -> tuple[str, ...]:
    """What the numbers say, in plain sentences: does the whole help, and what is each of its parts worth?"""
    best, name = grid.table.best_baseline, METRIC_NAMES[grid.table.metric]
    by_name = {row.method: row for row in rows}
    full = by_name[FULL]
    found = [
        f"{FULL} reaches {100 * full.value:.1f} % {name}, {best!r} (the best that real clips alone allow) "
        f"{100 * by_name[best].value:.1f} %: "
        + _said(full.gain_best, full.gain_best_interval, full.p_best, full.p_best_corrected)
    ]
    for row in (by_name[method] for method in grid.variants if method != FULL):
        found.append(
            f"{row.method} against {FULL}: "
            + _said(row.gain_full, row.gain_full_interval, row.p_full, row.p_full_corrected)
        )
    short = [f"{row.method} {row.kept:.4g} of {row.asked:.4g}" for row in rows if row.kept < row.asked]
    if short:
        found.append(f"fewer clips were kept than asked for: {', '.join(short)}")
    if grid.table.by_source:
        found.append("with one or two folds intervals come from drawing test sources: other folds may differ more")
    return (*found, *grid.warnings)


def _row(grid: Grid, name: str, real: Difference, best: Difference, full: Difference) -> GridRow:
    facts = grid.facts.get(name)
    return GridRow(
        method=name,
        asked=facts.asked if facts else 0.0,
        kept=facts.kept if facts else 0.0,
        passed=" ".join("–" if one.rate is None else f"{100 * one.rate:.0f}%" for one in facts.rounds) if facts else "",
        value=grid.table.mean(name),
        interval=grid.table.interval(name),
        gain_real=real.gain,
        gain_real_interval=real.interval,
        gain_best=best.gain,
        gain_best_interval=best.interval,
        p_best=best.p,
        p_best_corrected=best.p_corrected,
        gain_full=full.gain,
        gain_full_interval=full.interval,
        p_full=full.p,
        p_full_corrected=full.p_corrected,
        kad=facts.kad if facts else None,
        vendi=facts.vendi if facts else None,
    )


def _against(grid: Grid, name: str, other: str) -> Difference:
    if name == other:
        return Difference(name, other, 0.0, _NOTHING, 1.0)
    table = grid.table
    gain = table.mean(name) - table.mean(other)
    return Difference(name, other, gain, table.gain_interval(name, other), table.p_value(name, other))


def _corrected(found: dict[str, Difference], tested: Sequence[str]) -> dict[str, Difference]:
    """The differences, the p-values of those that are looked at together corrected."""
    corrected = dict(zip(tested, holm([found[name].p for name in tested]), strict=True))
    return {
        name: Difference(one.arm, one.baseline, one.gain, one.interval, one.p, corrected.get(name))
        for name, one in found.items()
    }


def _said(gain: float, interval: Interval, p: float, corrected: float | None) -> str:
    difference = Difference("", "", gain, interval, p, corrected)
    words = compared(difference)
    told = p_text(p if corrected is None else corrected)
    return f"{points(gain)} points (95 % interval {span(interval)}, {told} corrected), {words}"
