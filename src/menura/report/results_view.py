"""What the page says about an evaluation: verdict, arms, paired differences, labels, dose, confusions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from menura.classify.results import ArmResult, Difference, EvaluationResult
from menura.report import words
from menura.report.charts import DosePoint, Scale, axis, bar, dose_chart, interval_track, nice_scale
from menura.report.embedding_map import LabelColour

__all__ = [
    "Arms",
    "Confusion",
    "Verdict",
    "arms_view",
    "classifiers_view",
    "confusions",
    "differences_view",
    "dose_view",
    "gain_tone",
    "labels_view",
    "points_axis",
    "verdict_view",
]

_HEADLINES = {
    "helped": ("Yes, it helped", "good"),
    "hurt": ("No, it hurt", "bad"),
    "undecided": ("Not distinguishable from chance", "open"),
}
_ARM_WORDS = {
    "real": "the real clips alone",
    "oversample": "the real clips, repeated",
    "classic": "real clips, classically augmented",
    "noise": "real clips and copies with noise",
    "pitch-2": "real clips and copies 1 or 2 semitones up or down",
    "pitch-3.5": "real clips and copies 2.5 or 3.5 semitones up or down",
    "stretch": "real clips and copies played slower or faster",
    "specaugment": "real clips and copies with masks (SpecAugment)",
    "mixup": "real clips and mixtures of two of them (mixup)",
    "chain": "real clips and copies through filters, pitch, shift and a room",
    "policy": "real clips and copies by an augmentation policy that was searched for",
    "synthetic": "real and synthetic clips",
    "synthetic+classic": "real and synthetic clips, classically augmented",
    "synthetic-learner": "real and synthetic clips, given out by a learner",
    "retrieval": "real clips, and clips of a pool that are near to them",
    "vanilla": "real clips, and unjudged ones of a plain prompt",
    "vanilla-captions": "real clips, and unjudged ones of captions",
    "probe": "the real clips alone, by a linear head on the encoder",
    "prototypes": "the real clips alone, by the mean of each label",
    "adapter": "the real clips alone, by a cache of them beside a head",
    "zero-shot": "no clip at all: a model of sounds and texts",
}
_MAX_CONFUSION_LABELS = 24


@dataclass(frozen=True, slots=True)
class Verdict:
    """The head of the page."""

    headline: str
    tone: str
    words: str
    gain: str
    interval: str
    p: str
    arm: str
    baseline: str
    track: Markup | None
    axis: Markup | None
    advice: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a chart and of the table behind it: a name, its drawing, and its numbers by column."""

    name: str
    note: str
    picture: Markup
    value: str
    cells: tuple[tuple[str, str], ...] = ()
    tone: str = "plain"
    extra: Markup | None = None
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Arms:
    """Rows that share a scale."""

    axis: Markup
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Confusion:
    """The confusion counts of one arm as shares of each true label, and its most frequent mistakes."""

    arm: str
    labels: tuple[str, ...]
    cells: tuple[tuple[tuple[str, int], ...], ...]
    mistakes: tuple[tuple[str, str, str], ...]


def headline_value(arm: ArmResult, metric: str) -> float:
    """The arm's value of the headline metric."""
    value = {"macro_f1": arm.macro_f1, "uar": arm.uar, "mean_average_precision": arm.mean_average_precision}.get(
        metric, arm.accuracy
    )
    return arm.accuracy if value is None else value


def decisive_p(difference: Difference) -> float:
    """The p-value that a verdict rests on: the corrected one where there is one."""
    return difference.p if difference.p_corrected is None else difference.p_corrected


def verdict_view(result: EvaluationResult) -> Verdict:
    """Verdict first, in plain words, with the pair behind it."""
    headline, tone = _HEADLINES.get(result.outcome, (result.outcome, "open"))
    first = result.differences[0] if result.differences else None
    said_already = f"{result.outcome.capitalize()}: "
    verdict = words.sentence(result.verdict.removeprefix(said_already))
    if first is None:
        return Verdict(headline, tone, verdict, "", "", "", "", "", None, None, result.advice)
    scale = nice_scale((first.gain, *first.interval), include=(0.0,))
    said = f"Gain {words.points(first.gain)} points, 95 % interval {words.interval_points(first.interval)}"
    return Verdict(
        headline=headline,
        tone=tone,
        words=verdict,
        gain=words.points(first.gain),
        interval=words.interval_points(first.interval),
        p=words.probability(decisive_p(first)),
        arm=first.arm,
        baseline=first.baseline,
        track=interval_track(scale, first.gain, first.interval, tone=tone, description=said, zero=True),
        axis=points_axis(scale),
        advice=result.advice,
    )


