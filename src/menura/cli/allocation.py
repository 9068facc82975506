"""What the commands say of an allocation by a learner: before it, and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from menura.config import RunSettings
    from menura.pipeline.estimate import Estimate
    from menura.pipeline.run import Run

__all__ = ["allocation_json", "beforehand_json", "beforehand_lines", "print_allocation"]


def allocation_json(run: Run) -> dict[str, Any]:
    """The rounds and why they ended; nothing for an even run."""
    if run.settings.allocation.by == "even":
        return {}
    return {"allocation": {"rounds": run.allocation, "ended": run.allocation_ended}}


def print_allocation(run: Run, out: Console) -> None:
    """The table of rounds: for each label its clips, and how unsure the learner was of it before the round."""
    rows = run.allocation
    if not rows:
        return
    from rich.table import Table

    table = Table("learner", box=None)
    for row in rows:
        table.add_column(f"round {row['round'] + 1}" if row["budget"] else "end", justify="right")
    table.add_row("synthetic clips before", *(str(row["clips"]) for row in rows))
    table.add_row("score out of fold", *(f"{row['score']:.3f} ({row['gain']:+.3f})" for row in rows))
    for label in rows[0]["labels"]:
        cells = [row["labels"][label] for row in rows]
        shown = (f"+{c['budget']} (unsure {c['uncertainty']:.2f}, gain {c['gain']:+.3f})" for c in cells[:-1])
        last = cells[-1]
        table.add_row(label, *shown, f"unsure {last['uncertainty']:.2f}, gain {last['gain']:+.3f}")
    out.print(table)
    if run.allocation_ended:
        out.print(f"no further round: {run.allocation_ended}", markup=False)


def beforehand_json(settings: RunSettings, found: Estimate) -> dict[str, Any]:
    """What is known of an allocation before it; nothing for an even run."""
    if settings.allocation.by == "even":
        return {}
    known = _known(settings, found)
    return {
        "allocation": {
            "rounds": settings.allocation.rounds,
            "labels": [{"label": label, "first": first, "most": most} for label, (first, most) in known.items()],
        }
    }


def beforehand_lines(settings: RunSettings, found: Estimate) -> list[str]:
    """The same in words."""
    if settings.allocation.by == "even":
        return []
    known, own = _known(settings, found), settings.allocation
    total = sum(item.target for item in found.labels.values())
    first = sum(first for first, _ in known.values())
    most = "; ".join(f"{label} {count}" for label, (_, count) in list(known.items())[:6])
    early = ", fewer if it finds that they no longer help" if own.stop else ""
    given = f"learner  the table is that of an even run: a learner gives out {first} of its {total} clips evenly, and "
    given += f"the rest in {own.rounds - 1} rounds where it is unsure{early}"
    return [given, f"         at most {own.most:g} even shares of a label: {most}{'; …' if len(known) > 6 else ''}"]


def _known(settings: RunSettings, found: Estimate) -> dict[str, tuple[int, int]]:
    from menura.allocate.steps import beforehand

    return beforehand({label: item.target for label, item in found.labels.items()}, settings.allocation)
