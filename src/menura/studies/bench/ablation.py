"""What is each part of a recipe worth? The full method, and the same with one setting changed at a time.

Every change is an evaluation of its own with the same real clips, folds and seeds; each is compared with the full
method, pair by pair. The recipe ``synthio`` has a study of its own (``menura study synthio``), which shares adapters.

Source:
    Ghosh et al. 2025 (Synthio), arXiv:2410.02056, table 1, last five rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from menura.config import RunSettings, settings_from
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.bench.compare import Comparison, Side, comparisons
from menura.studies.bench.condition import Condition, Measured
from menura.studies.bench.report import StudyReport, report_of
from menura.studies.bench.tables import PublishedCell, synthio_cells
from menura.studies.settings import EvaluationSettings

__all__ = ["ARMS", "CHANGES", "FULL", "ablation", "ablation_report", "parse_changes"]

FULL = "full"
ARMS = ("real", "oversample", "classic", "synthetic")
CHANGES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "resynth": {
        "no-judge": {"judge.enabled": False},
        "no-revision": {"rounds": 0},
        "no-surplus": {"judge.surplus": 1.0},
        "no-strength": {"generator.delta": 0.0, "judge.enabled": False},  # judges reject copies
        "half-acceptance": {"judge.acceptance": 0.5},
    },
    "label_guided": {
        "no-judge": {"judge.enabled": False},
        "no-revision": {"rounds": 0},
        "label-prompts": {"prompts.style": "label"},
        "no-negative": {"prompts.negative": False},
    },
}
"""Recipe to its built-in changes: name to settings of the runs."""
_FIXED = ("judge.encoder", "sample_rate", "seed", "amount")
_ITEM = re.compile(r",(?=[a-z_]+(?:\.[a-z_]+)*=)")


def parse_changes(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``no-judge:judge.enabled=false,rounds=0`` as name to settings; values are JSON, or else plain text.

    Raises:
        ConfigError: One has another form, or two have one name.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, change = _parsed(text)
        if name in found:
            raise ConfigError(f"two changes are called {name!r}; give each a name of its own")
        found[name] = change
    return found


def ablation(base: EvaluationSettings, changes: Mapping[str, Mapping[str, Any]] | None = None) -> tuple[Condition, ...]:
    """The full method, and one condition for each change; changed ones have the arm ``synthetic`` alone.

    Args:
        base: Arms, seeds, and the runs of the full method.
        changes: Name to settings of the runs, keys with dots; None takes those of the recipe.

    Raises:
        ConfigError: There is no change, one is impossible or changes nothing, or touches what must stay equal.
    """
    known = CHANGES.get(base.run.recipe, {}) if changes is None else changes
    if not known:
        raise ConfigError(
            f"no changes are built in for the recipe {base.run.recipe} (for {', '.join(CHANGES)} there are); give "
            "--change NAME:key=value"
        )
    if FULL in known or "synthetic" not in base.arms:
        raise ConfigError(f"a change cannot be called {FULL}, and the arm synthetic must be among the arms")
    conditions = [Condition(FULL, base)]
    for name, change in known.items():
        run = _changed(base.run, name, change)
        conditions.append(Condition(name, base.model_copy(update={"arms": ("synthetic",), "run": run})))
    return tuple(conditions)


def ablation_report(dataset: Dataset, measured: Sequence[Measured]) -> StudyReport:
    """Rows against the best that real clips alone allow, and each change against the full method."""
    full = measured[0]
    published = tuple(_named_in_table(cell) for cell in synthio_cells(dataset.name) if not cell.arm)
    return report_of(
        "ablation", measured, question="What is each part of the method worth?", axis="method", of=full,
        published=published, more={"parts": parts_of(measured)},
    )  # fmt: skip


def parts_of(measured: Sequence[Measured]) -> tuple[Comparison, ...]:
    """Each changed method against the full one."""
    full, *changed = measured
    return comparisons([(Side(one.condition.point, one), Side(FULL, full)) for one in changed])


def _named_in_table(cell: PublishedCell) -> PublishedCell:
    return PublishedCell(cell.point, f"{cell.point} clips", "published", cell.method, cell.value, cell.source)


def _changed(run: RunSettings, name: str, change: Mapping[str, Any]) -> RunSettings:
    touched = [key for key in change if key.split(".")[0] in _FIXED or key in _FIXED]
    if touched:
        raise ConfigError(
            f"change {name!r} touches {', '.join(touched)}, which must be equal for a comparison: real clips, what the "
            "classifier hears with, and the number of synthetic clips"
        )
    values = run.model_dump(mode="json")
    for key, value in change.items():
        *sections, last = key.split(".")
        place = values
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ConfigError(f"change {name!r}: {key} is no setting, {section} has no parts")
        place[last] = value
    found = settings_from(RunSettings, values, source=f"change {name!r}")
    if found == run:
        raise ConfigError(f"change {name!r} changes nothing: the full method has {dict(change)} already")
    return found


def _parsed(text: str) -> tuple[str, dict[str, Any]]:
    name, colon, rest = text.partition(":")
    items = [item.partition("=") for item in _ITEM.split(rest)] if rest else []
    if not name.strip() or not colon or not items or not all(key and equals for key, equals, _ in items):
        raise ConfigError(f"change {text!r} cannot be read; expected NAME:key=value, e.g. no-judge:judge.enabled=false")
    return name.strip(), {key.strip(): _value(value) for key, _, value in items}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()