def arms_view(result: EvaluationResult) -> Arms:
    """Every arm with the interval of its headline metric."""
    levels = [number for arm in result.arms for number in (headline_value(arm, result.metric), *arm.interval)]
    scale = nice_scale(levels, lowest=0.0)
    rows = []
    for arm in result.arms:
        value = headline_value(arm, result.metric)
        is_synthetic = "synthetic" in arm.name
        between = f"{words.percent(arm.interval[0])} to {words.percent(arm.interval[1])}"
        said = f"{arm.name}: {words.percent(value)}, 95 % interval {between}"
        rows.append(
            Row(
                name=arm.name,
                note=_ARM_WORDS.get(arm.name, ""),
                picture=interval_track(
                    scale, value, arm.interval, tone="synthetic" if is_synthetic else "plain", description=said,
                    cells=_cell_values(result, arm.name),
                ),
                value=words.percent(value),
                cells=_arm_cells(arm),
                tone="synthetic" if is_synthetic else "plain",
            )
        )  # fmt: skip
    return Arms(axis(scale, [f"{100 * tick:g} %" for tick in scale.ticks]), tuple(rows))


def differences_view(result: EvaluationResult) -> Arms:
    """Every paired difference, the pair behind the verdict first."""
    scale = nice_scale([n for item in result.differences for n in (item.gain, *item.interval)], include=(0.0,))
    rows = [_gain_row(f"{item.arm} − {item.baseline}", item, scale, _gain_cells(item)) for item in result.differences]
    return Arms(points_axis(scale), tuple(rows))


def classifiers_view(result: EvaluationResult) -> Arms:
    """What each classifier alone would have found, where there was a choice."""
    pairs = [(item, Difference(**item["difference"])) for item in result.by_classifier]
    scale = nice_scale([n for _, gain in pairs for n in (gain.gain, *gain.interval)], include=(0.0,))
    rows = []
    for item, gain in pairs:
        means = tuple((arm, words.percent(value)) for arm, value in item["means"].items())
        note = f"{gain.arm} − {gain.baseline}"
        rows.append(_gain_row(item["classifier"], gain, scale, (*means, *_gain_cells(gain)), note=note))
    return Arms(points_axis(scale), tuple(rows))


def _gain_row(name: str, item: Difference, scale: Scale, cells: tuple[tuple[str, str], ...], *, note: str = "") -> Row:
    tone = gain_tone(item.interval)
    said = f"{note or name}: {words.points(item.gain)} points, {words.interval_points(item.interval)}"
    return Row(
        name=name,
        note=note,
        picture=interval_track(scale, item.gain, item.interval, tone=tone, description=said, zero=True),
        value=words.points(item.gain),
        cells=cells,
        tone=tone,
    )


def _gain_cells(item: Difference) -> tuple[tuple[str, str], ...]:
    return (
        ("95 % interval", words.interval_points(item.interval)),
        ("p", words.probability(item.p)),
        ("p, corrected", "–" if item.p_corrected is None else words.probability(item.p_corrected)),
    )


def labels_view(result: EvaluationResult, colours: Mapping[str, LabelColour]) -> Arms:
    """Each label's gain beside its keep-rate, the largest gain first."""
    gained = sorted(result.labels_gained, key=lambda item: (-item.gain if item.gain == item.gain else 9, item.label))
    scale = nice_scale([n for item in gained for n in (item.gain, *item.interval)], include=(0.0,))
    rows = []
    for item in gained:
        tone = gain_tone(item.interval)
        said = f"{item.label}: gain {words.points(item.gain)} points, {words.interval_points(item.interval)}"
        keep = words.percent(item.keep_rate, 0)
        rows.append(
            Row(
                name=item.label,
                note="",
                picture=interval_track(scale, item.gain, item.interval, tone=tone, description=said, zero=True),
                value=words.points(item.gain),
                cells=(
                    ("95 % interval", words.interval_points(item.interval)),
                    ("p, corrected", "–" if item.p_corrected is None else words.probability(item.p_corrected)),
                    ("keep-rate", keep),
                    ("recall without", words.percent(item.real)),
                    ("recall with", words.percent(item.synthetic)),
                ),
                tone=tone,
                extra=bar(item.keep_rate, tone="kept", description=f"{item.label}: keep-rate {keep}"),
                colour=colours[item.label].colour if item.label in colours else "",
            )
        )
    return Arms(points_axis(scale), tuple(rows))


