"""Several evaluations or studies beside each other: what they gained, what differs, and whether it can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from menura.classify.results import EvaluationResult
from menura.errors import RunError
from menura.metrics.statistics import Interval, holm, mean_interval, sign_flip_p
from menura.report.done import Done, shown_path
from menura.report.results_view import headline_value
from menura.report.study import find_studies, read_study
from menura.report.words import flatten, listed

__all__ = ["Arm", "Comparison", "Direct", "Gain", "Side", "compare", "read_side"]

_FOLDS_NEEDED = 3
_PROTOCOL = (
    "folds_from", "folds", "seeds", "real_per_label", "real_total", "training_clips", "classifier", "steps",
    "working_rate_hz", "doses", "arms", "interval", "test",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arm:
    """What an arm of a side reached."""

    side: str
    arm: str
    value: float
    interval: Interval
    clips: float


@dataclass(frozen=True, slots=True)
class Gain:
    """A paired difference within a side."""

    side: str
    arm: str
    baseline: str
    gain: float
    interval: Interval
    p: float
    p_corrected: float | None


@dataclass(frozen=True, slots=True)
class Direct:
    """The synthetic arm behind the verdict of a side against that of the first side, paired by fold and seed."""

    side: str
    arm: str
    against: str
    against_arm: str
    gain: float
    interval: Interval
    p: float
    p_corrected: float


@dataclass(frozen=True)
class Side:
    """One evaluation or study.

    Attributes:
        name: Of its folder.
        stored: What its file holds.
        metric: The metric that decides.
        verdict: In words; empty for a study.
        arms, gains: What was found.
        cells: Arm to fold and seed to the metric; empty for a study.
        keep: Label to the share of candidates that the judges passed.
        wall_s: Wall time in seconds; None where nobody measured it.
    """

    name: str
    stored: Mapping[str, Any]
    metric: str
    verdict: str
    arms: tuple[Arm, ...]
    gains: tuple[Gain, ...]
    cells: Mapping[str, Mapping[tuple[str, int], float]] = field(default_factory=dict)
    keep: Mapping[str, float] = field(default_factory=dict)
    wall_s: float | None = None

    @property
    def settings(self) -> dict[str, str]:
        """Everything that may differ: protocol, settings of the runs, versions. Without folders of a machine."""
        facts = Done(self.stored).facts
        chosen = {
            name: shown_path(value) if isinstance(value, str) else value
            for name, value in facts.items()
            if name in _PROTOCOL or name.startswith(("run.", "versions."))
        }
        return flatten(chosen)


@dataclass(frozen=True)
class Comparison:
    """Sides, and what can be said of them together.

    Attributes:
        sides: In the order given.
        problems: Why they cannot be compared; empty when they can.
        remarks: What to bear in mind.
        differing: Setting to its value in each side; only those that differ.
        directs: Paired differences between sides; empty where they cannot be paired.
    """

    sides: tuple[Side, ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]
    differing: Mapping[str, tuple[str, ...]]
    directs: tuple[Direct, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        found = {
            "compared": [side.name for side in self.sides],
            "comparable": not self.problems,
            "problems": self.problems,
            "remarks": self.remarks,
            "metric": {side.name: side.metric for side in self.sides},
            "verdicts": {side.name: side.verdict for side in self.sides if side.verdict},
            "arms": [asdict(arm) for side in self.sides for arm in side.arms],
            "gains": [asdict(gain) for side in self.sides for gain in side.gains],
            "direct": [asdict(direct) for direct in self.directs],
            "differing": {
                name: dict(zip([side.name for side in self.sides], values, strict=True))
                for name, values in self.differing.items()
            },
            "keep_rates": {side.name: dict(side.keep) for side in self.sides if side.keep},
            "wall_s": {side.name: side.wall_s for side in self.sides if side.wall_s is not None},
        }
        plain: dict[str, Any] = json.loads(json.dumps(found))
        return plain

    def records(self) -> list[dict[str, Any]]:
        """One record for each arm and difference, for a CSV file."""
        records: list[dict[str, Any]] = []
        for side in self.sides:
            records += [
                {"what": "arm", "side": side.name, "arm": one.arm, "baseline": "", "value": one.value,
                 "interval": one.interval, "p": "", "p_corrected": "", "clips": one.clips}
                for one in side.arms
            ]  # fmt: skip
            records += [_record("gain", side.name, one.arm, one.baseline, one) for one in side.gains]
        return [
            *records,
            *(_record("direct", one.side, one.arm, f"{one.against}: {one.against_arm}", one) for one in self.directs),
        ]


def compare(paths: Sequence[Path]) -> Comparison:
    """Several evaluations or studies beside each other.

    Args:
        paths: Folders with an ``evaluation.json``, or with one study; at least two.

    Raises:
        RunError: There are fewer than two, or one of them holds neither.
    """
    if len(paths) < 2:
        raise RunError("a comparison needs two evaluations or more")
    sides = tuple(read_side(path, name) for path, name in zip(paths, _names(paths), strict=True))
    problems = tuple(_problems(sides))
    values = [side.settings for side in sides]
    names = sorted({name for one in values for name in one})
    differing = {name: tuple(one.get(name, "–") for one in values) for name in names}
    return Comparison(
        sides,
        problems,
        tuple(_remarks(sides)),
        {name: found for name, found in differing.items() if len(set(found)) > 1},
        () if problems else tuple(_directs(sides)),
    )


def read_side(path: Path, name: str) -> Side:
    """One side of a comparison.

    Raises:
        RunError: There is no evaluation and no single study with arms.
    """
    folder = path.parent if path.is_file() else path
    if (path if path.is_file() else folder / "evaluation.json").name == "evaluation.json" and (
        folder / "evaluation.json"
    ).is_file():
        return _of_evaluation(EvaluationResult.read(folder / "evaluation.json"), name)
    studies = [path] if path.is_file() else find_studies(folder)
    if len(studies) != 1:
        what = f"{len(studies)} studies" if studies else "neither an evaluation (evaluation.json) nor a study"
        raise RunError(f"{path} holds {what}; expected one. `menura evaluate` and `menura study` make them")
    study = read_study(studies[0])
    if not study.has_arms:
        raise RunError(f"{studies[0]} compares no arms, so there are no gains to set beside others")
    arms = [Arm(name, _arm_name(row), row["value"], tuple(row["interval"]), row["clips"]) for row in study.rows]
    gains = [
        Gain(name, _arm_name(row), row["baseline"], row["gain"], tuple(row["gain_interval"]), row["p"],
             row.get("p_corrected"))
        for row in study.rows if row["arm"] != row["baseline"]
    ]  # fmt: skip
    return Side(name, study.stored, str(study.stored.get("metric", "")), "", tuple(arms), tuple(gains))


def _of_evaluation(result: EvaluationResult, name: str) -> Side:
    cells: dict[str, dict[tuple[str, int], float]] = {}
    for cell in result.cells:
        value = cell.get(result.metric)
        if isinstance(value, int | float):
            cells.setdefault(str(cell["arm"]), {})[str(cell["fold"]), int(cell["seed"])] = float(value)
    rates = result.protocol.get("keep_rates") or {}
    keep = {label: rate["rate"] for label, rate in rates.items() if rate.get("rate") is not None}
    return Side(
        name=name,
        stored=result.to_json(),
        metric=result.metric,
        verdict=result.verdict,
        arms=tuple(Arm(name, a.name, headline_value(a, result.metric), a.interval, a.clips) for a in result.arms),
        gains=tuple(
            Gain(name, d.arm, d.baseline, d.gain, d.interval, d.p, d.p_corrected) for d in result.differences
        ),
        cells=cells,
        keep=keep or {one.label: one.keep_rate for one in result.labels_gained if one.keep_rate is not None},
        wall_s=result.wall_s or None,
    )  # fmt: skip


def _problems(sides: Sequence[Side]) -> Iterator[str]:
    """Why gains of different sides do not belong on one scale."""
    kinds = {"evaluation" if "study" not in side.stored else f"study {side.stored['study']}" for side in sides}
    if len(kinds) > 1:
        yield f"they answer different questions: {listed(sorted(kinds))}"
    for what, found in (
        ("datasets", [str(side.stored.get("dataset", "")) for side in sides]),
        ("metrics", [side.metric for side in sides]),
        ("labels", [", ".join(side.stored.get("labels", ())) for side in sides]),
    ):
        if len(set(found)) > 1:
            told = f": {_by_side(sides, found)}" if what != "labels" else ""
            yield f"the {what} differ{told}"
    prints = [Done(side.stored).get("test_fingerprint") for side in sides]
    if all(prints):
        if len(set(prints)) > 1:
            yield f"the test clips differ: {_by_side(sides, [_tested(side) for side in sides])}"
    elif len({_tested(side) for side in sides}) > 1:
        yield f"the test clips differ: {_by_side(sides, [_tested(side) for side in sides])}"


def _remarks(sides: Sequence[Side]) -> Iterator[str]:
    if not all(Done(side.stored).get("test_fingerprint") for side in sides):
        yield (
            "some were stored by a version that did not record which clips it tested: that they are the same follows "
            "from the names of the folds and the number of clips alone"
        )
    if len({tuple(sorted({gain.baseline for gain in side.gains})) for side in sides}) > 1:
        yield "gains are taken over different baselines: look at the arms themselves, too"


def _directs(sides: Sequence[Side]) -> list[Direct]:
    """Each side against the first one, where both have cells of the same folds and seeds."""
    first = sides[0]
    found = []
    for side in sides[1:]:
        if not (first.gains and side.gains):
            continue
        arm, against = side.gains[0].arm, first.gains[0].arm
        values = _paired(side.cells.get(arm, {}), first.cells.get(against, {}))
        if values is not None:
            interval = mean_interval(values)
            found.append((side.name, arm, first.name, against, float(values.mean()), interval, sign_flip_p(values)))
    corrected = holm([one[-1] for one in found])
    return [Direct(*one, p_corrected) for one, p_corrected in zip(found, corrected, strict=True)]


def _paired(one: Mapping[tuple[str, int], float], other: Mapping[tuple[str, int], float]) -> NDArray[np.float64] | None:
    """Differences ``[folds, seeds]`` over the folds and seeds that both have; None with too few folds."""
    folds = sorted({fold for fold, _ in one} & {fold for fold, _ in other})
    seeds = sorted({seed for _, seed in one} & {seed for _, seed in other})
    whole = all((fold, seed) in cells for cells in (one, other) for fold in folds for seed in seeds)
    if len(folds) < _FOLDS_NEEDED or not seeds or not whole:
        return None
    return np.array([[one[fold, seed] - other[fold, seed] for seed in seeds] for fold in folds])


def _tested(side: Side) -> str:
    done = Done(side.stored)
    folds = done.get("folds")
    named = f" in fold{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))}" if isinstance(folds, list) else ""
    return f"{done.get('test_clips')} clips{named}"


def _by_side(sides: Sequence[Side], found: Sequence[str]) -> str:
    return "; ".join(f"{side.name}: {text or 'not stated'}" for side, text in zip(sides, found, strict=True))


def _arm_name(row: Mapping[str, Any]) -> str:
    where = " ".join(part for part in (str(row["series"]), str(row["point"])) if part)
    return f"{where}: {row['arm']}"


def _names(paths: Sequence[Path]) -> list[str]:
    """A short name of each folder; a longer one where two are alike."""
    folders = [(path.parent if path.is_file() else path).resolve() for path in paths]
    for parts in (1, 2, 3):
        names = ["/".join(folder.parts[-parts:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [f"{name} ({number})" for number, name in enumerate(names, start=1)]


def _record(what: str, side: str, arm: str, baseline: str, one: Gain | Direct) -> dict[str, Any]:
    return {
        "what": what, "side": side, "arm": arm, "baseline": baseline, "value": one.gain, "interval": one.interval,
        "p": one.p, "p_corrected": "" if one.p_corrected is None else one.p_corrected, "clips": "",
    }  # fmt: skip
