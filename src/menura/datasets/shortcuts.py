"""Shortcuts: can a trivial cue alone name the label of held-out clips? Then a classifier may learn that, not hearing.

For each cue a small decision tree learns labels from nothing else, and is tested on folds that share no group with
its training clips. Chance is found by shuffling which label belongs to which recording. Where clips have several
labels, the tree says of each label whether a clip has it, and the label that is told best counts, against the best one
under shuffled labels.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from menura.datasets.folds import grouped_folds
from menura.datasets.measure import ClipMeasures
from menura.errors import DatasetError
from menura.seeding import item_generator
from menura.types import Clip, Finding

__all__ = ["CUES", "Cue", "Shortcut", "find_shortcuts", "shortcut_finding"]

_NUM_SHUFFLES = 999
_P_LIMIT = 0.002
_MIN_GAIN = 0.05
_MIN_LIFT = 0.25
_FEWEST = 8


@dataclass(frozen=True, slots=True)
class Cue:
    """A trivial property of clips.

    Attributes:
        name: Stable name.
        text: What it is, in words.
        is_technical: True when it mostly comes from how clips were cut and stored.
        doubt: What else may set it, for the message.
        remedy: What to do when it gives the label away.
    """

    name: str
    text: str
    is_technical: bool
    remedy: str
    doubt: str = ""


_MAYBE = "a codec or microphone, or the sound itself, may set it"
_SOUND = "this may be the sound itself"

CUES: tuple[Cue, ...] = (
    Cue("duration", "the duration", True, "Cut or pad all clips to one duration, the same way for every label."),
    Cue(
        "padding",
        "digital silence",
        True,
        "Trim digital silence, or fill it with faint noise, before training; judge gains with the padding removed.",
    ),
    Cue("dc", "the DC offset", True, "Remove the mean of each clip."),
    Cue("cutoff", "the upper cut-off frequency", True, "Low-pass all clips at one frequency.", _MAYBE),
    Cue("sample_rate", "the sample rate or the number of channels", True, "Convert all clips to one rate and width."),
    Cue("codec", "the file format", True, "Use sources of one format; converting does not undo what a codec did."),
    Cue(
        "level",
        "the level",
        False,
        "Level clips (or vary their gain in training) unless loudness is the label.",
        _SOUND,
    ),
    Cue("rolloff", "the 95 % roll-off", False, "Nothing, if the sounds differ so; else match the microphones.", _SOUND),
)

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "duration": ("duration_s",),
    "padding": ("silence_share", "leading_silence_s", "trailing_silence_s"),
    "dc": ("dc_offset",),
    "cutoff": ("cutoff_hz",),
    "sample_rate": ("sample_rate", "channels"),
    "level": ("peak_dbfs", "rms_dbfs"),
    "rolloff": ("rolloff_hz",),
}


@dataclass(frozen=True, slots=True)
class Shortcut:
    """How well one cue alone names labels on held-out folds.

    Attributes:
        cue: What was looked at.
        accuracy: Balanced accuracy over labels, each source recording counting once; when multi-label, that of telling
            clips with a label from those without it, for the label that is told best.
        chance: Mean of the same under shuffled labels.
        p: Share of shuffles that did as well, counting the real one.
        most: Labels that it tells best from the others, with the share of their recordings that it named; when
            multi-label, with their balanced accuracy.
        is_clear: Whether it is clearly above chance.
        is_multilabel: Which of the two.
    """

    cue: Cue
    accuracy: float
    chance: float
    p: float
    most: Mapping[str, float]
    is_clear: bool
    is_multilabel: bool = False


def find_shortcuts(
    clips: Sequence[Clip], measures: Sequence[ClipMeasures], *, has_folds: bool, seed: int = 0
) -> tuple[Shortcut, ...]:
    """One result for each cue that varies among the clips; empty when there is too little to test.

    Args:
        clips: Clips; those without a label are left out.
        measures: What was measured of each clip.
        has_folds: Whether the published folds are used; else five folds are made by group.
        seed: Of the folds that are made and of the shuffles.
    """
    labelled = [i for i, clip in enumerate(clips) if clip.labels]
    clips, measures = [clips[i] for i in labelled], [measures[i] for i in labelled]
    is_multilabel = any(len(clip.labels) > 1 for clip in clips)
    labels = _testable(clips) if is_multilabel else sorted({clip.labels[0] for clip in clips})
    if len(labels) < (1 if is_multilabel else 2) or len(clips) < 4 * len(labels):
        return ()
    try:
        folded = clips if has_folds else grouped_folds(clips, num_folds=5, seed=seed)
    except DatasetError:
        return ()
    has_label = np.array([[label in clip.labels for label in labels] for clip in clips], dtype=np.int64)
    truth = has_label.argmax(axis=1)
    names = [str(clip.fold) for clip in folded]
    units = _units(clips)
    found = []
    for cue in CUES:
        values = _values(cue.name, measures)
        if values is None:
            continue
        if is_multilabel:
            found.append(_result_of_each(cue, _held_out(values, has_label, names), has_label, units, labels, seed))
        else:
            found.append(_result(cue, _held_out(values, truth, names), truth, units, labels, seed))
    return tuple(found)


def _testable(clips: Sequence[Clip]) -> list[str]:
    """Labels that enough clips have, and enough clips lack."""
    counts = Counter(label for clip in clips for label in clip.labels)
    return sorted(label for label, count in counts.items() if _FEWEST <= count <= len(clips) - _FEWEST)


def shortcut_finding(shortcut: Shortcut) -> Finding:
    """The finding for a clear shortcut: a warning for a technical cue, a note for one that the sound may set."""
    best = ", ".join(f"{label} {share:.0%}" for label, share in shortcut.most.items())
    cue = shortcut.cue
    doubt = f"; {cue.doubt}" if cue.doubt else ""
    told = "tells a label of held-out clips at" if shortcut.is_multilabel else "names the label of"
    share = f"{shortcut.accuracy:.1%}" + ("" if shortcut.is_multilabel else " of held-out clips")
    return Finding(
        kind=f"shortcut_{cue.name}",
        severity="warning" if cue.is_technical else "note",
        message=f"{cue.text} alone {told} {share} "
        f"(balanced; chance {shortcut.chance:.1%}, p = {shortcut.p:.3f}), most clearly of: {best}{doubt}",
        remedy=cue.remedy,
        details={
            "accuracy": shortcut.accuracy,
            "chance": shortcut.chance,
            "p": shortcut.p,
            "labels": dict(shortcut.most),
        },
    )


def _values(name: str, measures: Sequence[ClipMeasures]) -> NDArray[np.float64] | None:
    """``[clips, columns]`` of a cue; None when it does not vary."""
    if name == "codec":
        formats = [f"{measured.container}/{measured.subtype}" for measured in measures]
        values = np.array([[float(one == kind) for kind in sorted(set(formats))] for one in formats])
    else:
        values = np.array([[float(getattr(m, field)) for field in _FIELDS[name]] for m in measures])
    return values if (values != values[0]).any() else None


def _held_out(values: NDArray[np.float64], truth: NDArray[np.int64], folds: Sequence[str]) -> NDArray[np.int64]:
    """Predictions of the shape of ``truth``, each from other folds; -1 where there is no other fold."""
    from sklearn.tree import DecisionTreeClassifier

    fold_names = np.array(folds)
    predicted = np.full(truth.shape, -1)
    num_leaves = 2 * (truth.shape[1] if truth.ndim > 1 else len(np.unique(truth)))
    for name in sorted(set(folds)):
        test = fold_names == name
        if test.all():
            continue
        tree = DecisionTreeClassifier(
            max_leaf_nodes=max(4, num_leaves), min_samples_leaf=5, class_weight="balanced", random_state=0
        )
        tree.fit(values[~test], truth[~test])
        predicted[test] = tree.predict(values[test])
    return predicted


def _units(clips: Sequence[Clip]) -> list[NDArray[np.int64]]:
    """Indices of the clips of each source recording and set of labels: what is shuffled as one."""
    members: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
    for i, clip in enumerate(clips):
        members[clip.group or f"clip {i}", clip.labels].append(i)
    return [np.array(indices) for indices in members.values()]


def _result(
    cue: Cue,
    predicted: NDArray[np.int64],
    truth: NDArray[np.int64],
    units: Sequence[NDArray[np.int64]],
    labels: Sequence[str],
    seed: int,
) -> Shortcut:
    num_labels = len(labels)
    votes = np.stack(
        [np.bincount(predicted[unit] + 1, minlength=num_labels + 1)[1:] / len(unit) for unit in units]
    )  # share of each unit that was named so, [units, labels]
    unit_truth = np.array([truth[unit[0]] for unit in units])
    sizes = np.bincount(unit_truth, minlength=num_labels)

    def recalls(of_unit: NDArray[np.int64]) -> NDArray[np.float64]:
        named = votes[np.arange(len(of_unit)), of_unit]
        return np.bincount(of_unit, weights=named, minlength=num_labels) / sizes

    recall = recalls(unit_truth)
    accuracy, chance, p = _against_shuffles(cue, lambda of_unit: float(recalls(of_unit).mean()), unit_truth, seed)
    named = votes.mean(axis=0)
    clearness = (recall - named) / np.sqrt(np.maximum(named * (1 - named), 1e-12) / sizes)
    order = sorted(range(num_labels), key=lambda i: (-clearness[i], labels[i]))[:3]
    is_clear = p <= _P_LIMIT and accuracy - chance >= min(_MIN_GAIN, _MIN_LIFT * chance)
    return Shortcut(cue, accuracy, chance, p, {labels[i]: float(recall[i]) for i in order}, bool(is_clear))


def _result_of_each(
    cue: Cue,
    predicted: NDArray[np.int64],
    has_label: NDArray[np.int64],
    units: Sequence[NDArray[np.int64]],
    labels: Sequence[str],
    seed: int,
) -> Shortcut:
    """Of several labels a clip: how well the label that is told best is told, against the best under shuffles."""
    votes = np.stack([np.maximum(predicted[unit], 0).mean(axis=0) for unit in units])
    of_unit = np.stack([has_label[unit[0]] for unit in units]).astype(np.float64)

    def balanced(truth: NDArray[np.float64]) -> NDArray[np.float64]:
        hits = (votes * truth).sum(axis=0) / np.maximum(truth.sum(axis=0), 1)
        rejections = ((1 - votes) * (1 - truth)).sum(axis=0) / np.maximum((1 - truth).sum(axis=0), 1)
        return np.asarray((hits + rejections) / 2)

    each = balanced(of_unit)
    accuracy, chance, p = _against_shuffles(cue, lambda truth: float(balanced(truth).max()), of_unit, seed)
    order = sorted(range(len(labels)), key=lambda i: (-each[i], labels[i]))[:3]
    is_clear = p <= _P_LIMIT and accuracy - chance >= _MIN_GAIN
    return Shortcut(
        cue, accuracy, chance, p, {labels[i]: float(each[i]) for i in order}, bool(is_clear), is_multilabel=True
    )


def _against_shuffles(
    cue: Cue, statistic: Callable[[NDArray[Any]], float], of_unit: NDArray[Any], seed: int
) -> tuple[float, float, float]:
    """The statistic of what each unit is, its mean when that is shuffled over the units, and the p-value."""
    observed = statistic(of_unit)
    generator = item_generator(seed, "shortcut", cue.name)
    shuffled = np.array([statistic(generator.permutation(of_unit)) for _ in range(_NUM_SHUFFLES)])
    p = (1 + np.count_nonzero(shuffled >= observed)) / (1 + _NUM_SHUFFLES)
    return observed, float(shuffled.mean()), float(p)
