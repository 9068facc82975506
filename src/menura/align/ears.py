"""How generated clips are heard beside the real training clips: distance, labels, diversity, nearness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.align.cache import levelled
from menura.align.held_out import Division
from menura.align.pairs import Sound
from menura.align.reward import scores_of
from menura.align.settings import RewardName
from menura.align.sounds import read_sound
from menura.audio import resample
from menura.backends.base import Encoder
from menura.judge.agreement import Space, fit_labels, held_out_units, space_of
from menura.metrics.distance import kernel_distance, median_distance
from menura.metrics.diversity import nearest_distances, vendi_score
from menura.types import Clip, Recording

__all__ = ["Ears", "Heard", "near_p"]

_USUAL = 0.05


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of a set of generated clips; see :class:`menura.align.checks.Check`."""

    kad: float
    agreement: float | None
    vendi: float
    nearest: float
    real_nearest: float
    near_share: float
    near_p: float


@dataclass(frozen=True)
class Ears:
    """The training clips as an encoder hears them. Make one with :meth:`of`.

    Attributes:
        encoder: Gives the embeddings.
        sample_rate: That everything is heard at, in Hz.
        target_dbfs: Peak that everything is heard at; None leaves levels.
        longest_s: Of what is heard of a real clip, in seconds.
        space: Where embeddings are compared.
        labels: Sorted.
        learned, validation: Placed embeddings ``[clips, dim]`` of each part.
        targets: Which labels the learned clips carry ``[clips, labels]``.
        weights: Linear classifier ``[dim, labels]``, fitted to both parts.
        bandwidth: Of kernels: the median distance of the real clips.
        real_nearest: Distance of each real clip to the nearest learned one of another group ``[clips]``.
    """

    encoder: Encoder
    sample_rate: int
    target_dbfs: float | None
    longest_s: float
    space: Space
    labels: tuple[str, ...]
    learned: NDArray[np.float32]
    validation: NDArray[np.float32]
    targets: NDArray[np.bool_]
    weights: NDArray[np.float32]
    bandwidth: float
    real_nearest: NDArray[np.float64]

    @classmethod
    def of(
        cls, division: Division, encoder: Encoder, *, sample_rate: int, target_dbfs: float | None, longest_s: float
    ) -> Ears:
        """Hears all training clips once.

        Raises:
            RunError: A clip cannot be read.
            DatasetError: Most clips are equal.
        """
        clips = (*division.learned.clips, *division.validation.clips)

        def embedded(clip: Clip) -> NDArray[np.float32]:
            recording = _heard_as(read_sound(clip.path), sample_rate, target_dbfs, longest_s)
            return np.asarray(encoder.embed([recording])[0])

        embeddings = np.stack([embedded(clip) for clip in clips])
        space = space_of(embeddings)
        placed = space.place(embeddings)
        labels = tuple(sorted({label for clip in clips for label in clip.labels}))
        targets = np.array([[label in clip.labels for label in labels] for clip in clips], dtype=bool)
        units = held_out_units(targets, [clip.group for clip in clips])
        count = len(division.learned.clips)
        return cls(
            encoder, sample_rate, target_dbfs, longest_s, space, labels, placed[:count], placed[count:],
            targets[:count], fit_labels(placed, targets, units).weights, median_distance(placed),
            _nearest_of_others(placed, [clip.group or f"clip {clip.id}" for clip in clips], count),
        )  # fmt: skip

    def embed(self, sounds: Sequence[Sound]) -> NDArray[np.float32]:
        """Placed embeddings ``[sounds, dim]``."""
        heard = [_heard_as(read_sound(sound.path), self.sample_rate, self.target_dbfs, np.inf) for sound in sounds]
        return self.space.place(np.stack([self.encoder.embed([recording])[0] for recording in heard]))

    def targets_of(self, labels: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
        """Which labels each sound carries ``[sounds, labels]``."""
        return np.array([[label in own for label in self.labels] for own in labels], dtype=bool)

    def judge(self, sounds: Sequence[Sound], labels: Sequence[Sequence[str]]) -> Heard:
        """What is heard of a set of generated clips."""
        made, targets = self.embed(sounds), self.targets_of(labels)
        nearest = nearest_distances(made, self.learned)
        usual = float(np.quantile(self.real_nearest, _USUAL))
        right = targets[np.arange(len(made)), np.argmax(made @ self.weights, axis=1)]
        return Heard(
            kad=kernel_distance(self.validation, made, bandwidth=self.bandwidth, resamples=1).value,
            agreement=float(right.mean()) if len(self.labels) > 1 else None,
            vendi=vendi_score(made),
            nearest=float(np.median(nearest)),
            real_nearest=float(np.median(self.real_nearest)),
            near_share=float((nearest < usual).mean()),
            near_p=near_p(nearest, self.real_nearest),
        )

    def scores(self, reward: RewardName, sounds: Sequence[Sound], labels: Sequence[Sequence[str]]) -> dict[str, float]:
        """Id of each generated clip to its score by the reward; a higher one is better."""
        found = scores_of(
            reward, self.embed(sounds), self.targets_of(labels), self.learned, self.targets,
            weights=self.weights, bandwidth=self.bandwidth,
        )  # fmt: skip
        return {sound.id: float(score) for sound, score in zip(sounds, found, strict=True)}


def near_p(nearest: NDArray[np.float64], real_nearest: NDArray[np.float64]) -> float:
    """How likely generated clips would be as near to training clips as they are if they were new real ones.

    The smaller p-value of two one-sided tests, doubled: of the ranks of all distances (a whole set that is near), and
    of the number of distances below the 5 % smallest of the real ones (a few copies among many others).

    Args:
        nearest: Of generated clips to the nearest training clip.
        real_nearest: Of real clips to the nearest other training clip.

    Source:
        After the three-sample test of data copying, Meehan et al. 2020, arXiv:2004.05675.
    """
    from scipy.stats import binomtest, mannwhitneyu

    finite = real_nearest[np.isfinite(real_nearest)]
    if not finite.size or not nearest.size:
        return 1.0
    ranks = float(mannwhitneyu(nearest, finite, alternative="less").pvalue)
    usual = np.quantile(finite, _USUAL)
    expected = max(_USUAL, (1 + int((finite <= usual).sum())) / (1 + len(finite)))
    few = float(binomtest(int((nearest < usual).sum()), len(nearest), min(1.0, expected), alternative="greater").pvalue)
    return min(1.0, 2 * min(ranks, few))


def _nearest_of_others(placed: NDArray[np.float32], units: Sequence[str], count: int) -> NDArray[np.float64]:
    """Of each clip to the nearest of the first ``count`` clips that is of another unit; inf without one."""
    names, nearest = np.array(units), np.full(len(placed), np.inf)
    for row, one in enumerate(placed):
        others = placed[:count][names[:count] != names[row]]
        if len(others):
            nearest[row] = nearest_distances(one[None], others)[0]
    return np.asarray(nearest[np.isfinite(nearest)], dtype=np.float64)


def _heard_as(recording: Recording, sample_rate: int, target_dbfs: float | None, longest_s: float) -> Recording:
    waveform = resample(recording.waveform, recording.sample_rate, sample_rate)
    if np.isfinite(longest_s):
        waveform = waveform[:, : max(1, round(longest_s * sample_rate))]
    return Recording(levelled(waveform, target_dbfs), sample_rate)
