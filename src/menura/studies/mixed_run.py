"""Clips of two finished runs as if they were those of one: half of each, label by label."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from menura.pipeline.decide import KeepRate
from menura.seeding import item_generator
from menura.studies.job import RunLike
from menura.types import Clip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MixedRun"]


class MixedRun:
    """As many clips as each of two runs was asked for; where one kept too few, the other gives more.

    Which clips of a run are taken is drawn, so that neither its first round nor some of its parents are preferred.

    Args:
        runs: Two finished runs with equal targets.
        lead: The label that clips with these labels count for.
        seed: Of the draw.
        key: Further part of the draw's key.
    """

    def __init__(
        self, runs: tuple[RunLike, RunLike], *, lead: Callable[[Sequence[str]], str], seed: int, key: str
    ) -> None:
        self._runs, self._lead, self._seed, self._key = runs, lead, seed, key

    def kept(self) -> tuple[Clip, ...]:
        """The clips of the first run, then those of the second."""
        return tuple(clip for part in self._parts() for clip in part)

    def keep_rates(self) -> dict[str, KeepRate]:
        """Label to the requests of both runs, and to the clips that were taken."""
        taken = Counter(self._lead(clip.labels) for clip in self.kept())
        first, second = (run.keep_rates() for run in self._runs)
        return {
            label: KeepRate(
                rate.target, rate.planned + second[label].planned, rate.made + second[label].made,
                rate.passed + second[label].passed, taken[label],
            )
            for label, rate in first.items()
        }  # fmt: skip

    def embeddings(self, encoder: str, *, highest_rate: int) -> Mapping[str, NDArray[np.float32]]:
        """Of the clips of both runs."""
        first, second = (run.embeddings(encoder, highest_rate=highest_rate) for run in self._runs)
        return {**first, **second}

    def _parts(self) -> tuple[list[Clip], list[Clip]]:
        ours, theirs = (self._by_label(run.kept()) for run in self._runs)
        parts: tuple[list[Clip], list[Clip]] = ([], [])
        for label, rate in self._runs[0].keep_rates().items():
            first, second = ours.get(label, []), theirs.get(label, [])
            from_second = min(rate.target // 2, len(second))
            from_first = min(rate.target - from_second, len(first))
            parts[0].extend(self._some(first, from_first, label, 0))
            parts[1].extend(self._some(second, min(rate.target - from_first, len(second)), label, 1))
        return parts

    def _some(self, clips: Sequence[Clip], count: int, label: str, run: int) -> list[Clip]:
        order = item_generator(self._seed, "mixed", self._key, label, run).permutation(len(clips))
        return [clips[place] for place in sorted(order[:count])]

    def _by_label(self, clips: Sequence[Clip]) -> dict[str, list[Clip]]:
        found: dict[str, list[Clip]] = defaultdict(list)
        for clip in clips:
            found[self._lead(clip.labels)].append(clip)
        return found
