"""What is to be said of arms that stand beside the others: a model that has learned from no clip, few-shot methods."""

from __future__ import annotations

from menura.classify.results import Difference
from menura.studies.arm_table import FEW_SHOT_ARMS
from menura.studies.settings import ZERO_SHOT
from menura.studies.summary import Table
from menura.studies.verdict import ALPHA, METRIC_NAMES, p_text, points, span
from menura.types import Finding

__all__ = ["few_shot_findings", "untrained_findings"]


def untrained_findings(table: Table, *, fine_tuned_on: int = 0) -> list[Finding]:
    """That ``zero-shot`` is better than every trained arm, where it is; and what its numbers do not mean.

    Args:
        table: All cells.
        fine_tuned_on: Training clips that its model has learned from after all.
    """
    difference = table.untrained()
    if difference is None:
        return []
    found = []
    if difference.gain > 0:
        reached, best = (f"{100 * table.mean(arm):.1f} %" for arm in (ZERO_SHOT, difference.baseline))
        how = f"fine-tuned on {fine_tuned_on} clips" if fine_tuned_on else "without a clip to learn from"
        found.append(
            Finding(
                kind="zero_shot_is_best",
                severity="note",
                message=(
                    f"{ZERO_SHOT} is better than every trained arm: {reached} {METRIC_NAMES[table.metric]} {how}, "
                    f"{best} for {difference.baseline!r}, the best of them "
                    f"{_ahead(difference)}. The verdict is about the synthetic clips and leaves it "
                    "out. Unless the model was trained on these very recordings, it may be all that you need"
                ),
                remedy="use the text model as it is, as a judge (menura augment --text-model), or as --encoder clap:…",
                details={"gain": difference.gain, "interval": list(difference.interval), "p": difference.p},
            )
        )
    if table.multilabel:
        found.append(
            Finding(
                kind="zero_shot_only_ranks",
                severity="note",
                message=f"{ZERO_SHOT} only ranks clips where they have several labels: of its numbers, only mAP counts",
            )
        )
    return found


def few_shot_findings(table: Table) -> list[Finding]:
    """Each few-shot arm that is better than every other arm that learns from clips."""
    found = []
    for arm in FEW_SHOT_ARMS:
        difference = table.untrained(arm)
        if difference is None or difference.gain <= 0:
            continue
        reached, best = (f"{100 * table.mean(name):.1f} %" for name in (arm, difference.baseline))
        found.append(
            Finding(
                kind="few_shot_is_best",
                severity="note",
                message=(
                    f"{arm} is better than every arm of the classifier that was asked for, from the real clips alone: "
                    f"{reached} {METRIC_NAMES[table.metric]}, {best} for {difference.baseline!r}, the best of them "
                    f"{_ahead(difference)}. The verdict is about the synthetic clips and leaves it out"
                ),
                remedy="evaluate the synthetic clips with that classifier too: a gain for a weaker one is worth less",
                details={
                    "arm": arm, "gain": difference.gain, "interval": list(difference.interval), "p": difference.p,
                },
            )
        )  # fmt: skip
    return found


def _ahead(difference: Difference) -> str:
    """By how much, in brackets, and whether that may be luck."""
    is_sure = difference.interval[0] > 0 and difference.p < ALPHA
    luck = "more than luck explains" if is_sure else "which may be luck"
    return (
        f"({points(difference.gain)} points, 95 % interval {span(difference.interval)}, {p_text(difference.p)}), {luck}"
    )