def dose_view(result: EvaluationResult) -> Markup | None:
    """The metric against the amount of synthetic clips; None unless two amounts were evaluated."""
    doses = [item for item in result.dose if "times" in item and "value" in item]
    if len(doses) < 2:
        return None
    drawn = []
    for item in doses:
        value, times = float(item["value"]), float(item["times"])
        low, high = item.get("interval") or (value, value)
        text = f"{times:g} synthetic for each real clip: {words.percent(value)}"
        drawn.append(DosePoint(times, value, (float(low), float(high)), text))
    baselines = [headline_value(arm, result.metric) for arm in result.arms if _is_baseline(arm.name)]
    metric = words.METRIC_WORDS.get(result.metric, result.metric)
    said = f"{metric} against the amount of synthetic clips: " + "; ".join(dose.text for dose in drawn)
    return dose_chart(drawn, baseline=max(baselines, default=None), unit=f"{metric}, %", description=said)


def _is_baseline(arm: str) -> bool:
    """Whether an arm learns from real clips alone."""
    return "synthetic" not in arm and arm != "zero-shot"


def confusions(result: EvaluationResult) -> tuple[Confusion, ...]:
    """The two arms behind the verdict; the matrix itself only for as many labels as a page can hold."""
    wanted = (result.differences[0].baseline, result.differences[0].arm) if result.differences else ()
    arms = [arm for name in wanted for arm in result.arms if arm.name == name and arm.confusion]
    return tuple(_confusion(arm, result.labels) for arm in arms)


def _confusion(arm: ArmResult, labels: tuple[str, ...]) -> Confusion:
    shares = [[count / max(1, sum(row)) for count in row] for row in arm.confusion]
    mistakes = [
        (shares[true][said], labels[true], labels[said])
        for true in range(len(shares))
        for said in range(len(shares[true]))
        if true != said and shares[true][said] > 0
    ]
    cells: tuple[tuple[tuple[str, int], ...], ...] = ()
    if len(labels) <= _MAX_CONFUSION_LABELS:
        cells = tuple(tuple((f"{100 * share:.0f}", round(9 * share)) for share in row) for row in shares)
    worst = sorted(mistakes, key=lambda item: (-item[0], item[1], item[2]))[:6]
    return Confusion(
        arm.name, labels, cells, tuple((true, said, words.percent(share, 0)) for share, true, said in worst)
    )


def _cell_values(result: EvaluationResult, arm: str) -> list[float]:
    values = (cell.get(result.metric, cell.get("value")) for cell in result.cells if cell.get("arm") == arm)
    return [float(value) for value in values if isinstance(value, int | float)]


def _arm_cells(arm: ArmResult) -> tuple[tuple[str, str], ...]:
    chosen = ", ".join(f"{name} {times}×" for name, times in arm.chosen.items())
    only_ranks = arm.name == "zero-shot" and arm.mean_average_precision is not None
    decided = (("accuracy", arm.accuracy), ("macro-F1", arm.macro_f1), ("UAR", arm.uar))
    return (
        *((name, "–" if only_ranks else words.percent(value)) for name, value in decided),
        *((("mAP", words.percent(arm.mean_average_precision)),) if arm.mean_average_precision is not None else ()),
        ("95 % interval", f"{words.percent(arm.interval[0])} to {words.percent(arm.interval[1])}"),
        ("training clips", f"{arm.clips:.0f}"),
        ("classifier", chosen or "–"),
    )


def points_axis(scale: Scale) -> Markup:
    """The numbers above gains, in points."""
    return axis(scale, [words.points(tick).removesuffix(".0") if tick else "0" for tick in scale.ticks])


def gain_tone(interval: tuple[float, float]) -> str:
    """``good`` or ``bad`` where the interval clears zero, else ``open``."""
    return "good" if interval[0] > 0 else "bad" if interval[1] < 0 else "open"
