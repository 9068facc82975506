"""What became of the clips of one variant: asked for, passed round by round, kept, how varied, and how near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.metrics.distance import kernel_distance
from menura.metrics.diversity import vendi_score
from menura.metrics.projection import Standard
from menura.pipeline.decide import RoundRate, all_labels
from menura.pipeline.run import Run
from menura.studies.cells import safe_name
from menura.studies.job import RunLike
from menura.studies.lab import Lab, load_lab
from menura.studies.packs import read_pack
from menura.studies.splits import Split
from menura.studies.study import Study
from menura.studies.synthio_runs import VariantRuns

__all__ = ["Nearness", "VariantFacts", "facts_of", "measure_sounds"]

_HEARD_BY = "linear"
"""The classifier whose features are embeddings."""


@dataclass(frozen=True, slots=True)
class Nearness:
    """The clips of one fold and seed against the held-out clips of the fold, which nothing has learned from.

    Attributes:
        kad: Kernel audio distance, around 0 for clips like the held-out ones.
        vendi: Vendi score within a label, mean over labels; it grows with the number of clips.
    """

    kad: float
    vendi: float


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """Of all folds and seeds together.

    Attributes:
        asked, kept: Mean number of clips of a fold and seed.
        rounds: What became of the requests of each round; none for clips of two runs.
        kad, vendi: Means of :class:`Nearness`; None where the classifier has no embeddings, or clips are too few.
    """

    asked: float
    kept: float
    rounds: tuple[RoundRate, ...]
    kad: float | None
    vendi: float | None


def facts_of(study: Study, runs: VariantRuns) -> VariantFacts:
    """Reads the finished runs of a variant.

    Raises:
        RunError: A run is gone or damaged.
    """
    lab = load_lab(study.spec)
    asked, kept = [], []
    rounds: list[tuple[RoundRate, ...]] = []
    near: list[Nearness] = []
    for split, seed in study.units:
        unit = f"fold-{safe_name(split.name)}-seed-{seed}"
        run = runs.opened(unit, seed)
        rates = run.keep_rates().values()
        asked.append(sum(rate.target for rate in rates))
        kept.append(sum(rate.kept for rate in rates))
        if isinstance(run, Run):
            rounds.append(all_labels(run.round_rates()))
        found = _nearness(study, lab, split, unit, run)
        near += [found] if found else []
    return VariantFacts(
        asked=float(np.mean(asked)),
        kept=float(np.mean(kept)),
        rounds=all_labels({str(number): rates for number, rates in enumerate(rounds)}),
        kad=float(np.mean([one.kad for one in near])) if near else None,
        vendi=float(np.mean([one.vendi for one in near])) if near else None,
    )


def measure_sounds(made: NDArray[np.float32], labels: Sequence[str], held_out: NDArray[np.float32]) -> Nearness | None:
    """Distance and variety of some clips; None with fewer than two of either.

    Args:
        made: Embeddings ``[clips, dim]``.
        labels: One for each of them.
        held_out: Embeddings of real clips ``[clips, dim]``; dimensions are standardised by them.
    """
    if min(len(made), len(held_out)) < 2:
        return None
    standard = Standard.of(held_out)
    placed, names = standard.apply(made), np.array(labels)
    return Nearness(
        kad=kernel_distance(standard.apply(held_out), placed, resamples=1).value,
        vendi=float(np.mean([vendi_score(placed[names == name]) for name in sorted(set(labels))])),
    )


def _nearness(study: Study, lab: Lab, split: Split, unit: str, run: RunLike) -> Nearness | None:
    ears = next((classifier for classifier in lab.classifiers if classifier.name == _HEARD_BY), None)
    if ears is None:
        return None
    fingerprint, shared = lab.fingerprint(ears), study.shared or study.folder
    kept = run.kept()
    ids = [f"synthetic {clip.id}" for clip in kept]
    tested = [clip.id for clip in split.test]
    made = read_pack(study.folder / "features" / f"{unit}-synthetic-{_HEARD_BY}.safetensors", fingerprint, ids)
    real = read_pack(shared / "features" / f"real-{_HEARD_BY}.safetensors", fingerprint, tested)
    if not made or not real:
        return None
    embedded, held_out = (np.stack([pack[name] for name in names]) for pack, names in ((made, ids), (real, tested)))
    return measure_sounds(embedded, [clip.labels[0] for clip in kept], held_out)
