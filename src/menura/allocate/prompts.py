"""Which prompts the next clips of a label come from: those whose clips pass the judges and leave a learner unsure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from menura.allocate.budget import allocate

__all__ = ["PRIOR_CLIPS", "choose_by_prompt", "prompt_weights"]

ItemT = TypeVar("ItemT")

PRIOR_CLIPS = 2.0
"""Clips of the label's mean that each prompt is averaged with."""


def prompt_weights(
    values: Iterable[tuple[str, float]], *, prior: float = PRIOR_CLIPS
) -> tuple[dict[str, float], float]:
    """What another clip from each prompt of a label is worth: ``(sum + prior * mean) / (count + prior)``.

    Args:
        values: Prompt and worth of each candidate so far: how unsure the learner that knows real clips alone is of it,
            zero where the judges rejected it. So a prompt that the model cannot follow loses, and so does one whose
            clips teach nothing.
        prior: Candidates of the label's mean that each prompt is averaged with.

    Returns:
        Prompt to weight, and the weight of a prompt that has not been tried: the mean of the label.

    Source:
        The worth is that of feedback-guided synthesis, which prefers samples of high entropy under a classifier of
        real data (Hemmat et al. 2023, arXiv:2310.00158); there it steers the diffusion, here the choice of prompts.
    """
    sums: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for prompt, value in values:
        sums[prompt] += value  # type: ignore[assignment]  # a Counter of worths
        counts[prompt] += 1
    if not counts:
        return {}, 1.0
    mean = float(sum(sums.values())) / counts.total()
    return {name: (sums[name] + prior * mean) / (counts[name] + prior) for name in sorted(counts)}, mean


def choose_by_prompt(
    items: Sequence[tuple[str, ItemT]], wanted: int, weights: Mapping[str, float], untried: float, *, even_share: float
) -> list[ItemT]:
    """So many of the items, prompts by their weights, the first of each prompt first; in the order they came in.

    Where every prompt is new and different these are simply the first ones.

    Args:
        items: Prompt and item, in the order of a plan that is longer than wanted.
        wanted: How many to take.
        weights, untried: See :func:`prompt_weights`.
        even_share: Share that is given out as often as prompts occur in the plan.
    """
    offered = Counter(prompt for prompt, _ in items)
    names = list(offered)
    occurrence = np.array([offered[name] for name in names], dtype=np.float64)
    worth = np.array([weights.get(name, untried) for name in names]) * occurrence
    counts = allocate(wanted, worth, cap=occurrence.astype(np.int64), even=occurrence, even_share=even_share)
    left = dict(zip(names, counts.tolist(), strict=True))
    chosen = []
    for prompt, item in items:
        if left[prompt] > 0:
            left[prompt] -= 1
            chosen.append(item)
    return chosen
