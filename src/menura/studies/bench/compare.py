"""Two arms against each other, of one condition or of two, and the p-values of all that are looked at together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from menura.classify.results import Difference
from menura.metrics.statistics import Interval, holm
from menura.studies.bench.condition import Measured
from menura.studies.verdict import compared, p_text, points, span

__all__ = ["Comparison", "Side", "comparisons"]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes:
        name: As it is called.
        measured: Its condition.
        arm: Its arm.
    """

    name: str
    measured: Measured
    arm: str = "synthetic"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired difference, fold by fold and seed by seed.

    Attributes:
        name, than: What is compared with what.
        gain, interval, p: As fractions.
        p_corrected: After Holm over all comparisons of the table.
    """

    name: str
    than: str
    gain: float
    interval: Interval
    p: float
    p_corrected: float

    @property
    def outcome(self) -> str:
        """``better``, ``worse`` or ``cannot be told apart``."""
        return compared(Difference(self.name, self.than, self.gain, self.interval, self.p, self.p_corrected))

    def shown(self) -> dict[str, object]:
        """Column to what is printed."""
        return {
            "": self.name, "than": self.than, "difference (95 %)": f"{points(self.gain)} ({span(self.interval)})",
            "corrected": p_text(self.p_corrected), "outcome": self.outcome,
        }  # fmt: skip


def comparisons(pairs: Sequence[tuple[Side, Side]]) -> tuple[Comparison, ...]:
    """Each pair compared. Both sides have the same folds and seeds."""
    found = [_compared(one, other) for one, other in pairs]
    corrected = holm([one.p for one in found])
    return tuple(replace(one, p_corrected=p) for one, p in zip(found, corrected, strict=True))


def _compared(one: Side, other: Side) -> Comparison:
    table = replace(
        one.measured.table,
        cells={"one": one.measured.table.cells[one.arm], "other": other.measured.table.cells[other.arm]},
    )
    return Comparison(
        one.name, other.name, table.mean("one") - table.mean("other"), table.gain_interval("one", "other"),
        table.p_value("one", "other"), 1.0,
    )  # fmt: skip
