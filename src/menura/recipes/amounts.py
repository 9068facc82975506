"""How many clips each label gets."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from menura.config import DEFAULT_TIMES, AmountSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.plan import lead_labels
from menura.pipeline.shortfall import Rejection, Shortfall
from menura.types import Clip, Request

__all__ = ["candidates_for", "leading_clips", "targets", "to_explain", "to_replace"]

LOWEST_PASS_RATE = 0.2
"""Pass rate below which a revision makes no more candidates: the label needs another setting, not more tries."""


def leading_clips(training: TrainingPart) -> dict[str, tuple[Clip, ...]]:
    """Label to the clips that count for it: a clip with several labels for its rarest one, an exact copy not at all."""
    lead = lead_labels(training.counts())
    found: dict[str, dict[str, Clip]] = {}
    for clip in training.clips:
        found.setdefault(lead(clip.labels), {}).setdefault(clip.id, clip)
    return {label: tuple(found[label].values()) for label in sorted(found)}


def targets(training: TrainingPart, amount: AmountSettings) -> dict[str, int]:
    """Label to the number of synthetic clips that shall be kept.

    With several labels a clip, a child has all labels of its parent and counts for the rarest of them; the common
    labels grow along with it.

    Raises:
        ConfigError: The amount asks for no clip at all, or names a label that there is not.
    """
    leading = leading_clips(training)
    counts = Counter({label: len(clips) for label, clips in leading.items()})
    if amount.by_label is not None:
        wanted = _named(leading, amount.by_label)
    elif amount.per_label is not None:
        wanted = dict.fromkeys(leading, amount.per_label)
    elif amount.balance:
        largest = max(training.counts().values())
        wanted = {label: largest - training.counts()[label] for label in leading}
    else:
        times = DEFAULT_TIMES if amount.times is None else amount.times
        wanted = {label: math.floor(times * counts[label] + 0.5) for label in leading}
    if not any(wanted.values()):
        why = "every label is as large as the largest one" if amount.balance else f"times={amount.times} rounds to none"
        why = "by_label names no clip" if amount.by_label is not None else why
        raise ConfigError(f"the amount asks for no clip: {why}; give --times or --per-label")
    return wanted


def _named(leading: Iterable[str], by_label: Mapping[str, int]) -> dict[str, int]:
    labels = tuple(leading)
    unknown = sorted(set(by_label) - set(labels))
    if unknown:
        raise ConfigError(
            f"by_label names {', '.join(unknown)}, but no training clip counts for it; labels: {', '.join(labels)}"
        )
    return {label: by_label.get(label, 0) for label in labels}


def candidates_for(wanted: Mapping[str, int], surplus: float) -> dict[str, int]:
    """Label to the number of candidates, so that the selection has a choice."""
    return {label: math.ceil(round(target * surplus, 6)) for label, target in wanted.items()}


def to_replace(shortfall: Shortfall, surplus: float) -> Iterator[Request]:
    """The rejected requests of a label that a revision replaces: as many as it takes at the pass rate so far.

    Args:
        shortfall: Of the label.
        surplus: Candidates for each clip to be kept.
    """
    return islice(shortfall.rejected, _num_to_replace(shortfall, surplus))


def to_explain(shortfall: Shortfall, surplus: float) -> Iterator[Rejection]:
    """The same requests as :func:`to_replace`, each with the evidence against it."""
    return islice(shortfall.explained, _num_to_replace(shortfall, surplus))


def _num_to_replace(shortfall: Shortfall, surplus: float) -> int:
    return math.ceil(shortfall.missing * surplus / max(shortfall.pass_rate, LOWEST_PASS_RATE))
